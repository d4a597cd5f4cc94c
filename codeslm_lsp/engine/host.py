"""The engine process: one model, and the clients that it answers over a local socket at its place (see ``rendezvous``).

It belongs to no editor: it was started in a session of its own and ends by itself, soon after its last client has gone,
if nobody comes at all, and when nobody has asked anything for so long that its memory is better given back.
Evaluation runs in one thread (see ``runner``); the sockets stay responsive meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict
from typing import Any, TypeVar

from codeslm_lsp.engine import peer, wire
from codeslm_lsp.engine.protocol import with_typed_ids
from codeslm_lsp.engine.rendezvous import Card, Place
from codeslm_lsp.engine.runner import Runner
from codeslm_lsp.engine.tuning import tuning_to_json
from codeslm_lsp.engine.yielding import yield_cores
from codeslm_lsp.values import CodeslmError, InputError, Token, Tuning

FIRST_CLIENT_S = 10.0
"""Whoever starts an engine looks for it every few milliseconds: after this time it has gone."""

LINGER_S = 1.0
"""A client that went without a word may have crashed, and is often started again at once."""

LEAVE_PATIENCE_S = 10.0
"""How long clients may take to finish what they asked for before the engine said that it leaves."""

LOOK_S = 2.0
"""How often the engine looks whether it can be found: what tidies up a disk deletes files that are some days old."""

MAX_OUTSTANDING = 64
"""Generations of one client at a time: many times what an editor asks for, and few enough to be kept in order."""

ResultT = TypeVar("ResultT")


async def serve(place: Place) -> None:
    """Answer clients at ``place``, whose lock this process holds, until there is nothing more to do; then end it."""
    host = Host(place, asyncio.get_running_loop())
    await host.receive()
    await host.leave()


class Host:
    """The clients of one model, and the decision when to end."""

    def __init__(self, place: Place, loop: asyncio.AbstractEventLoop) -> None:
        self._place = place
        self._loop = loop
        self._secret = secrets.token_hex(32)
        self._runner = Runner(self._tell_tuning)
        self._guests: dict[int, Guest] = {}
        self._n_guests = 0
        self._n_arriving = 0
        self._patience_s = FIRST_CLIENT_S
        self._timer: asyncio.TimerHandle | None = None
        self._enough = asyncio.Event()
        self._changed = asyncio.Event()

    async def receive(self) -> None:
        """Let clients in until it is time to leave."""
        server = await self._listen()
        self._look_at_the_clock()
        while not self._enough.is_set():  # A client may have come in the moment between.
            try:
                await asyncio.wait_for(self._enough.wait(), LOOK_S)
            except TimeoutError:
                with contextlib.suppress(OSError):  # Those that are connected are answered all the same.
                    if not self._place.is_found():
                        server.close()
                        server = await self._listen()
        self._place.hide()
        server.close()

    async def _listen(self) -> asyncio.Server:
        """Become to be found at the place."""
        if sys.platform == "win32":
            server = await asyncio.start_server(self._on_client, "127.0.0.1", 0)
            address = f"tcp:127.0.0.1:{server.sockets[0].getsockname()[1]}"
        else:
            self._place.prepare()
            server = await asyncio.start_unix_server(self._on_client, self._place.socket)
            self._place.socket.chmod(0o600)
            address = f"unix:{self._place.socket}"
        self._place.show(Card(address, self._secret, os.getpid()))
        return server

    async def leave(self) -> None:
        """The engine is about to leave: nobody can find it any more, its clients finish what they have begun.

        They are told, so that they do not take its end for a death. Whatever has to be kept longer than this process
        is put away here, when nothing is evaluated any more, and before the lock is given up with ``clear``.
        """
        for guest in self._guests.values():
            guest.tell_leaving()
        deadline = self._loop.time() + LEAVE_PATIENCE_S
        while self._guests and self._loop.time() < deadline:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), deadline - self._loop.time())
            except TimeoutError:
                break
        await asyncio.to_thread(self._runner.save)
        self._place.clear()
        os._exit(0)  # The model's thread may be in the middle of an evaluation that nobody waits for.

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._n_arriving += 1
        self._look_at_the_clock()
        try:
            await peer.greet(reader, writer, self._secret, own=peer.ENGINE, other=peer.CLIENT)
        except peer.Stranger:
            writer.close()
            return
        finally:
            self._n_arriving -= 1
            self._look_at_the_clock()
        self._n_guests += 1
        guest = Guest(self._n_guests, self._runner, self._look_at_the_clock, self._all_said_bye)
        self._guests[guest.number] = guest
        self._look_at_the_clock()
        try:
            await guest.run(reader, writer)
        finally:
            del self._guests[guest.number]
            guest.cancel_all()
            self._patience_s = 0.0 if guest.said_bye else LINGER_S
            self._changed.set()
            self._look_at_the_clock()

    def _tell_tuning(self, tuning: Tuning) -> None:
        """Called by any thread."""
        self._loop.call_soon_threadsafe(self._tell_guests, tuning)

    def _tell_guests(self, tuning: Tuning) -> None:
        for guest in self._guests.values():
            guest.tell_tuning(tuning)

    def _look_at_the_clock(self) -> None:
        """Something has begun or ended: how long from now may nothing happen until it is time to leave?"""
        self._enough.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        patience_s = self._patience()
        if patience_s is not None:
            self._timer = self._loop.call_later(patience_s, self._enough.set)

    def _patience(self) -> float | None:
        guests = self._guests.values()
        if self._n_arriving or any(guest.is_busy or not guest.idle_s for guest in guests):
            return None
        return max((guest.idle_s for guest in guests), default=self._patience_s)

    def _all_said_bye(self) -> bool:
        return not self._n_arriving and all(guest.said_bye for guest in self._guests.values())


class Guest:
    """One client: its messages → work for the runner, and back.

    ``idle_s``: after how long without any request it can do without the engine, 0 for never. ``said_bye``: it has no
    use for the engine any more.
    """

    def __init__(
        self, number: int, runner: Runner, on_change: Callable[[], None], all_said_bye: Callable[[], bool]
    ) -> None:
        self.number = number
        self.idle_s = 0.0
        self.said_bye = False
        self._runner = runner
        self._on_change = on_change
        self._all_said_bye = all_said_bye
        self._loop = asyncio.get_running_loop()
        self._connection = wire.Connection()
        self._streams: set[int] = set()
        self._n_working = 0
        self._register()

    @property
    def is_busy(self) -> bool:
        """Whether it waits for an answer."""
        return self._n_working > 0

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until it goes."""
        self._connection.attach(writer)
        await self._connection.run(reader, writer)

    def tell_leaving(self) -> None:
        """Tell that the engine leaves. What was asked before is still answered."""
        self._connection.protocol.notify(wire.LEAVING, {})

    def tell_tuning(self, tuning: Tuning) -> None:
        """Tell what was measured."""
        self._connection.protocol.notify(wire.TUNING, tuning_to_json(tuning))

    def cancel_all(self) -> None:
        """Nobody waits for its generations any more."""
        for stream in self._streams:
            self._runner.cancel((self.number, stream))

    def _register(self) -> None:
        feature = self._connection.feature

        @feature(wire.OPEN)
        async def open_model(params: dict[str, Any]) -> dict[str, Any]:
            if params["yields"]:
                yield_cores()
            try:
                info = await self._work(self._runner.open(params))
            except CodeslmError as error:
                return {"error": str(error)}
            self.idle_s = float(params["idle_s"])
            self._on_change()
            tuning = self._runner.tuning
            return {**asdict(info), "tuning": tuning and tuning_to_json(tuning)}

        @feature(wire.MEASURE)
        async def measure(_params: dict[str, Any]) -> dict[str, Any]:
            return tuning_to_json(await self._work(self._runner.measure()))

        @feature(wire.GENERATE)
        async def generate(params: dict[str, Any]) -> dict[str, Any]:
            stream, request = int(params["stream"]), wire.request_from_json(params)
            # Here and now: it is less than a line, and a thread would take longer to begin.
            request = with_typed_ids(request, lambda text: self._runner.encode([text])[0])
            if len(self._streams) >= MAX_OUTSTANDING or stream in self._streams:
                raise wire.RequestFailed("too many generations at once")
            self._streams.add(stream)
            try:
                generated = self._runner.generate((self.number, stream), request, lambda token: self._on(stream, token))
                stop, timings = await self._work(generated)
            except InputError as error:
                return {"error": str(error)}
            finally:
                self._streams.discard(stream)
            return wire.end_to_json(stop, timings)

        @feature(wire.CANCEL)
        def cancel(params: dict[str, Any]) -> None:
            self._runner.cancel((self.number, int(params["stream"])))

        @feature(wire.ENOUGH)
        def enough(params: dict[str, Any]) -> None:
            self._runner.enough((self.number, int(params["stream"])))

        @feature(wire.ENCODE)
        async def encode(params: dict[str, Any]) -> list[list[int]]:
            self._on_change()
            # In a thread of its own: neither a running generation nor other clients wait for a long text.
            return await asyncio.to_thread(self._runner.encode, list(params["texts"]))

        @feature(wire.WARM)
        async def warm(params: dict[str, Any]) -> int:
            return await self._work(self._runner.n_warm(tuple(params["token_ids"]), self.number))

        @feature(wire.BYE)
        def bye(_params: dict[str, Any]) -> dict[str, Any]:
            self.said_bye = True
            return {"ends": self._all_said_bye()}

    async def _work(self, promised: Future[ResultT]) -> ResultT:
        """The result of scheduled work, which runs to its end even if the request is forgotten meanwhile."""
        self._n_working += 1
        self._on_change()
        try:
            return await asyncio.shield(asyncio.wrap_future(promised))
        finally:
            self._n_working -= 1
            self._on_change()

    def _on(self, stream: int, token: Token) -> None:
        """Called by the model's thread."""
        self._loop.call_soon_threadsafe(self._connection.protocol.notify, wire.TOKEN, wire.token_to_json(stream, token))
