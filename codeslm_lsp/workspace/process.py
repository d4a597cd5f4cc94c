"""The indexer of one folder as a child of the server: what it says of its progress is passed on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from codeslm_lsp.workspace.child import Child
from codeslm_lsp.workspace.progress import Progress, progress_of


class IndexProcess:
    """Keeps one folder indexed as long as it is open. All methods belong to one event loop.

    ``told`` is called with everything the indexer says.
    """

    def __init__(self, folder: Path, max_files: int, told: Callable[[Progress], None] | None = None) -> None:
        self._told = told
        self._child = Child(
            "codeslm_lsp.workspace.indexer",
            (str(folder), "--max-files", str(max_files)),
            self._heard,
            name=f"the indexer of {folder}",
            loss="its index is not brought up to date",
        )
        self.progress: Progress | None = None

    @property
    def pid(self) -> int | None:
        """The indexer's process id, while there is one."""
        return self._child.pid

    def start(self) -> None:
        """Begin to start the indexer, without waiting for it."""
        self._child.start()

    async def close(self) -> None:
        """End the indexer. A batch that it is writing is finished, or left out as a whole."""
        await self._child.close()

    def _heard(self, line: bytes) -> None:
        progress = progress_of(line)
        if progress is not None:
            self.progress = progress
            if self._told is not None:
                self._told(progress)
