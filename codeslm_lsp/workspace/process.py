"""The indexer of one folder as a child of the server: started, listened to, started again if it dies, ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from codeslm_lsp.workspace.progress import Progress, progress_of

RETRY_S = (1.0, 10.0, 60.0)
"""The waits before an indexer that died is started again. After the last it is not any more; its index serves on."""

PATIENCE_S = 2.0
"""How long an indexer may take to finish its batch when it is to end; then it is killed, which harms nothing."""

_log = logging.getLogger(__name__)


class IndexProcess:
    """Keeps one folder indexed as long as it is open. All methods belong to one event loop.

    ``told`` is called with everything the indexer says.
    """

    def __init__(self, folder: Path, max_files: int, told: Callable[[Progress], None] | None = None) -> None:
        self._folder = folder
        self._max_files = max_files
        self._told = told
        self._running: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.progress: Progress | None = None

    @property
    def pid(self) -> int | None:
        """The indexer's process id, while there is one."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Begin to start the indexer, without waiting for it."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """End the indexer. A batch that it is writing is finished, or left out as a whole."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self._running = None

    async def _run(self) -> None:
        for pause_s in (*RETRY_S, None):
            try:
                status = await self._run_once()
            except OSError as error:
                status = error.strerror or str(error)
            if pause_s is None:
                _log.warning(
                    "the indexer of %s ended again (%s); its index is not brought up to date", self._folder, status
                )
                return
            _log.warning("the indexer of %s ended (%s); it is started again", self._folder, status)
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> object:
        """From an indexer's start to its end; its exit status. It is ended when this is cancelled."""
        # "-P": a module of the user's project must not take the place of one of Python's.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "codeslm_lsp.workspace.indexer"),
            *(str(self._folder), "--max-files", str(self._max_files)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                progress = progress_of(line)
                if progress is not None:
                    self.progress = progress
                    if self._told is not None:
                        self._told(progress)
            return await process.wait()
        finally:
            process.stdin.close()
            try:
                await asyncio.wait_for(_read_out(process), PATIENCE_S)
            except TimeoutError:
                process.kill()
                await _read_out(process)
            self._process = None


async def _read_out(process: asyncio.subprocess.Process) -> None:
    """Until it has ended; a full pipe must not keep it from that."""
    assert process.stdout is not None
    while await process.stdout.read(4096):
        pass
    await process.wait()
