"""How a child of the server behaves: of the lowest priority, deaf to the editor's signals, private, done when told."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import psutil


def be_humble() -> None:
    """Run only when nobody else wants the processor or the disk, as far as the system knows how.

    What is written can be read by this user alone, and an interrupt is meant for the editor.
    """
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    own = psutil.Process()
    if sys.platform == "win32":
        own.nice(psutil.IDLE_PRIORITY_CLASS)
        return
    own.nice(19)
    if sys.platform == "linux":
        with suppress(OSError, psutil.Error):  # A sandbox may forbid it.
            own.ionice(psutil.IOPRIO_CLASS_IDLE)
            # Niceness alone still takes one part in seventy from the threads of a model, which wait for each other.
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def leave_quietly() -> None:
    """Nobody listens any more; nor must the last flush fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
