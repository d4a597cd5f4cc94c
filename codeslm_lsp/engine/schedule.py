"""Work for the engine's one thread: what somebody waits for comes first, and the rest goes on when that is done.

When there has been nothing to do for a while, it tidies up.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")

IDLE_S = 4.0
"""After this long nobody is typing. While somebody is, what is tidied up would soon be out of date again."""

TIDYING_PAUSE_S = 0.1
"""Between two pieces of tidying up, so that it takes little of the machine."""


_log = logging.getLogger(__name__)


class Interrupted(Exception):
    """Raised by background work that was told to stop; it is run again when nothing in the foreground waits."""


class Schedule:
    """Runs one piece of work at a time. ``interrupt`` is called, from any thread, to stop background work that runs.

    ``tidy_up`` is called on the same thread after ``idle_s`` seconds without work, and then as long as it says that
    there is more. It is not interrupted, so it should do little at a time.
    """

    def __init__(
        self,
        interrupt: Callable[[], None],
        tidy_up: Callable[[], bool] = lambda: False,
        *,
        idle_s: float = IDLE_S,
    ) -> None:
        self._interrupt = interrupt
        self._tidy_up = tidy_up
        self._idle_s = idle_s
        self._foreground: deque[_Work] = deque()
        self._background: list[_Work] = []
        self._arrivals = itertools.count()
        self._in_background = False
        self._news = threading.Condition()
        threading.Thread(target=self._run, name="engine", daemon=True).start()

    def foreground(self, work: Callable[[], ResultT]) -> Future[ResultT]:
        """Run ``work`` before all background work, in the order of arrival."""
        return self._add(self._foreground, work)

    def background(self, work: Callable[[], ResultT]) -> Future[ResultT]:
        """Run ``work`` when nothing else waits, the newest first: it is what the user does now."""
        return self._add(self._background, work)

    def _add(self, queue: deque[_Work] | list[_Work], work: Callable[[], ResultT]) -> Future[ResultT]:
        promised: Future[ResultT] = Future()
        with self._news:
            queue.append(_Work(next(self._arrivals), work, promised))
            if self._in_background:
                self._interrupt()
            self._news.notify()
        return promised

    def _run(self) -> None:
        patience_s: float | None = None
        while True:
            with self._news:
                self._in_background = False
                has_work = self._news.wait_for(lambda: bool(self._foreground or self._background), patience_s)
                if has_work:
                    self._in_background = not self._foreground
                    work = self._background.pop() if self._in_background else self._foreground.popleft()
            if not has_work:
                patience_s = TIDYING_PAUSE_S if self._tidy() else None
                continue
            patience_s = self._idle_s
            try:
                result = work.call()
            except Interrupted:
                with self._news:
                    self._background.append(work)
                    self._background.sort(key=lambda work: work.arrival)
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
    """Something to call, and the promise of its result."""

    def __init__(self, arrival: int, call: Callable[[], Any], promised: Future[Any]) -> None:
        self.arrival = arrival
        self.call = call
        self.promised = promised
