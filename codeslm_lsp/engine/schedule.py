"""Work for the engine's one thread: what somebody waits for comes first, and the rest goes on when that is done."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

ResultT = TypeVar("ResultT")


class Interrupted(Exception):
    """Raised by background work that was told to stop; it is run again when nothing in the foreground waits."""


class Schedule:
    """Runs one piece of work at a time. ``interrupt`` is called, from any thread, to stop background work that runs."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
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
        while True:
            with self._news:
                self._in_background = False
                self._news.wait_for(lambda: self._foreground or self._background)
                self._in_background = not self._foreground
                work = self._background.pop() if self._in_background else self._foreground.popleft()
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


class _Work:
    """Something to call, and the promise of its result."""

    def __init__(self, arrival: int, call: Callable[[], Any], promised: Future[Any]) -> None:
        self.arrival = arrival
        self.call = call
        self.promised = promised
