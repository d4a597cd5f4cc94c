"""What other programs take of this machine → how many threads the engine should use now, and how much it may do ahead.

Measured figures and the policy they led to are in README, "Measured".
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

SAMPLES = 3
"""The mean of so many seconds counts: a program that starts and ends within one is no reason to change anything."""

QUIET_CORES = 0.3
"""Less than this is what a desktop does by itself; measurements are made only below it."""

WAITING_CORES = 0.3
"""So many of the engine's threads wait for a core where programs of a low priority do not give way. Else a twentieth
part of one does: the editor and its servers run for moments."""

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
    themselves: they do not count, where the system tells their time (Linux, macOS). On Linux a priority may hold only
    within a terminal's session (sched(7), "the autogroup feature"): if the engine has to wait for cores while such
    programs run, they count until they have ended.
    """

    def __init__(self, engine_pid: int) -> None:
        self._process = psutil.Process(engine_pid)
        self._recent: deque[_Second] = deque(maxlen=SAMPLES)
        self._gives_way = True
        self._before = self._times()

    def sample(self) -> None:
        """Look at what was used since the last sample."""
        before, now = self._before, self._times()
        self._before = now
        elapsed_s = now.clock - before.clock
        if elapsed_s <= 0:
            return
        others = max(0.0, (now.others - before.others) - (now.own - before.own))
        yielding = max(0.0, now.yielding - before.yielding)
        waited = max(0.0, now.waited - before.waited)
        self._recent.append(_Second(*(each / elapsed_s for each in (others, yielding, waited))))
        if self._mean("yielding") < QUIET_CORES:
            self._gives_way = True
        elif self._mean("waited") > WAITING_CORES:
            self._gives_way = False

    @property
    def cores(self) -> float:
        """See ``Load``: the mean of the last seconds."""
        return self._mean("others") + (0.0 if self._gives_way else self._mean("yielding"))

    @property
    def is_quiet(self) -> bool:
        """See ``Load``. What gives way counts here too: measurements would be of what it left."""
        used = [each.others + each.yielding for each in self._recent]
        return len(used) == SAMPLES and max(used) < QUIET_CORES

    def _mean(self, name: str) -> float:
        return sum(getattr(each, name) for each in self._recent) / len(self._recent) if self._recent else 0.0

    def _times(self) -> _Times:
        all_cores, own = psutil.cpu_times(), self._process.cpu_times()
        idle = all_cores.idle + getattr(all_cores, "iowait", 0.0)
        # A guest's time is part of the user's (proc(5)).
        guest = getattr(all_cores, "guest", 0.0) + getattr(all_cores, "guest_nice", 0.0)
        yielding = getattr(all_cores, "nice", 0.0) - getattr(all_cores, "guest_nice", 0.0)
        others = sum(all_cores) - idle - guest - yielding
        return _Times(time.monotonic(), others, own.user + own.system, yielding, _waited_s(self._process.pid))


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds since some time before: of the clock; of cores at work for all programs that do not give way, for the
    engine, and for those that do; and of the engine's threads that were ready and had no core."""

    clock: float
    others: float
    own: float
    yielding: float
    waited: float


@dataclass(frozen=True, slots=True)
class _Second:
    """The cores, or the threads that waited for one, of about one second."""

    others: float
    yielding: float
    waited: float


def _waited_s(pid: int) -> float:
    """How long a process' threads have been ready to run and had no core; 0 where the system does not tell.

    The second figure of ``schedstat``, in nanoseconds (Linux, Documentation/scheduler/sched-stats).
    """
    total = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):  # A thread may end meanwhile.
            total += int(file.read_text(encoding="ascii").split()[1])
    return total / 1e9
