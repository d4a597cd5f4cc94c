"""The server on a loopback port instead of pipes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.support.client import ROOT, Editor
from tests.support.waiting import DEADLINE_S


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {**os.environ, "CODESLM_TEST_SCRIPT": json.dumps({"answers": {"ret": "urn 1"}})}
    command = [sys.executable, "-m", "tests.support.replay_server", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        yield process, port
        process.kill()


async def connect(port: int) -> LanguageClient:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            client = LanguageClient("test", "1")
            try:
                await client.start_tcp("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                return client


async def test_a_session_over_tcp(server: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = server
    client = await connect(port)
    await client.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities()))
    client.initialized(types.InitializedParams())
    editor = Editor(client)
    editor.open("file:///a.py", "def f():\n    ret")
    [item] = await editor.complete("file:///a.py", 16)
    assert item.insert_text == "urn 1"
    await editor.leave()
    assert await asyncio.to_thread(process.wait, 10) == 0


async def test_it_ends_when_the_client_hangs_up(server: tuple[subprocess.Popen[bytes], int]) -> None:
    process, port = server
    client = await connect(port)
    await client.initialize_async(types.InitializeParams(capabilities=types.ClientCapabilities()))
    writer = client.protocol.writer
    assert writer is not None
    writer.close()
    await asyncio.to_thread(process.wait, 10)
