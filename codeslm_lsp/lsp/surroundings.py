"""A workspace folder → what is known around its documents: its index, its Python environment, what lies on its desk."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.completion.remote_first import Completes, completer_by
from codeslm_lsp.context.desk import Desk
from codeslm_lsp.lsp.folder import Folder, folder_to_index, project_folder
from codeslm_lsp.settings import Settings
from codeslm_lsp.workspace.environment import Environment


class Surroundings:
    """Of one workspace folder, or of documents that lie in none. Each has its own: folders are other projects."""

    def __init__(self, root: Path | None) -> None:
        self.desk = Desk()
        self.folder: Folder | None = None
        self.environment: Environment | None = None
        self._completers: dict[str, Completes] = {}
        self._root = root

    def open(self, settings: Settings) -> None:
        """Begin to index the folder, if these settings allow it. Needs an event loop."""
        if (path := folder_to_index(self._root, settings)) is not None:
            self.folder = Folder(path, settings, self.desk)
            self.folder.start()
        if settings.index.enabled:
            self.environment = Environment(project_folder(self._root))

    def completer(self, language_id: str, settings: Settings, launched: Launched) -> Completes:
        """What completes the folder's documents in a language: one for all that have no settings of their own."""
        key = language_id.lower() if language_id.lower() in settings.languages else ""
        if key not in self._completers:
            workspace = self.folder.context if self.folder is not None else None
            self._completers[key] = completer_by(launched, settings.for_language(key), workspace, self.environment)
        return self._completers[key]

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self.desk.closed(uri)
        for completer in self._completers.values():
            completer.forget(uri)

    def drop_completers(self) -> None:
        """End what they do ahead."""
        for completer in self._completers.values():
            completer.stop()
        self._completers = {}

    def closing(self) -> Coroutine[Any, Any, None]:
        """Forget what was opened, so that it may be opened again at once; awaiting the result ends it."""
        folder, self.folder = self.folder, None
        environment, self.environment = self.environment, None
        return _close(folder, environment)


async def _close(folder: Folder | None, environment: Environment | None) -> None:
    """Both at once: a process of the lowest priority may be slow to end, and nobody waits for long."""
    await asyncio.gather(*(each.close() for each in (folder, environment) if each is not None))
