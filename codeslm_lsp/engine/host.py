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
from concurrent.futures import Future
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

from codeslm_lsp.engine import wire
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.schedule import Interrupted, Schedule
from codeslm_lsp.engine.tuning import tuning_to_json
from codeslm_lsp.values import CodeslmError, ModelInfo, StopReason, Timings, Token, Tuning

FOLDER_PREFIX = "engine-"
"""How the folder is called that is made for one engine's socket alone."""

ResultT = TypeVar("ResultT")


class Host:
    """One client's requests → one model. The model is loaded by ``engine/open`` and lives as long as the process."""

    def __init__(self, connection: wire.Connection, secret: str) -> None:
        self._connection = connection
        self._secret = secret
        self._schedule = Schedule(self._interrupt)
        self._model: Any = None
        self._tuner: Any = None
        self._lanes: Any = None
        self._asked: set[int] = set()
        self._cancelled: set[int] = set()
        self._running: int | None = None
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
            tuning = self._tuner.tuning and tuning_to_json(self._tuner.tuning)
            return {**asdict(info), "tuning": tuning}

        @feature(wire.MEASURE)
        async def measure(_params: dict[str, Any]) -> dict[str, Any]:
            return tuning_to_json(await _result(self._schedule.foreground(lambda: self._tuner.measure())))

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

    def _open(self, params: dict[str, Any]) -> ModelInfo:
        # Imported here so that the socket is open before the native library is loaded.
        from codeslm_lsp.engine.llama_lanes import Lanes
        from codeslm_lsp.engine.tuner import Tuner, Wishes

        path = str(params["path"])
        wishes = Wishes(**{field.name: params[field.name] for field in fields(Wishes)})
        self._tuner = Tuner(Path(path), wishes, self._schedule, self._tell_tuning)
        self._model = self._tuner.model
        self._lanes = Lanes(self._model)
        return ModelInfo(name=Path(path).stem, path=path, n_ctx=self._model.n_ctx, n_vocab=self._model.n_vocab)

    def _generate(self, stream: int, request: GenerateRequest) -> tuple[StopReason, Timings]:
        with self._lock:
            self._running = stream
            self._model.clear_abort()
        tokens = self._lanes.run(request, lambda: stream in self._cancelled)
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

    def _tell_tuning(self, tuning: Tuning) -> None:
        values = tuning_to_json(tuning)
        self._loop.call_soon_threadsafe(lambda: self._connection.protocol.notify(wire.TUNING, values))

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


async def _serve(address: str, secret: str) -> None:
    gone = asyncio.Event()

    async def on_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Host(wire.Connection(), secret).run(reader, writer)
        gone.set()

    if address.startswith("tcp:"):
        host, _, port = address.removeprefix("tcp:").rpartition(":")
        server = await asyncio.start_server(on_client, host, int(port))
    else:
        server = await asyncio.start_unix_server(on_client, address.removeprefix("unix:"))
    async with server:
        await gone.wait()


def _leave_with_parent(address: str) -> None:
    """End this process when standard input ends: the server held its other end and is no more."""
    while sys.stdin.buffer.read(1):
        pass
    _leave(address)


def _leave(address: str) -> None:
    """Remove the private folder of the socket, which a killed server can no longer do, and end."""
    folder = Path(address.removeprefix("unix:")).parent
    if address.startswith("unix:") and folder.name.startswith(FOLDER_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def main() -> None:
    """``python -m codeslm_lsp.engine.host ADDRESS``, started by ``engine.process``."""
    secret = os.environ.pop(wire.SECRET_VARIABLE, "")
    if len(sys.argv) != 2 or not secret:
        sys.exit("This program is started by codeslm itself; run `codeslm serve` instead.")
    address = sys.argv[1]
    threading.Thread(target=_leave_with_parent, args=(address,), daemon=True).start()
    asyncio.run(_serve(address, secret))
    _leave(address)


if __name__ == "__main__":
    main()
