"""Completed Python program + its test → whether it passes, in the sandbox."""

from __future__ import annotations

import asyncio
import sys

from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.workshop import Workshop

LIMITS = Limits(wall_s=10, cpu_s=10, memory_bytes=2 << 30, file_bytes=1 << 20)
"""Benchmark programs take milliseconds and write nothing; what needs more is an honest mistake of the model."""


def passes(program: str, test: str, entry_point: str) -> bool:
    """Whether ``program`` followed by ``test`` and ``check(entry_point)`` ends well within the limits.

    Starts an event loop, so it is not to be called from one. Raises ``SandboxUnavailable``.
    """
    return asyncio.run(_passes(f"{program}\n{test}\ncheck({entry_point})\n"))


async def _passes(source: str) -> bool:
    async with Workshop({"program.py": source}, LIMITS) as workshop:
        return (await workshop.run([sys.executable, "-I", "program.py"])).exit_code == 0
