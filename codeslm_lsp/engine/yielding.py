"""This process → one that leaves the cores to others that want them, but is not kept from them for ever."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import psutil

NICENESS = 10
"""A process of ordinary priority gets nine times as much of a core (``sched_prio_to_weight`` of Linux)."""

AUTOGROUP = Path("/proc/self/autogroup")
"""Linux weighs sessions, not processes, where this exists (sched(7), "the autogroup feature"), and an engine is one by
itself; it takes the niceness of a session. The ending of the file's one line is its present niceness."""


def yield_cores() -> None:
    """Run as a program of low priority from now on, as far as the system lets it."""
    own = psutil.Process()
    with suppress(OSError, psutil.Error):
        if sys.platform == "win32":
            own.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            own.nice(max(NICENESS, int(own.nice())))
    with suppress(OSError):
        if AUTOGROUP.exists():
            AUTOGROUP.write_text(str(NICENESS), encoding="ascii")
