"""How much a program in the sandbox may take before it is ended or its system calls fail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The defaults suit the unit tests of a project: what needs more is no longer a small check.

    ``wall_s`` begins when the command does; ``cpu_s`` is each process's own. ``memory_bytes`` is what all processes
    hold together, shared pages counted once for each; it also bounds what one of them may map (``inside``).
    ``n_processes`` counts threads as well. ``file_bytes`` bounds one file, ``disk_bytes`` and ``n_files`` all that are
    written, which is memory too. Of the output, ``output_bytes`` of each stream are kept.
    """

    wall_s: float = 30.0
    cpu_s: int = 30
    memory_bytes: int = 2 << 30
    n_processes: int = 64
    n_open_files: int = 256
    file_bytes: int = 64 << 20
    disk_bytes: int = 256 << 20
    n_files: int = 50_000
    output_bytes: int = 1 << 20
