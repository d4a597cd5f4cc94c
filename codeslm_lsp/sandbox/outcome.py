"""What is told of a command that was run in the sandbox."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class EndReason(enum.StrEnum):
    """Why a run was over."""

    EXITED = "exited"
    """The command ended by itself, or by a signal: one of its own, or for too much processor time (SIGXCPU)."""
    TIMED_OUT = "timed_out"
    MEMORY = "memory"
    PROCESSES = "processes"
    FILES = "files"
    """It made more files than it may. One that is too large, or no room left, is an error that the program sees."""
    OUTPUT = "output"
    """It said so much that it is no report any more."""
    KILLED = "killed"
    """Somebody else ended it, such as the system when it had no memory left."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went. ``exit_code`` is negative for a signal, and None where the run was ended.

    ``stdout`` and ``stderr`` are not to be trusted more than the program. Where one is ``cut``, its middle is missing,
    and a line in it says how much. ``wall_s`` is what the command itself took.
    """

    exit_code: int | None
    stdout: bytes
    stderr: bytes
    ended: EndReason
    wall_s: float
    cut: bool
