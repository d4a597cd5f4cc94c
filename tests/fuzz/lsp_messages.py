"""``python -m tests.fuzz.lsp_messages SECONDS [SEED]``: what no editor should send → a real server over its pipes.

After each burst a document is opened and completed, and that has to be answered; nothing of what was sent may stand in
the log. A frame that is broken is another matter: nobody can say where the next message begins, and a change that is
lost would put every later one in the wrong place. Then the server ends, with a sentence in the log and the exit status
1, and the editor starts it again. ``BROKEN_FRAMES`` are those.
"""

from __future__ import annotations

import json
import os
import queue
import random
import re
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.fuzz.chance import ODD, damaged, run_script
from tests.support.client import ROOT

PATIENCE_S = 120
"""For an answer. Nothing takes a hundredth of it, but a machine may be busy."""

MARK = "a_word_of_the_user"
"""Stands in every text that is sent, and must not stand in the log."""

URI = "file:///work/fuzzed.py"
TEXT = f"def area(width, height):  # {MARK}\n    return width * height\n\n\nvalue = "

_AT = {"line": 1, "character": 4}
_SPAN = {"start": {"line": 0, "character": 2}, "end": _AT}
_DOCUMENT = {"uri": URI}
_VERSIONED = {"uri": URI, "version": 2}
_CELL = {"kind": 2, "document": "file:///work/book.ipynb#1"}
_BOOK = {"uri": "file:///work/book.ipynb", "notebookType": "jupyter", "version": 1, "cells": [_CELL]}
_TEXT_OF_CELL = {"uri": _CELL["document"], "languageId": "python", "version": 1, "text": TEXT}

_NOTICES: dict[str, Any] = {
    "textDocument/didOpen": {"textDocument": {"uri": URI, "languageId": "python", "version": 1, "text": TEXT}},
    "textDocument/didChange": {"textDocument": _VERSIONED, "contentChanges": [{"range": _SPAN, "text": MARK}]},
    "textDocument/didClose": {"textDocument": _DOCUMENT},
    "textDocument/didSave": {"textDocument": _DOCUMENT, "text": TEXT},
    "notebookDocument/didOpen": {"notebookDocument": _BOOK, "cellTextDocuments": [_TEXT_OF_CELL]},
    "notebookDocument/didChange": {
        "notebookDocument": {"uri": _BOOK["uri"], "version": 2},
        "change": {"cells": {"structure": {"array": {"start": 0, "deleteCount": 1, "cells": [_CELL]}}}},
    },
    "notebookDocument/didClose": {
        "notebookDocument": {"uri": _BOOK["uri"]},
        "cellTextDocuments": [{"uri": _CELL["document"]}],
    },
    "codeslm/didMoveCursor": {"textDocument": _DOCUMENT, "position": _AT},
    "textDocument/didShowCompletion": {"item": {"command": {"command": "codeslm.accepted", "arguments": ["1"]}}},
    "textDocument/didPartiallyAcceptCompletion": {"item": {"command": {"arguments": ["1"]}}, "acceptedLength": 3},
    "codeslm/didDismissCompletion": {"item": {"insertText": MARK}},
    "workspace/didChangeConfiguration": {"settings": {"codeslm": {"prompt": {"max_tokens": 4096}}}},
    "workspace/didChangeWatchedFiles": {"changes": [{"uri": URI, "type": 2}]},
    "$/cancelRequest": {"id": 7},
    "$/setTrace": {"value": "verbose"},
    "window/workDoneProgress/cancel": {"token": "7"},
    "codeslm/nothing": {"text": TEXT},
}
_REQUESTS: dict[str, Any] = {
    "textDocument/inlineCompletion": {
        "textDocument": _DOCUMENT,
        "position": _AT,
        "context": {"triggerKind": 1, "selectedCompletionInfo": {"range": _SPAN, "text": MARK}},
    },
    "textDocument/codeAction": {"textDocument": _DOCUMENT, "range": _SPAN, "context": {"diagnostics": []}},
    "textDocument/hover": {"textDocument": _DOCUMENT, "position": _AT},
    "codeslm/nothing": {"text": TEXT},
}
_COMMANDS: dict[str, Any] = {
    "explainLast": [],
    "statistics": [],
    "accepted": ["1"],
    "nothing": [TEXT],
    "ask": [{"words": MARK, "textDocument": _DOCUMENT, "range": _SPAN}],
    "explain": [
        {
            "textDocument": _DOCUMENT,
            "range": _SPAN,
            "diagnostics": [{"range": _SPAN, "message": MARK, "source": "x", "code": 3}],
            "stream": "here",
        }
    ],
}

