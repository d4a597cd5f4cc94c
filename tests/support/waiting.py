"""Waiting for what another process does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

DEADLINE_S = 60.0
"""Far more than anything takes; a machine may be busy, and some processes have the lowest priority."""


async def until(is_so: Callable[[], object]) -> None:
    """Wait until ``is_so``; the test fails if that takes too long."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < deadline_s, "this should have happened by now"
        await asyncio.sleep(0.01)
