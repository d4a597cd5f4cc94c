"""What is worth computing while nobody waits: started when it has been quiet for a moment, stopped by the next key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import psutil

from codeslm_lsp.settings import CompletionSettings

QUIET_S = 0.1
"""Keys of fluent typing follow each other within 60 to 200 ms (about 60 words a minute); between them nothing that is
started could be finished, and stopping it would cost the key some milliseconds."""


class Ahead:
    """At most one piece of work ahead, of the document that was asked for last."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._uri = ""

    def start(self, uri: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run ``work`` for a document after a moment of quiet, instead of what was to be done before."""
        self.stop()
        self._uri = uri
        self._task = asyncio.create_task(_after_a_moment(work))

    def stop(self) -> None:
        """The user does something: whatever runs is cancelled."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def forget(self, uri: str) -> None:
        """The document is closed: nothing more is done for it."""
        if self._uri == uri:
            self.stop()


async def _after_a_moment(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await asyncio.sleep(QUIET_S)
    await work()


def is_wanted(options: CompletionSettings) -> bool:
    """Whether this machine may work ahead now: by the setting, and by where its power comes from."""
    if options.prefetch == "plugged_in":
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
        return battery is None or battery.power_plugged is not False
    return options.prefetch == "always"