Answer = dict[str, Any]


class Server:
    """The real server with the replaying engine, and what it says."""

    def __init__(self) -> None:
        script = {"default": "42", "command_answers": ["It computes an area."]}
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CODESLM_TEST_SCRIPT": json.dumps(script)}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  Open as long as the server is.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.replay_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=environment,
        )
        self._answers: queue.Queue[Answer | None] = queue.Queue()
        self._n_asked = 0
        self._answered: dict[Any, Answer] = {}
        self._said = b""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        options = {"context": {"enabled": False}, "completion": {"prefetch": "never"}}
        parameters = {"capabilities": {}, "processId": None, "rootUri": None, "initializationOptions": options}
        self.send(framed(request("initialize", parameters, "first")))
        self.answer_to("first")
        self.send(framed(notice("initialized", {})))

    def send(self, data: bytes) -> None:
        """Write, whatever it is."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def answer_to(self, number: int | str) -> Answer:
        """Wait for the answer to a request."""
        while number not in self._answered:
            answer = self._answers.get(timeout=PATIENCE_S)
            assert answer is not None, f"the server has ended: {self.log()[-2000:]!r}"
            if "method" not in answer and isinstance(answer["id"], int | str):
                self._answered[answer["id"]] = answer
        return self._answered.pop(number)

    def complete(self) -> None:
        """Open a document and complete it, as an editor does."""
        self._n_asked += 1
        number, uri = f"valid {self._n_asked}", f"file:///work/valid{self._n_asked}.py"
        document = {"uri": uri, "languageId": "python", "version": 1, "text": TEXT}
        at = {"line": 4, "character": 8}
        asked = {"textDocument": {"uri": uri}, "position": at, "context": {"triggerKind": 1}}
        self.send(framed(notice("textDocument/didOpen", {"textDocument": document})))
        self.send(framed(request("textDocument/inlineCompletion", asked, number)))
        answer = self.answer_to(number)
        assert answer["result"]["items"][0]["insertText"] == "42", answer
        self.send(framed(notice("textDocument/didClose", {"textDocument": {"uri": uri}})))

    def ended(self) -> int:
        """Its exit status, once it has ended by itself."""
        status = self._process.wait(PATIENCE_S)
        self._close()
        return status

    def leave(self) -> None:
        """End the session as an editor does. What was logged must not quote the user."""
        self.send(framed(request("shutdown", None, "last")))
        self.answer_to("last")
        self.send(framed(notice("exit", None)))
        status, log = self.ended(), self.log()
        assert status == 0, log[-2000:]
        assert MARK.encode() not in log, log[-2000:]

    def kill(self) -> None:
        """Nobody wants to know any more."""
        self._process.kill()
        self.ended()

    def log(self) -> bytes:
        """All it has written to standard error."""
        if not self._log.closed:
            self._said = os.pread(self._log.fileno(), 1 << 24, 0)
        return self._said

    def _close(self) -> None:
        self.log()
        self._reading.join()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while header := self._process.stdout.readline():
            n_bytes = int(header.partition(b":")[2])
            while self._process.stdout.readline().strip():
                pass
            self._answers.put(json.loads(self._process.stdout.read(n_bytes)))
        self._answers.put(None)


def request(method: str, params: Any, number: Any) -> Answer:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def notice(method: str, params: Any) -> Answer:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def framed(message: Any) -> bytes:
    """A message as it is to be sent. Lone surrogates are escaped, as JSON allows."""
    return framed_bytes(json.dumps(message).encode())


def framed_bytes(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


# --- Bursts ------------------------------------------------------------------------------------------------------


def _valid(chance: random.Random, number: int) -> Answer:
    kind = chance.randrange(3)
    if kind == 0:
        return notice(*chance.choice(list(_NOTICES.items())))
    if kind == 1:
        return request(*chance.choice(list(_REQUESTS.items())), number)
    name, arguments = chance.choice(list(_COMMANDS.items()))
    return request("workspace/executeCommand", {"command": f"codeslm.{name}", "arguments": arguments}, number)


def wrong_parameters(chance: random.Random) -> bytes:
    """Messages of every kind of which some part is not what it should be. All are answered that are requests."""
    sent = []
    for _ in range(12):
        message = _valid(chance, chance.getrandbits(30))
        if chance.random() < 0.9:
            message["params"] = damaged(message["params"], chance, chance.randint(1, 3))
        sent.append(framed(message))
    return b"".join(sent)


def wrong_messages(chance: random.Random) -> bytes:
    """The frame is right, and the message is none."""
    sent = []
    for number in range(8):
        message = _valid(chance, number)
        match chance.randrange(6):
            case 0:
                sent.append(framed(damaged(message, chance)))
            case 1:
                sent.append(framed(chance.choice(ODD)))
            case 2:
                sent.append(framed([message, message]))
            case 3:
                body = bytearray(json.dumps(message).encode())
                for _ in range(chance.randint(1, 4)):
                    body[chance.randrange(len(body))] = chance.randrange(256)
                sent.append(framed_bytes(bytes(body)))
            case 4:
                body = bytearray(json.dumps(message).encode())
                sent.append(framed_bytes(bytes(body[: chance.randrange(1, len(body))])))
            case _:
                sent.append(framed_bytes(chance.randbytes(chance.randint(1, 400))))
    return b"".join(sent)


def wrong_order(chance: random.Random) -> bytes:
    """Versions doubled and in any order, documents opened twice and never, answers to what was not asked."""
    sent = [_NOTICES["textDocument/didOpen"]]
    messages = [notice("textDocument/didOpen", _NOTICES["textDocument/didOpen"])]
    for version in chance.choices((-1, 0, 1, 2, 3, 3, 7, 2**31 - 1), k=8):
        start, end = ({"line": chance.randrange(9), "character": chance.randrange(50)} for _ in range(2))
        change = {"range": {"start": start, "end": end}, "text": chance.choice((MARK, "\n", "", "\r", "é😀", "\ud83d"))}
        of = {"uri": chance.choice((URI, "file:///work/never_opened.py")), "version": version}
        messages.append(notice("textDocument/didChange", {"textDocument": of, "contentChanges": [change]}))
    messages += [notice(method, _NOTICES[method]) for method in ("textDocument/didOpen", "textDocument/didClose")]
    messages += [request("textDocument/inlineCompletion", _REQUESTS["textDocument/inlineCompletion"], 7)] * 3
    messages += [{"jsonrpc": "2.0", "id": number, "result": sent} for number in (7, "nothing", 1.5)]
    messages += [{"jsonrpc": "2.0", "id": 7, "error": {"code": -1, "message": MARK}}]
    chance.shuffle(messages)
    return b"".join(map(framed, messages))


def deep(chance: random.Random) -> bytes:
    """Lists in lists, deeper than a parser goes, and numbers longer than it reads."""
    n = chance.choice((500, 5_000, 200_000))
    body = chance.choice((b"[" * n + b"]" * n, b'{"a":' * n + b"1" + b"}" * n, b"9" * n))
    wrapped = b'{"jsonrpc":"2.0","id":9,"method":"textDocument/inlineCompletion","params":' + body + b"}"
    return framed_bytes(wrapped) + framed_bytes(body)


def large(chance: random.Random, n_bytes: int = 3_000_000) -> bytes:
    """A document of one line or of very many."""
    line = chance.choice(("x", "x = 1\n", "é", "(", "\n", "\\", '"""', "\ud800"))
    document = {"uri": URI, "languageId": "python", "version": 1, "text": line * (n_bytes // len(line))}
    asked = request("textDocument/inlineCompletion", _REQUESTS["textDocument/inlineCompletion"], 8)
    opened = notice("textDocument/didOpen", {"textDocument": document})
    return framed(opened) + framed(asked) + framed(notice("textDocument/didClose", {"textDocument": _DOCUMENT}))


def other_headers(chance: random.Random) -> bytes:
    """Headers that are unusual, and right."""
    body = json.dumps(_valid(chance, 6)).encode()
    head = chance.choice((
        b"content-length: %d\r\n\r\n",
        b"Content-Length:%d\r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length: %d\r\nX-Other: 1\r\n\r\n",
        b"\r\nContent-Length: 0\r\n\r\nContent-Length: %d\r\n\r\n",
    ))  # fmt: skip
    return head % len(body) + body


BURSTS = (wrong_parameters, wrong_messages, wrong_order, deep, large, other_headers)

BROKEN_FRAMES: dict[str, bytes] = {
    "too short": b"Content-Length: 20\r\n\r\n" + json.dumps(notice("a", [MARK, "x" * 50])).encode(),
    "too long": b"Content-Length: 150\r\n\r\n" + json.dumps(notice("a", [MARK])).encode(),
    "none": b"\r\n" + json.dumps(notice("a", [MARK])).encode() + b"\r\n",
    "negative": b"Content-Length: -5\r\n\r\nxxxxx",
    "no number": b"Content-Length: many\r\n\r\nxxxxx",
    "other header only": b"Content-Type: text\r\n\r\n{}",
    "no end": b"x" * 200_000,
    "endless": b"Content-Length: 99999999999999\r\n\r\n{",
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


def requests_in(data: bytes) -> list[int]:
    """The numbers of requests that have some parameters of their own (see ``wrong_parameters``)."""
    return [int(number) for number in re.findall(rb'\{"jsonrpc": "2\.0", "id": (\d{5,}), "method": "', data)]


def broken_frame(name: str) -> str:
    """One of ``BROKEN_FRAMES`` ends a server that has worked, with one sentence."""
    data = BROKEN_FRAMES[name]
    server = Server()
    server.complete()
    document = {"uri": URI, "languageId": "python", "version": 1, "text": TEXT}
    behind = framed(notice("textDocument/didOpen", {"textDocument": document}))
    with suppress(BrokenPipeError):  # It has seen enough.
        server.send(data + behind * 3)
    status, log = server.ended(), server.log()
    assert status == 1, (name, status, log[-2000:])
    assert b"start the server again" in log, (name, log[-2000:])
    assert b"Traceback" not in log, (name, log[-2000:])
    assert MARK.encode() not in log, (name, log[-2000:])
    return f"ended for a broken frame: {name}"


def main() -> None:
    """One server lives as long as it can; now and then another one is given a broken frame."""
    server = Server()

    def once(chance: random.Random) -> str:
        if chance.random() < 0.02:
            return broken_frame(chance.choice(list(BROKEN_FRAMES)))
        burst = chance.choice(BURSTS)
        data = burst(chance)
        server.send(data)
        try:
            server.complete()
            for number in requests_in(data):
                server.answer_to(number)
        except BaseException:
            kept = Path(tempfile.gettempdir()) / "fuzzed_lsp_messages"
            kept.write_bytes(data)
            print(f"no answer behind {burst.__name__}, which is in {kept}")
            raise
        return f"answered behind {burst.__name__}"

    run_script(once)
    server.leave()


if __name__ == "__main__":
    main()
