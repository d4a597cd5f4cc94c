"""Memory that a server has freed → given back to the system, which glibc does not do by itself between what is in use.

Texts, their trees and answers come and go in all sizes for as long as an editor is open, so free memory lies scattered:
8 of 82 MB after fifteen minutes of typing.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable

EVERY_S = 60.0


def trim_of_libc() -> Callable[[int], int] | None:
    """``malloc_trim`` (https://man7.org/linux/man-pages/man3/malloc_trim.3.html), where the C library has it."""
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


class FreeMemory:
    """Given back a minute after something was done, and then again only once more has been: who rests is not woken."""

    def __init__(self, trim: Callable[[int], int] | None, every_s: float = EVERY_S) -> None:
        self._trim = trim
        self._every_s = every_s
        self._timer: asyncio.TimerHandle | None = None

    def is_made(self) -> None:
        """Something was done that leaves free memory. Belongs to a running event loop."""
        if self._timer is None and self._trim is not None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._give_back, self._trim)

    def _give_back(self, trim: Callable[[int], int]) -> None:
        self._timer = None
        trim(0)
