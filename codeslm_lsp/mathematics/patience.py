"""One step of many → its result, or None when it takes too long. Only in the main thread of the worker."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class _TookTooLong(BaseException):
    """Not an ``Exception``: SymPy catches those while it tries one way after the other."""


def attempted(step: Callable[[], T], limit_s: float) -> T | None:
    """What ``step`` returns, or None where it fails or takes longer than ``limit_s`` seconds.

    SymPy raises errors of many kinds where it does not know an answer; none of them says anything about the question.
    Without alarms (Windows) the client's limit is the only one.
    """
    if limit_s <= 0:
        return None
    if not hasattr(signal, "setitimer"):
        return _quietly(step)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise _TookTooLong

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        return _quietly(step)
    except _TookTooLong:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _quietly(step: Callable[[], T]) -> T | None:
    try:
        return step()
    except (Exception, RecursionError):
        return None


class Clock:
    """How much of a task's time is left."""

    def __init__(self, limit_s: float) -> None:
        self._end_s = time.monotonic() + limit_s

    @property
    def left_s(self) -> float:
        """Seconds, at least 0."""
        return max(0.0, self._end_s - time.monotonic())

    def share_s(self, most_s: float) -> float:
        """Seconds for one step: no more than ``most_s``, and no more than there are."""
        return min(most_s, self.left_s)
