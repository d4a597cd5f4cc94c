"""When a server gives free memory back."""

from __future__ import annotations

import asyncio

from codeslm_lsp.lsp.memory import FreeMemory, trim_of_libc


async def test_it_is_given_back_once_for_all_that_was_done_meanwhile() -> None:
    given: list[int] = []

    def trim(kept: int) -> int:
        given.append(kept)
        return 1

    memory = FreeMemory(trim, every_s=0.02)
    for _ in range(5):
        memory.is_made()
    assert given == []
    await asyncio.sleep(0.1)
    assert given == [0]
    memory.is_made()
    await asyncio.sleep(0.1)
    assert given == [0, 0]


async def test_where_the_library_cannot_nothing_is_done() -> None:
    memory = FreeMemory(None, every_s=0.0)
    memory.is_made()
    await asyncio.sleep(0.01)


def test_the_library_is_asked_as_it_is_written() -> None:
    trim = trim_of_libc()
    assert trim is None or trim(0) in (0, 1)
