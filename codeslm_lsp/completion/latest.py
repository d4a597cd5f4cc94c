"""Newer requests stop older ones: at most one completion is computed at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from codeslm_lsp.values import Report


class LatestWins:
    """Runs one request's work; a newer one cancels it.

    ``run`` returns None for a request that was superseded, and raises ``CancelledError`` for one whose caller was
    cancelled; either way the work itself has been cancelled.
    """

    def __init__(self) -> None:
        self._current: asyncio.Task[Report] | None = None

    async def run(self, work: Coroutine[Any, Any, Report]) -> Report | None:
        """Cancel what runs, then run ``work``."""
        self.cancel()
        task = self._current = asyncio.create_task(work)
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        return None if task.cancelled() else task.result()

    def cancel(self) -> None:
        """Stop what runs."""
        if self._current is not None:
            self._current.cancel()
