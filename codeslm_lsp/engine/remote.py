"""Servers on other machines that run one model → an ``Engine``: one of those that are well answers each request."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from codeslm_lsp.engine.arriving import Arriving, retrieve
from codeslm_lsp.engine.protocol import GenerateRequest, TokenStream, counted
from codeslm_lsp.engine.remote_asking import Asking, Reading, askings, split_typed
from codeslm_lsp.engine.remote_http import RemoteServer
from codeslm_lsp.engine.remote_model import Api, RemoteModel, look_at, tokens_of
from codeslm_lsp.prompt.user_text import split_sentinel_spellings
from codeslm_lsp.values import (
    BRANCH_END,
    EngineError,
    EngineLoading,
    EngineUnavailable,
    Evaluated,
    ModelInfo,
    StopReason,
    Timings,
    Token,
    Tuning,
)

RETRY_S = 5.0
RETRY_MOST_S = 60.0
"""A server that has failed is left alone for so long, twice as long after each failure more."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Which servers, and what the user says of them: see ``settings.RemoteSettings``."""

    urls: tuple[str, ...]
    api: str = ""
    model: str = ""
    family: str = ""
    key: str = ""
    connect_s: float = 2.0
    silence_s: float = 30.0


class _Member:
    """One of the servers, and how it is."""

    def __init__(self, server: RemoteServer) -> None:
        self.server = server
        self.model: RemoteModel | None = None
        self.n_running = 0
        self.problem: EngineError | None = None
        self._n_failures = 0
        self._retry_at = 0.0

    @property
    def is_left_alone(self) -> bool:
        return time.monotonic() < self._retry_at

    def failed(self, error: EngineError) -> None:
        self.problem, self.model = error, None
        self._retry_at = time.monotonic() + min(RETRY_MOST_S, RETRY_S * 2**self._n_failures)
        self._n_failures += 1

    def is_well(self) -> None:
        self.problem, self._n_failures, self._retry_at = None, 0, 0.0


class RemoteEngine:
    """An ``Engine`` on other machines. All methods belong to one event loop.

    All servers have to run the same model; one that runs another is left alone. A document is asked about where it was
    before, if that server is well: there its prompt is warm. What fails before its first token is asked of the next.
    """

    def __init__(self, options: RemoteOptions) -> None:
        self._options = options
        self._members = [
            _Member(RemoteServer(url, options.key, options.connect_s, options.silence_s)) for url in options.urls
        ]
        self._model: RemoteModel | None = None
        self._looking: asyncio.Task[RemoteModel] | None = None
        self._evaluated = Evaluated()

    async def ready(self, timeout_ms: float) -> ModelInfo:
        """See ``Engine.ready``. ``path`` is the address."""
        looking = self._look()
        done, _ = await asyncio.wait({looking}, timeout=timeout_ms / 1000)
        if not done:
            raise EngineLoading("The remote engine has not answered yet; try again shortly.")
        model = looking.result()
        host = self._well()[0].server.url if self._well() else self._members[0].server.url
        return ModelInfo(model.name, host, model.n_ctx, len(model.vocabulary.tokens))

    async def model(self) -> RemoteModel:
        """What the servers run. Raises ``EngineUnavailable`` or ``EngineError``."""
        return await asyncio.shield(self._look())

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        """See ``Engine.generate``. Raises ``EngineUnavailable`` when no server is well, as a stream's result."""
        return self._generate(request)

    @asynccontextmanager
    async def _generate(self, request: GenerateRequest) -> AsyncIterator[TokenStream]:
        stream = _RemoteStream(self, request)
        try:
            yield stream
        finally:
            await stream.stop()

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """See ``Engine.encode``."""
        await self.model()
        return await self._by_one("", lambda member: _encoded(member, texts), lambda: True)

    async def n_warm(self, token_ids: Sequence[int]) -> int:
        """Not known; a prompt is evaluated there much sooner than here, so it is never made shorter."""
        return len(token_ids)

    def evaluated(self) -> Evaluated:
        """See ``Engine.evaluated``."""
        return self._evaluated

    def tuning(self) -> Tuning | None:
        """Another machine's speed is measured by nobody here."""
        return None

    async def close(self) -> None:
        """See ``Engine.close``: the servers are not ours, so only connections are closed."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*(member.server.close() for member in self._members))

    def _look(self) -> asyncio.Task[RemoteModel]:
        """Look at all servers that are due; one look at a time, and none while one is well."""
        if self._looking is None or (self._looking.done() and not self._well()):
            self._looking = asyncio.create_task(self._looked())
            self._looking.add_done_callback(retrieve)
        return self._looking

    async def _looked(self) -> RemoteModel:
        due = [member for member in self._members if member.model is None and not member.is_left_alone]
        found = await asyncio.gather(*(self._looked_at(member) for member in due))
        for member, model in zip(due, found, strict=True):  # In the user's order: the first says which model it is.
            self._judge(member, model)
        if self._model is None or not self._well():
            reasons = " ".join(str(member.problem) for member in self._members if member.problem is not None)
            raise EngineUnavailable(f"No remote engine can be used. {reasons}")
        return self._model

    async def _looked_at(self, member: _Member) -> RemoteModel | EngineError:
        options = self._options
        try:
            return await look_at(member.server, options.api, options.model, options.family)
        except EngineError as error:
            return error

    def _judge(self, member: _Member, found: RemoteModel | EngineError) -> None:
        """Use a server from now on, or leave it alone."""
        if isinstance(found, EngineError):
            member.failed(found)
            return
        model = self._model = self._model or found
        if (found.api, found.name, found.sentinels) == (model.api, model.name, model.sentinels):
            member.model = found
            member.is_well()
            return
        names = f"{found.name}, the others run {model.name}"
        member.failed(EngineError(f"{member.server.url} runs {names}: it is not used."))

    def _well(self) -> list[_Member]:
        return [member for member in self._members if member.model is not None]

    def _in_order(self, document: str) -> list[_Member]:
        """Whom to ask: the least busy; of those, always the same for a document, so that its prompt is warm there."""
        well = self._well()
        return sorted(well, key=lambda member: (member.n_running, hash((document, member.server.url))))

    async def answer(self, request: GenerateRequest, stream: _RemoteStream) -> tuple[StopReason, Timings]:
        """Have ``stream`` filled by one of the servers."""
        await self.model()
        stop, timings = await self._by_one(
            request.document,
            lambda member: _answered_by(member, request, stream),
            lambda: not stream.has_begun,
        )
        self._evaluated = counted(self._evaluated, request, timings)
        return stop, timings

    async def _by_one(
        self, document: str, ask: Callable[[_Member], Awaitable[T]], may_ask_another: Callable[[], bool]
    ) -> T:
        """What the first server says that does not fail. One that only refuses what is asked is well."""
        error = EngineUnavailable("No remote engine can be used.")
        for member in self._in_order(document):
            member.n_running += 1
            try:
                return await ask(member)
            except EngineUnavailable as problem:
                error = problem
                member.failed(problem)
                _log.warning("a remote engine does not answer any more")
                if not may_ask_another():
                    break
            finally:
                member.n_running -= 1
        raise error


async def _answered_by(member: _Member, request: GenerateRequest, stream: _RemoteStream) -> tuple[StopReason, Timings]:
    model = member.model
    assert model is not None
    if not request.max_tokens and model.api is not Api.LLAMA_SERVER:
        return StopReason.MAX_TOKENS, Timings()  # They evaluate nothing without saying something.
    typed = "".join(request.typed.parts) if request.typed is not None else ""
    said, _ = split_typed(request, typed, model)
    parts = [part for part in split_sentinel_spellings(said, model.sentinels) if part]
    encoded = await _encoded(member, parts)
    prompt = [*request.token_ids, *request.typed_ids, *(token for part in encoded for token in part)]
    readings = await asyncio.gather(
        *(
            _read(member.server, asking, Reading(asking, request, branch), stream)
            for branch, asking in enumerate(askings(request, prompt, typed, model))
        )
    )
    stops = [reading.stop for reading in readings if reading.stop is not None]
    unended = next((stop for stop in stops if stop is not StopReason.END), StopReason.END)
    return unended, readings[0].timings


async def _encoded(member: _Member, texts: Sequence[str]) -> list[list[int]]:
    model = member.model
    assert model is not None
    if (pieces := model.pieces) is not None:
        return [pieces.encode(text) for text in texts]
    return await asyncio.gather(
        *(tokens_of(member.server, text, with_special=False, parse_special=False) for text in texts)
    )


async def _read(server: RemoteServer, asking: Asking, reading: Reading, stream: _RemoteStream) -> Reading:
    """Read one call's events until it ends; a branch that has ended says so, if there are others."""
    async with aclosing(server.stream(asking.path, asking.body)) as events:
        async for event in events:
            for token in reading.tokens(event):
                stream.put(token)
            if reading.stop is not None:
                break
    if reading.stop is StopReason.END and stream.n_branches > 1:
        stream.put(Token(BRANCH_END, "", 0.0, reading.branch))
    return reading


