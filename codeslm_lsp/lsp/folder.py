"""The workspace folder of a session: indexed as long as it is open, and asked for what other files have to say."""

from __future__ import annotations

import asyncio
from pathlib import Path

from codeslm_lsp.context.desk import Desk
from codeslm_lsp.context.source import WorkspaceContext
from codeslm_lsp.settings import Settings
from codeslm_lsp.workspace.index import index_of
from codeslm_lsp.workspace.process import IndexProcess
from codeslm_lsp.workspace.progress import Event, Progress


class Folder:
    """One folder with its indexer and its ``index``. Belongs to an event loop."""

    def __init__(self, path: Path, settings: Settings, desk: Desk) -> None:
        self.path = path
        self.index = index_of(path)
        self._process = IndexProcess(path, settings.index.max_files, self._told)
        self._is_ready = asyncio.Event()
        self.context = WorkspaceContext(self.index, path, desk, self._is_ready)

    def start(self) -> None:
        """Begin to bring the index up to date."""
        self._process.start()

    async def ready(self) -> None:
        """Wait until all files of the folder are in the index, or somebody else's indexer sees to that."""
        await self._is_ready.wait()

    async def close(self) -> None:
        """End the indexer."""
        await self._process.close()
        self.index.close()

    def _told(self, progress: Progress) -> None:
        if progress.event is not Event.INDEXING:
            self._is_ready.set()


def repository_folder(root: Path, settings: Settings) -> Folder | None:
    """The folder at ``root``, which begins to be indexed if it is a repository: as if an editor were opened there."""
    if not (root / ".git").exists() or (path := folder_to_index(root, settings)) is None:
        return None
    folder = Folder(path, settings, Desk())
    folder.start()
    return folder


def folder_to_index(root: Path | None, settings: Settings) -> Path | None:
    """The folder that may be indexed."""
    return project_folder(root) if settings.index.enabled and settings.context.enabled else None


def project_folder(root: Path | None) -> Path | None:
    """The workspace's folder. Somebody's whole home, or the disk, is no project that was opened as one."""
    if root is None:
        return None
    if not root.is_dir() or Path.home().resolve().is_relative_to(root.resolve()):
        return None
    return root.resolve()
