"""What other programs take of this machine → how many threads the engine should use now, and how much it may do ahead.

Measured figures and the policy they led to are in README, "Measured".
"""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

import psutil

SAMPLES = 3
"""The mean of so many seconds counts: a program that starts and ends within one is no reason to change anything."""

QUIET_CORES = 0.3
"""Less than this is what a desktop does by itself; measurements are made only below it."""

BUSY_SHARE = 0.25
"""While other programs keep all cores busy, background work uses this much of the time it may use otherwise: enough
for the prompt of a new line to follow within a minute, and little beside a compiler."""


def is_busy(others_cores: float, n_cores: int) -> bool:
    """Whether other programs keep all cores busy."""
    return others_cores > n_cores - 0.5


def threads_beside(others_cores: float, n_threads: tuple[int, int], n_cores: int) -> tuple[int, int]:
    """Threads for one token and for several, of the tuned ``n_threads``, while others use ``others_cores``.

    One token is many short steps at whose ends all threads wait for the slowest: it gets the cores that are left. A
    prompt is few long ones, among which threads share the work out: it keeps its threads, and the system shares the
    cores.
    """
    one, many = n_threads
    return min(one, max(1, n_cores - round(others_cores))), many


class Load(Protocol):
    """What other programs use; in a test, what a test says they do."""

    @property
    def cores(self) -> float:
        """How many cores, lately."""

    @property
    def is_quiet(self) -> bool:
        """Whether enough has been seen to say that nothing else runs."""

    def sample(self) -> None:
        """Look again."""


class OthersLoad:
    """Cores that programs other than the engine keep busy; ``sample`` is called about once a second.

    Programs that were given a low priority (``nice``, and the indexer of ours) leave the cores to the engine by
    themselves: they do not count, where the system tells their time (Linux, macOS).
    """

    def __init__(self, engine_pid: int) -> None:
        self._process = psutil.Process(engine_pid)
        self._recent: deque[float] = deque(maxlen=SAMPLES)
        self._before = self._times()

    def sample(self) -> None:
        """Look at what was used since the last sample."""
        before, now = self._before, self._times()
        self._before = now
        elapsed_s = now[0] - before[0]
        if elapsed_s > 0:
            self._recent.append(max(0.0, (now[1] - before[1]) - (now[2] - before[2])) / elapsed_s)

    @property
    def cores(self) -> float:
        """See ``Load``: the mean of the last seconds."""
        return sum(self._recent) / len(self._recent) if self._recent else 0.0

    @property
    def is_quiet(self) -> bool:
        """See ``Load``."""
        return len(self._recent) == SAMPLES and max(self._recent) < QUIET_CORES

    def _times(self) -> tuple[float, float, float]:
        """Seconds: of the clock, of all cores at work, of all cores at work for the engine."""
        all_cores, own = psutil.cpu_times(), self._process.cpu_times()
        idle = all_cores.idle + getattr(all_cores, "iowait", 0.0)
        # A guest's time is part of the user's (proc(5)).
        guest = getattr(all_cores, "guest", 0.0) + getattr(all_cores, "guest_nice", 0.0)
        yielding = getattr(all_cores, "nice", 0.0) - getattr(all_cores, "guest_nice", 0.0)
        return time.monotonic(), sum(all_cores) - idle - guest - yielding, own.user + own.system
