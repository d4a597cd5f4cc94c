"""Files of a project → commands run on copies of them, each in a sandbox of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.sandbox.names import check_names
from codeslm_lsp.sandbox.outcome import Outcome
from codeslm_lsp.sandbox.runner import Job, run


class Workshop:
    """Runs commands in the folder that holds ``files``, by their names in it.

    Every run begins with the files as they were given: what one wrote, no other sees. ``readable`` are folders that
    programs may read besides ours and the system's, such as another Python environment. To be asked for only with the
    workspace's consent (``consent``). Raises ``SandboxUnavailable`` on entering where nothing can be shut in, and
    ``InputError`` for names that leave the folder.
    """

    def __init__(
        self,
        files: Mapping[str, str | bytes],
        limits: Limits | None = None,
        *,
        mechanism: Mechanism | None = None,
        readable: Sequence[Path] = (),
    ) -> None:
        check_names(files)
        self._files = {
            name: content.encode(errors="replace") if isinstance(content, str) else content
            for name, content in files.items()
        }
        self._limits = limits or Limits()
        self._mechanism = mechanism
        self._readable = tuple(readable)
        self._runs: set[asyncio.Task[Outcome]] = set()

    async def __aenter__(self) -> Self:
        self._mechanism = self._mechanism or await detect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what still runs."""
        for each in self._runs:
            each.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)

    async def run(self, command: Sequence[str], limits: Limits | None = None) -> Outcome:
        """Run a command to its end, or until it takes too much. Cancelled, it ends everything that it started."""
        assert self._mechanism is not None, "a workshop is entered before something is run in it"
        job = Job(command, self._files, self._readable)
        running = asyncio.create_task(run(self._mechanism, job, limits or self._limits))
        self._runs.add(running)
        running.add_done_callback(self._runs.discard)
        return await running
