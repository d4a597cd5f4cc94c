"""Work for the engine's one thread: completions come first, then commands, and what nobody waits for goes on last.

What comes last may be limited to a share of the time (see ``share``): then it pauses between its pieces, and loses
nothing. When there has been nothing to do for a while, it tidies up.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from codeslm_lsp.engine.protocol import Priority
from codeslm_lsp.engine.share import Share

ResultT = TypeVar("ResultT")

IDLE_S = 4.0
"""After this long nobody is typing. While somebody is, what is tidied up would soon be out of date again."""

TIDYING_PAUSE_S = 0.1
"""Between two pieces of tidying up, so that it takes little of the machine."""


_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """Raised by work that was told to stop; it is run again when nothing waits that comes before it."""


class Schedule:
    """Runs one piece of work at a time, in turn for each of its owners.

    ``interrupt`` is called, from any thread, to stop work that runs when other work comes that goes before it;
    ``allow`` before each piece of work, so that an interruption meant for the one before does not stop it. ``tidy_up``
    is called on the same thread after ``idle_s`` seconds without work, and then as long as it says that there is more.
    It is not interrupted, so it should do little at a time.
    """

    def __init__(
        self,
        interrupt: Callable[[], None],
        allow: Callable[[], None],
        tidy_up: Callable[[], bool] = lambda: False,
        *,
        idle_s: float = IDLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interrupt = interrupt
        self._allow = allow
        self._tidy_up = tidy_up
        self._tidy_after_s = idle_s
        self._clock = clock
        self._share = Share(1.0)
        self._resumed_at = self._idle_since = clock()
        self._is_interrupted = False
        self._turns: dict[Hashable, int] = {}
        self._waiting: dict[Priority, list[_Work]] = {priority: [] for priority in Priority}
        self._arrivals = itertools.count()
        self._running: Priority | None = None
        self._is_idle = True
        self._news = threading.Condition()
        threading.Thread(target=self._run, name="engine", daemon=True).start()

    def foreground(self, work: Callable[[], ResultT], owner: Hashable = None) -> Future[ResultT]:
        """Run ``work`` before all else, in the order of arrival; each owner has one turn after the other.

        So whoever asks for much at once delays nobody by more than one piece of it.
        """
        return self.run(Priority.COMPLETION, work, owner)

    def background(self, work: Callable[[], ResultT], owner: Hashable = None) -> Future[ResultT]:
        """Run ``work`` when nothing else waits, the newest first: it is what the user does now."""
        return self.run(Priority.BACKGROUND, work, owner)

    def run(self, priority: Priority, work: Callable[[], ResultT], owner: Hashable = None) -> Future[ResultT]:
        """Run ``work`` when nothing waits that comes before it. Commands take turns as what comes first does."""
        promised: Future[ResultT] = Future()
        with self._news:
            self._waiting[priority].append(_Work(next(self._arrivals), priority, owner, work, promised))
            if self._running is not None and (
                priority < self._running or priority is self._running is Priority.BACKGROUND
            ):
                self._is_interrupted = True
                self._interrupt()
            self._news.notify()
        return promised

    def limit_background(self, share: float) -> None:
        """Let background work use this share of the time from now on, 0 < ``share`` <= 1."""
        with self._news:
            self._share.share = share
            self._news.notify()

    def pause(self) -> None:
        """Called by all work between its pieces: where it is background work that has used up its share, wait.

        Returns early when it is interrupted, so that nobody waits for a pause to end.
        """
        with self._news:
            if self._running is Priority.BACKGROUND:
                self._stop_counting()
                self._wait_for_share(lambda: self._is_interrupted)
                self._resumed_at = self._clock()
                if self._is_interrupted:
                    self._interrupt()  # Again: it may have come before the work was ready to be stopped.

    @property
    def is_interrupted(self) -> bool:
        """Whether somebody waits for the background work that runs to give way."""
        return self._is_interrupted

    def idle_s(self) -> float:
        """For how long there has been nothing to do."""
        with self._news:
            return self._clock() - self._idle_since if self._is_idle else 0.0

    def _stop_counting(self) -> None:
        self._share.spent(self._resumed_at, self._clock())

    def _wait_for_share(self, is_over: Callable[[], object]) -> None:
        while not is_over() and (delay_s := self._share.delay_s(self._clock())) > 0:
            self._news.wait(delay_s)

    def _next(self) -> _Work:
        """Take what is to be done now. Called with the lock held, when there is something."""
        self._running = next(priority for priority in Priority if self._waiting[priority])
        waiting = self._waiting[self._running]
        self._resumed_at = self._clock()
        self._allow()
        if self._running is Priority.BACKGROUND:
            return waiting.pop()
        work = min(waiting, key=lambda work: (self._turns.get(work.owner, -1), work.arrival))
        waiting.remove(work)
        self._turns[work.owner] = next(self._arrivals)
        return work

    def _has_work(self) -> bool:
        return any(self._waiting.values())

    def _has_urgent_work(self) -> bool:
        return any(self._waiting[priority] for priority in Priority if priority is not Priority.BACKGROUND)

    def _run(self) -> None:
        patience_s: float | None = None
        while True:
            with self._news:
                if self._running is Priority.BACKGROUND:
                    self._stop_counting()
                if self._running is Priority.BACKGROUND or not self._is_idle:
                    self._idle_since = self._clock()
                self._running, self._is_interrupted = None, False
                self._is_idle = not self._has_work()
                has_work = self._news.wait_for(self._has_work, patience_s)
                if has_work:
                    self._is_idle = False
                    self._wait_for_share(self._has_urgent_work)
                    work = self._next()
            if not has_work:
                patience_s = TIDYING_PAUSE_S if self._tidy() else None
                continue
            patience_s = self._tidy_after_s
            try:
                result = work.call()
            except Interrupted:
                with self._news:
                    self._waiting[work.priority].append(work)
                    self._waiting[work.priority].sort(key=lambda work: work.arrival)
            except BaseException as error:
                work.promised.set_exception(error)
            else:
                work.promised.set_result(result)

    def _tidy(self) -> bool:
        try:
            return self._tidy_up()
        except Exception:
            _log.exception("tidying up failed")  # Nobody waits for it, and the thread has to go on.
            return False


class _Work:
    """Something to call, for whom, and the promise of its result."""

    def __init__(
        self, arrival: int, priority: Priority, owner: Hashable, call: Callable[[], Any], promised: Future[Any]
    ) -> None:
        self.arrival = arrival
        self.priority = priority
        self.owner = owner
        self.call = call
        self.promised = promised
