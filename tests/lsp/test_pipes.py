"""Standard input and output, by hand: how the server ends, and what else than two pipes they may be."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.client import ROOT

COMMAND = (sys.executable, "-m", "tests.support.replay_server")
PATIENCE_S = 30


def message(method: str, params: Any = None, number: int | None = None) -> bytes:
    fields = {"jsonrpc": "2.0", "method": method, "params": params}
    body = json.dumps(fields if number is None else {**fields, "id": number}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


INITIALIZE = message("initialize", {"capabilities": {}, "processId": None, "rootUri": None}, 1)
SHUTDOWN = message("shutdown", None, 2)
EXIT = message("exit")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (INITIALIZE + SHUTDOWN + EXIT, 0),
        (INITIALIZE + EXIT, 1),  # As LSP wants it: without `shutdown` something has gone wrong.
        (INITIALIZE, 0),
        (b"", 0),
    ],
    ids=["shutdown", "no shutdown", "no exit", "nothing"],
)
def test_how_it_ends(said: bytes, code: int) -> None:
    ended = subprocess.run(COMMAND, input=said, capture_output=True, env=environment(), timeout=PATIENCE_S)
    assert ended.returncode == code
    assert b"Traceback" not in ended.stderr
    assert (b'"inlineCompletionProvider"' in ended.stdout) == bool(said)


def test_what_is_cut_off_ends_in_a_line_of_the_log() -> None:
    said = INITIALIZE + b"Content-Length: 40\r\n\r\n{"
    ended = subprocess.run(COMMAND, input=said, capture_output=True, env=environment(), timeout=PATIENCE_S)
    assert ended.returncode == 0
    assert b"in the middle" in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b'"inlineCompletionProvider"' in ended.stdout


def test_what_is_no_message_is_logged_without_its_text_and_the_next_is_answered() -> None:
    rubbish = b"Content-Length: 8\r\n\r\n{secret}"
    said = INITIALIZE + rubbish + SHUTDOWN + EXIT
    ended = subprocess.run(COMMAND, input=said, capture_output=True, env=environment(), timeout=PATIENCE_S)
    assert ended.returncode == 0
    assert b"JSONDecodeError" in ended.stderr
    assert b"secret" not in ended.stderr
    assert b'"id": 2' in ended.stdout


def test_messages_from_a_file(tmp_path: Path) -> None:
    script = tmp_path / "messages"
    script.write_bytes(INITIALIZE + SHUTDOWN + EXIT)
    with script.open("rb") as said:
        ended = subprocess.run(COMMAND, stdin=said, capture_output=True, env=environment(), timeout=PATIENCE_S)
    assert b'"inlineCompletionProvider"' in ended.stdout
    assert b'"id":2' in ended.stdout.replace(b" ", b"")


@pytest.mark.skipif(sys.platform == "win32", reason="there a socket is no file")
def test_one_socket_for_both() -> None:
    """It may not be read without blocking: then it would be written like that too, and long answers be cut."""
    ours, theirs = socket.socketpair()
    with (
        ours,
        subprocess.Popen(
            COMMAND, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.PIPE, env=environment()
        ) as server,
    ):
        theirs.close()
        ours.settimeout(PATIENCE_S)
        ours.sendall(INITIALIZE)
        answer = ours.recv(65536)
        assert answer.startswith(b"Content-Length")
        ours.sendall(SHUTDOWN + EXIT)
        server.wait(PATIENCE_S)
        assert server.stderr is not None
        assert b"Traceback" not in server.stderr.read()