class _RemoteStream(Arriving):
    """The tokens of one generation. Time counts from the first of them, here."""

    def __init__(self, engine: RemoteEngine, request: GenerateRequest) -> None:
        self.n_branches = max(request.n_samples, 1 + request.n_alternatives)
        self._stopping = asyncio.Event()
        self._begun = asyncio.Event()
        self._began_at = self._first_at = self._last_at = time.perf_counter()
        self._n_tokens = 0
        super().__init__(request, self._run(engine, request))

    @property
    def has_begun(self) -> bool:
        """Whether a token has come."""
        return self._begun.is_set()

    def put(self, token: Token) -> None:
        """See ``Arriving.put``."""
        self._last_at = time.perf_counter()
        if not self._begun.is_set():
            self._first_at = self._last_at
        self._n_tokens += 1
        self._begun.set()
        super().put(token)

    async def stop(self) -> None:
        """See ``TokenStream.stop``: the connection is closed, by which the server knows."""
        self._stopping.set()

    async def enough(self) -> None:
        """See ``TokenStream.enough``."""
        await self.stop()

    async def _run(self, engine: RemoteEngine, request: GenerateRequest) -> tuple[StopReason, Timings]:
        answering = asyncio.create_task(engine.answer(request, self))
        stopped = asyncio.create_task(self._stopping.wait())
        late = asyncio.create_task(self._late(request.time_budget_ms))
        try:
            await asyncio.wait({answering, stopped, late}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                stop, timings = answering.result()
                return stop, timings if timings.n_decode else self._seen()
            return (StopReason.CANCELLED if stopped.done() else StopReason.TIME_BUDGET), self._seen()
        finally:
            for task in (answering, stopped, late):
                task.cancel()
            await asyncio.gather(answering, stopped, late, return_exceptions=True)

    def _seen(self) -> Timings:
        """As it looks from here, where the server has not said."""
        prefill_ms = (self._first_at - self._began_at) * 1000
        return Timings(prefill_ms, (self._last_at - self._first_at) * 1000, n_decode=self._n_tokens)

    async def _late(self, budget_ms: float) -> None:
        await self._begun.wait()
        await asyncio.sleep(budget_ms / 1000)
