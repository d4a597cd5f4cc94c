"""Work for the engine's one thread: completions come before commands, and commands before background work.

What gives way goes on later, and loses nothing. Background work may be limited to a share of the time (see ``share``):
then it pauses between its pieces. When there has been nothing to do for a while, the schedule tidies up.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar

from codeslm_lsp.engine.share import Share
from codeslm_lsp.values import Priority

ResultT = TypeVar("ResultT")

IDLE_S = 4.0
"""After this long nobody is typing. While somebody is, what is tidied up would soon be out of date again."""

TIDYING_PAUSE_S = 0.1
"""Between two pieces of tidying up, so that it takes little of the machine."""

TURN_S = 2.0
"""How long a command runs while somebody else's waits: both are seen to go on, and a change costs one evaluation of a
token at most."""

_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """Raised by work that was told to give way; it is called again when its turn comes."""


class Schedule:
    """Runs one piece of work at a time, in turn for each of its owners.

    ``interrupt`` is called, from any thread, to stop the work that runs, unless that is a completion: those run to
    their end. ``allow`` is called before each piece of work, so that an interruption meant for the one before does not
    stop it. ``tidy_up`` is called on the same thread after ``idle_s`` seconds without work, and then as long as it says
    that there is more. It is not interrupted, so it should do little at a time.
    """

    def __init__(
        self,
        interrupt: Callable[[], None],
        allow: Callable[[], None],
        tidy_up: Callable[[], bool] = lambda: False,
        *,
        idle_s: float = IDLE_S,
        turn_s: float = TURN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interrupt = interrupt
        self._allow = allow
        self._tidy_up = tidy_up
        self._tidy_after_s = idle_s
        self._turn_s = turn_s
        self._clock = clock
        self._share = Share(1.0)
        self._resumed_at = self._idle_since = clock()
        self._is_interrupted = False
        self._turns: dict[tuple[Priority, Hashable], int] = {}
        self._waiting: list[_Work] = []
        self._arrivals = itertools.count()
        self._running: _Work | None = None
        self._is_idle = True
        self._news = threading.Condition()
        threading.Thread(target=self._run, name="engine", daemon=True).start()

    def submit(
        self, work: Callable[[], ResultT], priority: Priority = Priority.COMPLETION, owner: Hashable = None
    ) -> Future[ResultT]:
        """Run ``work`` before all that comes after it by its priority.

        Completions and commands run in the order of arrival, and each owner has one turn after the other: whoever asks
        for much at once delays nobody by more than one piece of it, or ``turn_s`` of a command. Of background work the
        newest is first: it is what the user does now.
        """
        promised: Future[ResultT] = Future()
        with self._news:
            self._waiting.append(_Work(next(self._arrivals), priority, owner, work, promised))
            if self._running is not None and _gives_way(self._running.priority, priority):
                self._tell_to_give_way()
            self._news.notify()
        return promised

    def withdraw(self, promised: Future[ResultT], result: ResultT) -> None:
        """Answer work that waits, to begin or to go on, at once by ``result``; what runs, or is over, is left alone."""
        with self._news:
            found = [work for work in self._waiting if work.promised is promised]
            for work in found:
                self._waiting.remove(work)
            self._news.notify()
        for _ in found:
            promised.set_result(result)

    def limit_background(self, share: float) -> None:
        """Let background work use this share of the time from now on, 0 < ``share`` <= 1."""
        with self._news:
            self._share.share = share
            self._news.notify()

    def pause(self) -> None:
        """Called by all work between its pieces: where it is background work that has used up its share, wait.

        Returns early when it is interrupted, so that nobody waits for a pause to end. A command whose turn is over is
        interrupted here.
        """
        with self._news:
            if self._running is None:
                return
            if self._running.priority is Priority.COMMAND and self._is_turn_over(self._running):
                self._is_interrupted = True
            if self._running.priority is Priority.BACKGROUND:
                self._stop_counting()
                self._wait_for_share(lambda: self._is_interrupted)
                self._resumed_at = self._clock()
            if self._is_interrupted:
                self._interrupt()  # Again: it may have come before the work was ready to be stopped.

    @property
    def is_interrupted(self) -> bool:
        """Whether the work that runs has to give way."""
        return self._is_interrupted

    def idle_s(self) -> float:
        """For how long there has been nothing to do."""
        with self._news:
            return self._clock() - self._idle_since if self._is_idle else 0.0

    def _tell_to_give_way(self) -> None:
        self._is_interrupted = True
        self._interrupt()

    def _stop_counting(self) -> None:
        self._share.spent(self._resumed_at, self._clock())

    def _wait_for_share(self, is_over: Callable[[], object]) -> None:
        while not is_over() and (delay_s := self._share.delay_s(self._clock())) > 0:
            self._news.wait(delay_s)

    def _is_turn_over(self, running: _Work) -> bool:
        """Whether another owner's work of this priority waits, and ``running`` has had its time."""
        others = (work for work in self._waiting if work.priority is running.priority)
        ran_s = running.ran_s + self._clock() - self._resumed_at
        return ran_s >= self._turn_s and any(work.owner != running.owner for work in others)

    def _next(self) -> _Work:
        """Take what is to be done now. Called with the lock held, when there is something."""
        work = min(self._waiting, key=self._order)
        self._waiting.remove(work)
        self._running, self._resumed_at = work, self._clock()
        self._allow()
        return work

    def _order(self, work: _Work) -> tuple[Priority, int, int]:
        """What is least comes next."""
        if work.priority is Priority.BACKGROUND:
            return work.priority, 0, -work.arrival
        return work.priority, self._turns.get((work.priority, work.owner), -1), work.arrival

    def _put_back(self, work: _Work) -> None:
        """It gave way. Its turn goes on later, unless it was over."""
        with self._news:
            work.ran_s += self._clock() - self._resumed_at
            if work.ran_s >= self._turn_s:
                self._end_turn(work)
            self._waiting.append(work)

    def _end_turn(self, work: _Work) -> None:
        work.ran_s = 0.0
        self._turns[work.priority, work.owner] = next(self._arrivals)

    def _run(self) -> None:
        patience_s: float | None = None
        while True:
            work = self._wait(patience_s)
            if work is not None:
                self._call(work)
                patience_s = self._tidy_after_s
            else:
                patience_s = TIDYING_PAUSE_S if self._tidy() else None

    def _wait(self, patience_s: float | None) -> _Work | None:
        """What is to be done next; None when nothing has come in that time."""
        with self._news:
            if self._running is not None and self._running.priority is Priority.BACKGROUND:
                self._stop_counting()
            if not self._is_idle:
                self._idle_since = self._clock()
            self._running, self._is_interrupted = None, False
            self._is_idle = not self._waiting
            while self._news.wait_for(lambda: bool(self._waiting), patience_s):
                self._is_idle = False
                self._wait_for_share(self._need_not_wait)
                if self._waiting:
                    return self._next()
                self._is_idle, self._idle_since = True, self._clock()
            return None

    def _call(self, work: _Work) -> None:
        try:
            result = work.call()
        except Interrupted:
            self._put_back(work)
        except BaseException as error:
            self._finish(work)
            work.promised.set_exception(error)
        else:
            self._finish(work)
            work.promised.set_result(result)

    def _finish(self, work: _Work) -> None:
        with self._news:
            self._end_turn(work)

    def _need_not_wait(self) -> bool:
        """Whether something waits that no share limits, or nothing any more."""
        return not self._waiting or any(work.priority is not Priority.BACKGROUND for work in self._waiting)

    def _tidy(self) -> bool:
        try:
            return self._tidy_up()
        except Exception:
            _log.exception("tidying up failed")  # Nobody waits for it, and the thread has to go on.
            return False


def _gives_way(running: Priority, arriving: Priority) -> bool:
    """A command to a completion, background work to everything: newer background work is what the user does now."""
    return arriving < running or running is Priority.BACKGROUND


class _Work:
    """Something to call, for whom, and the promise of its result. ``ran_s``: how long, in its owner's present turn."""

    def __init__(
        self, arrival: int, priority: Priority, owner: Hashable, call: Callable[[], Any], promised: Future[Any]
    ) -> None:
        self.arrival = arrival
        self.priority = priority
        self.owner = owner
        self.call = call
        self.promised = promised
        self.ran_s = 0.0
