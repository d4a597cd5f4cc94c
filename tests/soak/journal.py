"""What happens during a soak, as it is told: answers, faults, figures of processes, and the first broken promise."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class Broken(Exception):
    """An invariant does not hold; its text is the sentence that says which."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One request: when its answer came, in seconds since the beginning, and how long it took."""

    at_s: float
    method: str
    elapsed_ms: float
    is_cancelled: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one time. ``own_bytes`` are what it has filled itself, ``rss_bytes`` all that it sees.

    Pages of a library count for neither process while two have mapped it, and become one's when the other ends: eight
    megabytes of a server's "unique set" come and go that way. So they are left out.
    """

    at_s: float
    role: str
    pid: int
    own_bytes: int
    rss_bytes: int
    n_files: int
    n_threads: int


@dataclass(slots=True)
class Happened:
    """A fault, in seconds since the beginning; ``recovered_s`` from its end to the first completion of everybody."""

    name: str
    began_s: float
    ended_s: float | None = None
    recovered_s: float | None = None


@dataclass
class Journal:
    """Everything that was told. Belongs to one event loop."""

    answers: list[Answered] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    faults: list[Happened] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    broken: str | None = None

    def __post_init__(self) -> None:
        self._began_s = time.monotonic()
        self._failed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    def now_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s

    def spawn(self, work: Coroutine[Any, Any, ResultT]) -> asyncio.Task[ResultT]:
        """Begin something that nobody need wait for: if it breaks a promise, that ends the soak all the same."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def fail(self, sentence: str) -> None:
        """The first thing that goes wrong is the one that is told."""
        if self.broken is None:
            during = [fault.name for fault in self.faults if fault.recovered_s is None]
            self.broken = f"After {self.now_s():.0f} s{f', at the fault {during[-1]!r}' if during else ''}: {sentence}"
            self._failed.set()

    async def failed(self) -> None:
        """Wait until something has gone wrong."""
        await self._failed.wait()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, Broken):
                traceback.print_exception(error)
            self.fail(str(error) if isinstance(error, Broken) else f"the soak itself failed: {error!r}")
