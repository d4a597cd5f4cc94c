"""One connection to an engine process, from its start to its end, and the generations that run over it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from codeslm_lsp.engine import wire
from codeslm_lsp.engine.arriving import Arriving, retrieve
from codeslm_lsp.engine.meeting import ADVICE, POLL_S, Meeting, meet
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.rendezvous import Place
from codeslm_lsp.engine.tuning import tuning_from_json
from codeslm_lsp.values import (
    EngineDied,
    EngineError,
    EngineUnavailable,
    InputError,
    ModelInfo,
    StopReason,
    Timings,
    Token,
    Tuning,
)

BYE_TIMEOUT_S = 1.0
"""An engine answers within milliseconds; one that hangs is not waited for when an editor closes."""

END_TIMEOUT_S = 3.0
"""How long the end of an engine is watched that has said that it ends. It needs a moment, and us no more."""

OnEnd = Callable[[GenerateRequest, Timings], None]
"""Told what each generation cost, however it ended."""


class Life:
    """A connection to a living engine. ``pid`` is its process, which need not be ours."""

    def __init__(self, meeting: Meeting) -> None:
        self.pid = meeting.pid
        self.info = ModelInfo(name="", path="", n_ctx=0, n_vocab=0)
        self.tuning: Tuning | None = None
        self.is_leaving = False
        self._candidate = meeting.candidate
        self._writer = meeting.writer
        self._streams: dict[int, Stream] = {}
        self._n_waiting = 0
        self._connection = wire.Connection()
        self._connection.feature(wire.TOKEN)(lambda params: self._on_token(params))
        self._connection.feature(wire.TUNING)(lambda params: self._on_tuning(params))
        self._connection.feature(wire.LEAVING)(lambda _params: self._on_leaving())
        self._connection.attach(meeting.writer)
        self._gone = asyncio.Event()
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read(meeting))

    @classmethod
    async def begin(cls, place: Place, params: dict[str, Any]) -> Life:
        """Meet the engine of that place, and have it load the model. Raises ``EngineUnavailable``."""
        life = cls(await meet(place))
        try:
            await life._open(params)
        except BaseException:
            await life.close()
            raise
        return life

    async def request(self, method: str, params: dict[str, Any]) -> Any:
        """One JSON-RPC request.

        Raises ``EngineDied`` when the process ends before it answers, ``EngineError`` when the answer is an error.
        """
        answer = self._connection.protocol.send_request_async(method, params)
        answer.add_done_callback(retrieve)
        gone = asyncio.create_task(self._gone.wait())
        self._n_waiting += 1
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise EngineDied("The engine stopped while it was working; it is being started again.")
            return answer.result()
        except wire.RequestFailed as error:
            raise EngineError(f"The engine could not do what was asked ({error.message}); try again.") from None
        finally:
            gone.cancel()  # The answer is left to arrive: a cancelled future cannot take it.
            self._n_waiting -= 1
            self._news.set()

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """One JSON-RPC notification; nothing happens when the process is gone."""
        self._connection.protocol.notify(method, params)

    def attach(self, number: int, stream: Stream) -> None:
        """Tokens of that number go to ``stream``."""
        self._streams[number] = stream

    def detach(self, number: int) -> None:
        """There will be no more of them."""
        self._streams.pop(number, None)
        self._news.set()

    async def over(self) -> None:
        """Wait until the engine is gone, or has said that it leaves."""
        await self._until(lambda: self.is_leaving)

    async def finished(self) -> None:
        """Wait until nothing that was asked of it is unanswered, or it is gone."""
        await self._until(lambda: not self._streams and not self._n_waiting)

    async def close(self) -> None:
        """Have no more use for the engine. If nobody else has, it ends before this returns."""
        ends = False
        if not self._gone.is_set() and not self.is_leaving:
            with contextlib.suppress(EngineError, TimeoutError):
                ends = (await asyncio.wait_for(self.request(wire.BYE, {}), BYE_TIMEOUT_S))["ends"]
        self._gone.set()
        self._news.set()
        self._writer.close()
        self._reading.cancel()
        if ends:
            await self._end()
        if self._candidate is not None:
            self._candidate.close()

    async def _end(self) -> None:
        """Watch the process end. If we started it, it is gone only when we have taken its exit status."""
        for _ in range(int(END_TIMEOUT_S / POLL_S)):
            if (self._candidate is None or self._candidate.has_ended) and _has_ended(self.pid):
                return
            await asyncio.sleep(POLL_S)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        while not self._gone.is_set() and not is_so():
            self._news.clear()
            await self._news.wait()

    async def _read(self, meeting: Meeting) -> None:
        await self._connection.run(meeting.reader, meeting.writer)
        self._gone.set()
        self._news.set()

    async def _open(self, params: dict[str, Any]) -> None:
        try:
            answer = await self.request(wire.OPEN, params)
        except EngineDied:
            words = self._candidate.last_words() if self._candidate is not None else f"; {ADVICE}"
            raise EngineUnavailable(f"The engine stopped while loading {Path(params['path']).name}{words}") from None
        if "error" in answer:
            raise EngineUnavailable(answer["error"])
        if (tuning := answer.pop("tuning")) is not None:
            self._on_tuning(tuning)
        self.info = ModelInfo(**answer)

    def _on_token(self, params: dict[str, Any]) -> None:
        if (stream := self._streams.get(params["stream"])) is not None:
            stream.put(Token(params["id"], params["text"], params["logprob"], params["branch"]))

    def _on_tuning(self, params: dict[str, Any]) -> None:
        self.tuning = tuning_from_json(params)

    def _on_leaving(self) -> None:
        self.is_leaving = True
        self._news.set()


class Stream(Arriving):
    """The tokens of one running generation, as they arrive."""

    def __init__(self, life: Life, number: int, request: GenerateRequest, on_end: OnEnd) -> None:
        self._life = life
        self._on_end = on_end
        self._number = number
        life.attach(number, self)
        super().__init__(request, self._run({"stream": number, **wire.request_to_json(request)}))

    async def _run(self, params: dict[str, Any]) -> tuple[StopReason, Timings]:
        try:
            answer = await self._life.request(wire.GENERATE, params)
            if "error" in answer:
                raise InputError(answer["error"])
            stop, timings = wire.end_from_json(answer)
            self._on_end(self._request, timings)
            return stop, timings
        finally:
            self._life.detach(self._number)

    async def stop(self) -> None:
        """See ``TokenStream.stop``."""
        self._cancel()

    async def enough(self) -> None:
        """See ``TokenStream.enough``."""
        self._life.notify(wire.ENOUGH, {"stream": self._number})

    def abandon(self) -> None:
        """Nobody waits for the rest."""
        if not self.has_ended:
            self._cancel()

    def _cancel(self) -> None:
        self._life.notify(wire.CANCEL, {"stream": self._number})


def _has_ended(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return True
