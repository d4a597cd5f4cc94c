"""This machine → how many cores it has, and how many of them this process may use."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import psutil

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Microseconds of processor time in each period, and the period's; ``max`` where there is no limit. A container sees
its own (cgroup v2 of Linux, ``Documentation/admin-guide/cgroup-v2.rst``)."""


def n_physical_cores() -> int:
    """The cores of this machine. Where the physical ones are unknown, half of the logical ones are taken."""
    return psutil.cpu_count(logical=False) or max(1, (psutil.cpu_count() or 2) // 2)


def n_usable_cores(quota: Path = CPU_QUOTA) -> int:
    """Those that this process may keep busy: not those that ``taskset`` or a container has taken from it.

    Threads beyond that would make the others wait for them at every layer of a model.
    """
    n_cores = float(n_physical_cores())
    with suppress(AttributeError, psutil.Error):  # macOS has no affinity.
        n_cores = min(n_cores, len(psutil.Process().cpu_affinity() or ()) or n_cores)
    with suppress(OSError, ValueError):
        allowed, period = quota.read_text(encoding="ascii").split()
        n_cores = min(n_cores, float(allowed) / float(period))
    return max(1, math.floor(n_cores + 0.5))
