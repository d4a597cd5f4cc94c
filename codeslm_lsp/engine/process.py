"""A model file → an ``Engine``: meets the engine process of that model or starts it, again when it dies or has left.

The process that holds this object never loads the model. The engine is shared with every other process of this user
that wants the same, and belongs to none of them: it ends by itself (see ``host``).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.engine import wire
from codeslm_lsp.engine.arriving import retrieve
from codeslm_lsp.engine.life import Life, Stream
from codeslm_lsp.engine.protocol import GenerateRequest, TokenStream, counted
from codeslm_lsp.engine.rendezvous import lonely_place, place_of
from codeslm_lsp.engine.tuning import tuning_from_json
from codeslm_lsp.values import EngineLoading, EngineUnavailable, Evaluated, ModelInfo, Timings, Tuning

MAX_DEATHS = 3
DEATHS_WINDOW_S = 60.0
"""An engine that dies this often within the window is not started again until something is asked of it."""

RETRY_S = 5.0
"""An engine that could not be started is not started again for every key."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """What to run. ``n_threads`` and ``n_ubatch`` 0 leave it to the measurements; ``n_ctx`` and ``n_ubatch`` in tokens.

    ``cache_bytes`` is for the prompts of all documents together; one of ``n_ctx`` tokens always fits. ``disk_bytes`` is
    for those that the next engine may read from disk. The engine may leave when nobody has asked for anything in
    ``idle_minutes`` (0: never). Without ``shared`` nobody else gets it. ``background_share`` is how much of the time
    background work may use. One that ``yields`` leaves the cores to other engines.
    """

    model_path: Path
    n_ctx: int = 4096
    n_ubatch: int = 0
    n_threads: int = 0
    cache_bytes: int = 0
    disk_bytes: int = 0
    background_share: float = 1.0
    idle_minutes: float = 30.0
    shared: bool = True
    yields: bool = False


class EngineProcess:
    """An ``Engine`` in a process of its own. All methods belong to one event loop."""

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._life: Life | None = None
        self._starting: asyncio.Task[Life] | None = None
        self._deaths: list[float] = []
        self._failure: tuple[float, EngineUnavailable] | None = None
        self._streams = itertools.count()
        self._evaluated = Evaluated()
        self._closed = False
        self._watching: set[asyncio.Task[None]] = set()

    @property
    def pid(self) -> int | None:
        """The engine's process id while it is connected; the process may have been started by somebody else."""
        return self._life.pid if self._life else None

    async def ready(self, timeout_ms: float) -> ModelInfo:
        """See ``Engine.ready``."""
        return (await self._alive(timeout_ms)).info

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        """See ``Engine.generate``. Raises ``EngineDied`` or ``EngineUnavailable`` on entering."""
        return self._generate(request)

    @asynccontextmanager
    async def _generate(self, request: GenerateRequest) -> AsyncIterator[TokenStream]:
        life = await self._alive(timeout_ms=0)
        stream = Stream(life, next(self._streams), request, self._count)
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

    def tuning(self) -> Tuning | None:
        """See ``Engine.tuning``."""
        return self._life.tuning if self._life else None

    async def measure(self) -> Tuning:
        """Measure anew how the model runs best here; takes some seconds and delays every request meanwhile."""
        life = await self._alive(timeout_ms=0)
        return tuning_from_json(await life.request(wire.MEASURE, {}))

    def _count(self, request: GenerateRequest, timings: Timings) -> None:
        self._evaluated = counted(self._evaluated, request, timings)

    async def close(self) -> None:
        """See ``Engine.close``."""
        self._closed = True
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError, EngineUnavailable):
                await self._starting
        for watching in self._watching:
            watching.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        if self._life is not None:
            await self._life.close()

    def start(self) -> None:
        """Begin to start the engine without waiting for it."""
        if self._closed or (self._starting is not None and not self._starting.done()):
            return
        if self._life is None:
            self._starting = asyncio.create_task(self._start())
            self._starting.add_done_callback(retrieve)

    async def _alive(self, timeout_ms: float) -> Life:
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

    async def _start(self) -> Life:
        try:
            options = _model_options(self._options)
            place = place_of(self._options.model_path, options) if self._options.shared else lonely_place()
            params = {"path": str(self._options.model_path), **options, "idle_s": self._options.idle_minutes * 60}
            life = await Life.begin(place, params)
        except EngineUnavailable as error:
            self._failure = (time.monotonic(), error)
            raise
        self._life, self._failure = life, None
        watching = asyncio.create_task(self._watch(life))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)
        return life

    async def _watch(self, life: Life) -> None:
        """When the engine dies, have the next one at once, unless that keeps happening; when it leaves, only if asked.

        Others that are connected to it do the same at the same time, and all get the same next one.
        """
        await life.over()
        if self._life is life:
            self._life = None
        if life.is_leaving:
            try:
                await life.finished()
            finally:
                await life.close()
            return
        await life.close()
        if self._closed:
            return
        now = time.monotonic()
        self._deaths = [death for death in self._deaths if now - death < DEATHS_WINDOW_S] + [now]
        _log.warning("the engine process ended unexpectedly")
        if len(self._deaths) < MAX_DEATHS:
            self.start()


def _model_options(options: EngineOptions) -> dict[str, float]:
    """How the model is run: whoever asks for the same can use the same engine."""
    return {
        "n_ctx": options.n_ctx,
        "n_ubatch": options.n_ubatch,
        "n_threads": options.n_threads,
        "cache_bytes": options.cache_bytes,
        "disk_bytes": options.disk_bytes,
        "background_share": options.background_share,
        "yields": options.yields,
    }
