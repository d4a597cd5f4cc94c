"""Completed Python program + its test → whether it passes, in a subprocess with limits.

The limits (time, memory, processes, file size, an empty folder, a scrubbed environment) keep an honest mistake of the
model from hurting; they are no jail. That is why the command asks for ``--execute`` first.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

TIMEOUT_S = 10
MEMORY_BYTES = 2 << 30
FILE_BYTES = 1 << 20

_LIMITS = f"""
import resource
for name, limit in (("RLIMIT_CPU", {TIMEOUT_S}), ("RLIMIT_AS", {MEMORY_BYTES}), ("RLIMIT_FSIZE", {FILE_BYTES})):
    resource.setrlimit(getattr(resource, name), (limit, limit))
"""


def passes(program: str, test: str, entry_point: str) -> bool:
    """Whether ``program`` followed by ``test`` and ``check(entry_point)`` ends well within the limits."""
    limits = "" if sys.platform == "win32" else _LIMITS
    source = f"{limits}\n{program}\n{test}\ncheck({entry_point})\n"
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [sys.executable, "-I", "-"],
                input=source.encode("utf-8", errors="replace"),
                cwd=folder,
                env={},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == 0
