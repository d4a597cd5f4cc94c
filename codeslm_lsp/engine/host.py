"""The engine process: owns the one model and answers one server over a local socket (see ``wire``).

It ends when the server closes the socket, and also when its standard input ends, which the operating system guarantees
however the server dies. Evaluation runs in one thread (see ``schedule``); the socket stays responsive meanwhile.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from codeslm_lsp.engine import wire
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.schedule import Interrupted, Schedule
from codeslm_lsp.engine.sequence_folder import open_folder, sequences_dir
from codeslm_lsp.values import CodeslmError, ModelInfo, StopReason, Timings, Token

FOLDER_PREFIX = "engine-"
"""How the folder is called that is made for one engine's socket alone."""

SAVING_S = 2.0
"""How long an engine stays to save what it has evaluated: most of it was saved while the user paused."""

ResultT = TypeVar("ResultT")


class Host:
    """One client's requests → one model. The model is loaded by ``engine/open`` and lives as long as the process."""

    def __init__(self, connection: wire.Connection, secret: str) -> None:
        self._connection = connection
        self._secret = secret
        self._schedule = Schedule(self._interrupt, self._save_next)
        self._model: Any = None
        self._lanes: Any = None
        self._asked: set[int] = set()
        self._cancelled: set[int] = set()
        self._running: int | None = None
        self._leaving = False
        self._lock = threading.Lock()
        self._register()

    def _register(self) -> None:
        feature = self._connection.feature

        @feature(wire.OPEN)
        async def open_model(params: dict[str, Any]) -> dict[str, Any]:
            if not hmac.compare_digest(str(params["secret"]), self._secret):
                os._exit(3)
            try:
                info = await _result(self._schedule.foreground(lambda: self._open(params)))
            except CodeslmError as error:
                return {"error": str(error)}
            return {"name": info.name, "path": info.path, "n_ctx": info.n_ctx, "n_vocab": info.n_vocab}

        @feature(wire.GENERATE)
        async def generate(params: dict[str, Any]) -> dict[str, Any]:
            stream, request = int(params["stream"]), wire.request_from_json(params)
            self._asked.add(stream)
            run = self._schedule.background if request.background else self._schedule.foreground
            try:
                stop, timings = await _result(run(lambda: self._generate(stream, request)))
            finally:
                self._asked.discard(stream)
                self._cancelled.discard(stream)
            return wire.end_to_json(stop, timings)

        @feature(wire.CANCEL)
        def cancel(params: dict[str, Any]) -> None:
            self._cancel(int(params["stream"]))

        @feature(wire.ENCODE)
        async def encode(params: dict[str, Any]) -> list[list[int]]:
            # The vocabulary is read-only and the tokenizer keeps no state: no need to wait for the worker.
            return [self._model.tokenize(text) for text in params["texts"]]

        @feature(wire.WARM)
        async def warm(params: dict[str, Any]) -> int:
            prompt = tuple(params["token_ids"])
            return await _result(self._schedule.foreground(lambda: int(self._lanes.n_warm(prompt))))

    def _open(self, params: dict[str, Any]) -> ModelInfo:
        # Imported here so that the socket is open before the native library is loaded.
        from codeslm_lsp.engine.llama_lanes import Lanes
        from codeslm_lsp.engine.llama_model import LlamaModel, LlamaOptions

        path = str(params["path"])
        names = ("n_ctx", "n_ubatch", "n_threads", "cache_bytes")
        self._model = LlamaModel(path, LlamaOptions(**{name: int(params[name]) for name in names}))
        folder = open_folder(sequences_dir(), self._model.state_key(), int(params["disk_bytes"]))
        self._lanes = Lanes(self._model, folder)
        return ModelInfo(name=Path(path).stem, path=path, n_ctx=self._model.n_ctx, n_vocab=self._model.n_vocab)

    def _generate(self, stream: int, request: GenerateRequest) -> tuple[StopReason, Timings]:
        with self._lock:
            self._running = stream
            if not self._leaving:
                self._model.clear_abort()
        tokens = self._lanes.run(request, lambda: self._leaving or stream in self._cancelled)
        n_sent = 0
        try:
            while True:
                self._loop.call_soon_threadsafe(self._send, stream, next(tokens))
                n_sent += 1
        except StopIteration as end:
            stop, timings = end.value
        finally:
            with self._lock:
                self._running = None
        was_interrupted = request.background and stop is StopReason.CANCELLED and stream not in self._cancelled
        if was_interrupted and not n_sent:
            raise Interrupted  # What was evaluated is kept. Tokens that were sent already could not be sent again.
        return stop, timings

    def _cancel(self, stream: int) -> None:
        with self._lock:
            if stream not in self._asked:
                return  # It is over.
            self._cancelled.add(stream)
            if self._running == stream:
                self._model.abort()

    def _interrupt(self) -> None:
        self._model.abort()

    def _save_next(self) -> bool:
        return self._lanes is not None and self._lanes.save_next() is not None

    def save(self) -> None:
        """Stop whatever runs and save what was evaluated, for the next engine. The last thing before this one ends."""
        if self._lanes is None:
            return
        with self._lock:
            self._leaving = True
            self._model.abort()
        with suppress(TimeoutError):
            self._schedule.foreground(self._lanes.save).result(SAVING_S)

    def _send(self, stream: int, token: Token) -> None:
        self._connection.protocol.notify(wire.TOKEN, wire.token_to_json(stream, token))

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it goes."""
        self._loop = asyncio.get_running_loop()
        self._connection.attach(writer)
        await self._connection.run(reader, writer)


async def _result(promised: Future[ResultT]) -> ResultT:
    """The result of scheduled work, which runs to its end even if the request is forgotten meanwhile."""
    return await asyncio.shield(asyncio.wrap_future(promised))


class _Exit:
    """The one way out of this process. Whoever comes first goes through it: standard input and socket end together."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self.before: Callable[[], None] = lambda: None

    def leave_with_parent(self) -> None:
        """End this process when standard input ends: the server held its other end and is no more."""
        while sys.stdin.buffer.read(1):
            pass
        self.leave()

    def leave(self) -> None:
        """Do what is to be done before, remove the private folder of the socket, and end."""
        with self._lock:
            try:
                self.before()
            finally:
                folder = Path(self._address.removeprefix("unix:")).parent
                if self._address.startswith("unix:") and folder.name.startswith(FOLDER_PREFIX):
                    shutil.rmtree(folder, ignore_errors=True)
                os._exit(0)


async def _serve(address: str, secret: str, way_out: _Exit) -> None:
    gone = asyncio.Event()

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = Host(wire.Connection(), secret)
        way_out.before = host.save
        await host.run(reader, writer)
        gone.set()

    if address.startswith("tcp:"):
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        server = await asyncio.start_server(on_client, host, int(port))
    else:
        server = await asyncio.start_unix_server(on_client, address.removeprefix("unix:"))
    async with server:
        await gone.wait()


def main() -> None:
    """``python -m codeslm_lsp.engine.host ADDRESS``, started by ``engine.process``."""
    secret = os.environ.pop(wire.SECRET_VARIABLE, "")
    if len(sys.argv) != 2 or not secret:
        sys.exit("This program is started by codeslm itself; run `codeslm serve` instead.")
    way_out = _Exit(sys.argv[1])
    threading.Thread(target=way_out.leave_with_parent, daemon=True).start()
    asyncio.run(_serve(sys.argv[1], secret, way_out))
    way_out.leave()


if __name__ == "__main__":
    main()
