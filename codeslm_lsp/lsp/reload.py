"""Files of settings that change while the server runs → the settings are read again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

EVERY_S = 1.0
"""Looking at two files costs 20 microseconds; a watcher would cost a thread, and does not see every file system."""

_Stamp = tuple[int, int] | None


async def follow_files(files: Callable[[], Sequence[Path]], read_again: Callable[[], Awaitable[None]]) -> None:
    """Call ``read_again`` whenever one of the files was written, made or deleted. Ends by being cancelled."""
    before = _stamps(files())
    while True:
        await asyncio.sleep(EVERY_S)
        now = _stamps(files())
        if now != before:
            before = now
            await read_again()


def _stamps(files: Sequence[Path]) -> dict[Path, _Stamp]:
    return {path: _stamp(path) for path in files}


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
