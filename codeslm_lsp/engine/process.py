"""A model file → an ``Engine``: starts the engine process, talks to it, starts it again when it dies, ends it.

The process that holds this object never loads the model. The engine process holds the other end of a pipe to us and
leaves when that closes, so it never outlives us.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from codeslm_lsp.engine import wire
from codeslm_lsp.engine.host import FOLDER_PREFIX
from codeslm_lsp.engine.protocol import GenerateRequest, TokenStream
from codeslm_lsp.values import (
    EngineDied,
    EngineError,
    EngineLoading,
    EngineUnavailable,
    Evaluated,
    Generation,
    ModelInfo,
    StopReason,
    Timings,
    Token,
)

CONNECT_TIMEOUT_S = 20.0
"""A Python process that imports its modules from a cold disk needs a few seconds to open its socket."""

MAX_DEATHS = 3
DEATHS_WINDOW_S = 60.0
"""An engine that dies this often within the window is not started again until something is asked of it."""

RETRY_S = 5.0
"""An engine that could not be started is not started again for every key."""

LEAVING_S = 3.0
"""An engine that has not left by then hangs: it gives itself less time to save what it has evaluated."""

SPIN_COUNT = "1000"
"""How often GNU's OpenMP looks for the other threads before it lets the core go (its default is 300,000 times). While
two other programs occupied both cores of a machine, the 1.5B evaluated 41 prompt tokens a second instead of 30, and
produced 10.4 instead of 7.3; on the idle machine both figures stayed what they were (94 to 96, and 26 to 27)."""

OnEnd = Callable[[GenerateRequest, Timings], None]
"""Told what each generation cost, however it ended."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What to run. ``n_threads`` 0 chooses from the physical cores; ``n_ctx`` and ``n_ubatch`` in tokens.

    ``cache_bytes`` is for the prompts of all documents together; one of ``n_ctx`` tokens always fits. ``disk_bytes`` is
    for those that the next engine may read from disk.
    """

    model_path: Path
    n_ctx: int = 4096
    n_ubatch: int = 64
    n_threads: int = 0
    cache_bytes: int = 0
    disk_bytes: int = 0


def choose_threads(n_physical_cores: int) -> int:
    """All cores up to two, then all but one: an oversubscribed machine collapses to a tenth of its speed."""
    return max(1, n_physical_cores if n_physical_cores <= 2 else n_physical_cores - 1)


class EngineProcess:
    """An ``Engine`` in a child process. All methods belong to one event loop."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._life: _Life | None = None
        self._starting: asyncio.Task[_Life] | None = None
        self._deaths: list[float] = []
        self._failure: tuple[float, EngineUnavailable] | None = None
        self._streams = itertools.count()
        self._evaluated = Evaluated()
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The engine's process id while it runs."""
        return self._life.process.pid if self._life else None

    async def ready(self, timeout_ms: float) -> ModelInfo:
        """See ``Engine.ready``."""
        return (await self._alive(timeout_ms)).info

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        """See ``Engine.generate``. Raises ``EngineDied`` or ``EngineUnavailable`` on entering."""
        return self._generate(request)

    @asynccontextmanager
    async def _generate(self, request: GenerateRequest) -> AsyncIterator[TokenStream]:
        life = await self._alive(timeout_ms=0)
        stream = _Stream(life, next(self._streams), request, self._count)
        try:
            yield stream
        finally:
            stream.abandon()

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``Engine.encode``."""
        life = await self._alive(timeout_ms=0)
        ids: list[list[int]] = await life.request(wire.ENCODE, {"texts": list(texts)})
        return ids

    async def n_warm(self, token_ids: Sequence[int]) -> int:
        """See ``Engine.n_warm``."""
        life = await self._alive(timeout_ms=0)
        return int(await life.request(wire.WARM, {"token_ids": list(token_ids)}))

    def evaluated(self) -> Evaluated:
        """See ``Engine.evaluated``."""
        return self._evaluated

    def _count(self, request: GenerateRequest, timings: Timings) -> None:
        before, n = self._evaluated, timings.n_prefill
        if request.background:
            self._evaluated = replace(before, n_background=before.n_background + n)
        else:
            self._evaluated = replace(before, n_foreground=before.n_foreground + n)

    async def close(self) -> None:
        """See ``Engine.close``."""
        self._closed = True
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError, EngineUnavailable):
                await self._starting
        if self._life is not None:
            await self._life.close()

    def start(self) -> None:
        """Begin to start the engine without waiting for it."""
        if self._closed or (self._starting is not None and not self._starting.done()):
            return
        if self._life is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(_retrieve)

    async def _alive(self, timeout_ms: float) -> _Life:
        if self._life is None:
            if self._closed:
                raise EngineUnavailable("The engine has been closed; restart codeslm.")
            if self._failure is not None and time.monotonic() - self._failure[0] < RETRY_S:
                raise EngineUnavailable(str(self._failure[1]))
            self.start()
            assert self._starting is not None
            done, _ = await asyncio.wait({self._starting}, timeout=timeout_ms / 1000)
            if not done:
                raise EngineLoading(f"The model {self._options.model_path.stem} is still loading; try again shortly.")
            return self._starting.result()
        return self._life

    async def _start(self) -> _Life:
        try:
            life = await _Life.begin(self._options)
        except EngineUnavailable as error:
            self._failure = (time.monotonic(), error)
            raise
        self._life, self._failure = life, None
        self._watching = asyncio.create_task(self._watch(life))
        return life

    async def _watch(self, life: _Life) -> None:
        """When the engine dies by itself, start the next one at once, unless it keeps dying."""
        await life.ended()
        self._life = None
        await life.close()
        if self._closed:
            return
        now = time.monotonic()
        self._deaths = [death for death in self._deaths if now - death < DEATHS_WINDOW_S] + [now]
        _log.warning("the engine process ended unexpectedly")
        if len(self._deaths) < MAX_DEATHS:
            self.start()


class _Life:
    """One engine process from its start to its end."""

    def __init__(
        self, process: asyncio.subprocess.Process, folder: tempfile.TemporaryDirectory[str], log: BinaryIO
    ) -> None:
        self.process = process
        self.info = ModelInfo(name="", path="", n_ctx=0, n_vocab=0)
        self.streams: dict[int, _Stream] = {}
        self._folder = folder
        self._log_file = log
        self._connection = wire.Connection()
        self._connection.feature(wire.TOKEN)(lambda params: self._on_token(params))
        self._gone = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    async def begin(cls, options: EngineOptions) -> _Life:
        """Start a process, connect, and have it load the model. Raises ``EngineUnavailable``."""
        folder = tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX, dir=_runtime_folder(), ignore_cleanup_errors=True)
        address = _free_address(Path(folder.name))
        secret = secrets.token_hex(32)
        log = (Path(folder.name) / "log").open("w+b")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "codeslm_lsp.engine.host", address),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            env={"GOMP_SPINCOUNT": SPIN_COUNT, **os.environ, wire.SECRET_VARIABLE: secret},
        )
        life = cls(process, folder, log)
        try:
            await life._connect(address)
            await life._open(options, secret)
        except BaseException:
            await life.close()
            raise
        return life

    async def request(self, method: str, params: dict[str, Any]) -> Any:
        """One JSON-RPC request.

        Raises ``EngineDied`` when the process ends before it answers, ``EngineError`` when the answer is an error.
        """
        answer = self._connection.protocol.send_request_async(method, params)
        answer.add_done_callback(_retrieve)
        gone = asyncio.create_task(self._gone.wait())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise EngineDied("The engine stopped while it was working; it is being started again.")
            return answer.result()
        except wire.RequestFailed as error:
            raise EngineError(f"The engine could not do what was asked ({error.message}); try again.") from None
        finally:
            gone.cancel()  # The answer is left to arrive: a cancelled future cannot take it.

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """One JSON-RPC notification; nothing happens when the process is gone."""
        self._connection.protocol.notify(method, params)

    async def ended(self) -> None:
        """Wait until the process or its socket is gone."""
        await self._gone.wait()

    async def close(self) -> None:
        """End the process, by force if need be, and remove what it left."""
        self._gone.set()
        if self.process.stdin is not None:
            self.process.stdin.close()  # This tells it to save what it has evaluated, and to leave.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.process.wait(), LEAVING_S)
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        await self.process.wait()
        for task in self._tasks:
            task.cancel()
        self._log_file.close()
        self._folder.cleanup()

    async def _connect(self, address: str) -> None:
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while True:
            try:
                if address.startswith("tcp:"):
                    host, _, port = address.removeprefix("tcp:").rpartition(":")
                    reader, writer = await asyncio.open_connection(host, int(port), limit=_LINE_LIMIT)
                else:
                    reader, writer = await asyncio.open_unix_connection(
                        address.removeprefix("unix:"), limit=_LINE_LIMIT
                    )
                break
            except OSError:
                if self.process.returncode is not None or time.monotonic() > deadline:
                    raise EngineUnavailable(f"The engine process did not start{self._last_words()}") from None
                await asyncio.sleep(0.01)
        self._connection.attach(writer)
        self._tasks = [
            asyncio.create_task(self._read(reader, writer)),
            asyncio.create_task(self._wait_for_exit()),
        ]

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._connection.run(reader, writer)
        self._gone.set()

    async def _wait_for_exit(self) -> None:
        await self.process.wait()
        self._gone.set()

    async def _open(self, options: EngineOptions, secret: str) -> None:
        n_threads = options.n_threads or choose_threads(psutil.cpu_count(logical=False) or os.cpu_count() or 1)
        params = {
            "secret": secret,
            "path": str(options.model_path),
            "n_ctx": options.n_ctx,
            "n_ubatch": options.n_ubatch,
            "n_threads": n_threads,
            "cache_bytes": options.cache_bytes,
            "disk_bytes": options.disk_bytes,
        }
        try:
            answer = await self.request(wire.OPEN, params)
        except EngineDied:
            raise EngineUnavailable(
                f"The engine stopped while loading {options.model_path.name}{self._last_words()}"
            ) from None
        if "error" in answer:
            raise EngineUnavailable(answer["error"])
        self.info = ModelInfo(**answer)

    def _last_words(self) -> str:
        """The last line the process wrote, as the end of a sentence."""
        self._log_file.flush()
        lines = (Path(self._folder.name) / "log").read_text(errors="replace").strip().splitlines()
        advice = "run `codeslm models pull NAME` if the file may be damaged."
        return f": {lines[-1].rstrip('.')}; {advice}" if lines else f"; {advice}"

    def _on_token(self, params: dict[str, Any]) -> None:
        if (stream := self.streams.get(params["stream"])) is not None:
            stream.put(Token(params["id"], params["text"], params["logprob"]))


class _Stream:
    """The tokens of one running generation, as they arrive."""

    def __init__(self, life: _Life, number: int, request: GenerateRequest, on_end: OnEnd) -> None:
        self._life = life
        self._request = request
        self._on_end = on_end
        self._number = number
        self._tokens: list[Token] = []
        self._news = asyncio.Event()
        life.streams[number] = self
        params = {"stream": number, **wire.request_to_json(request)}
        self._answer = asyncio.create_task(self._run(params))
        self._answer.add_done_callback(_retrieve)

    async def _run(self, params: dict[str, Any]) -> tuple[StopReason, Timings]:
        try:
            stop, timings = wire.end_from_json(await self._life.request(wire.GENERATE, params))
            self._on_end(self._request, timings)
            return stop, timings
        finally:
            self._life.streams.pop(self._number, None)
            self._news.set()

    def put(self, token: Token) -> None:
        """Called for each token that arrives."""
        self._tokens.append(token)
        self._news.set()

    async def __aiter__(self) -> AsyncIterator[Token]:
        position = 0
        while True:
            self._news.clear()
            while position < len(self._tokens):
                yield self._tokens[position]
                position += 1
            if self._answer.done() or (not self._life.streams.get(self._number)):
                if position < len(self._tokens):
                    continue
                await self._answer
                return
            await self._news.wait()

    async def stop(self) -> None:
        """See ``TokenStream.stop``."""
        self._cancel()

    async def result(self) -> Generation:
        """See ``TokenStream.result``."""
        stop, timings = await asyncio.shield(self._answer)
        return Generation("".join(token.text for token in self._tokens), tuple(self._tokens), stop, timings)

    def abandon(self) -> None:
        """Nobody waits for the rest."""
        if not self._answer.done():
            self._cancel()

    def _cancel(self) -> None:
        self._life.notify(wire.CANCEL, {"stream": self._number})


_LINE_LIMIT = 1 << 26
"""asyncio's limit for one header line; bodies are read by length."""


def _runtime_folder() -> str:
    """Where the private folder of an engine is made: the user's runtime folder, or the one for temporary files.

    A Unix socket's path holds at most 104 to 108 bytes (``sun_path`` in ``unix(7)``).
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    folder = Path(runtime, "codeslm")
    if not runtime or len(os.fsencode(folder)) > 60:
        return tempfile.gettempdir()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return tempfile.gettempdir()
    return str(folder)


def _free_address(folder: Path) -> str:
    """Where an engine may listen: a socket inside ``folder`` (mode 0700), or a loopback port on Windows."""
    if hasattr(socket, "AF_UNIX") and sys.platform != "win32":
        return f"unix:{folder / 'socket'}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp:127.0.0.1:{probe.getsockname()[1]}"


def _retrieve(task: asyncio.Future[Any]) -> None:
    """Mark an exception as seen: whoever waits for the task gets it again."""
    if not task.cancelled():
        task.exception()
