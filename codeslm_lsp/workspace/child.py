"""A module of ours as a child process: started, talked to in lines, started again if it dies, ended with the server.

Knows nothing of what the lines say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Sequence

RETRY_S = (1.0, 10.0, 60.0)
"""The waits before a child that died is started again. After the last it is not any more."""

STEADY_S = 600.0
"""One that has run for so long died of something new: a session may last for weeks."""

PATIENCE_S = 1.0
"""How long a child may take to finish what it is doing when it is to end; then it is killed, which harms nothing. A
server that ends waits no more than twice as long, and none of its children shall outlive it."""

MAX_LINE_BYTES = 1 << 22
"""The names of the largest modules take a tenth of this."""

_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Nobody wants to know."""


class Child:
    """Keeps ``python -m module arguments`` running from ``start`` to ``close``. All methods belong to one event loop.

    ``heard`` is called with every line it says, ``began`` whenever it has been started. ``name`` is for the log, and
    ``loss`` says there what the user has to do without once it has died too often.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        heard: Callable[[bytes], None],
        *,
        name: str,
        loss: str,
        began: Callable[[], None] = _nothing,
    ) -> None:
        self._command = (module, *arguments)
        self._heard = heard
        self._began = began
        self._name = name
        self._loss = loss
        self._running: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Begin to start the child, without waiting for it."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    def say(self, line: str) -> None:
        """Send a line, which has its end. What is said while no child runs is lost."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(line.encode())

    async def close(self) -> None:
        """End the child, which sees the end of its input first."""
        if self._running is not None:
            running, self._running = self._running, None
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    async def _run(self) -> None:
        n_deaths = 0
        while True:
            began_s = asyncio.get_running_loop().time()
            try:
                status = await self._run_once()
            except OSError as error:
                status = error.strerror or str(error)
            except ValueError:
                status = "it said a line that is too long"
            if asyncio.get_running_loop().time() - began_s > STEADY_S:
                n_deaths = 0
            if n_deaths == len(RETRY_S):
                _log.warning("%s ended again (%s); %s", self._name, status, self._loss)
                return
            _log.warning("%s ended (%s); it is started again", self._name, status)
            await asyncio.sleep(RETRY_S[n_deaths])
            n_deaths += 1

    async def _run_once(self) -> object:
        """From the child's start to its end; its exit status. It is ended when this is cancelled."""
        # "-P": a module of the user's project must not take the place of one of Python's.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", *self._command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=MAX_LINE_BYTES,
        )
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            self._began()
            async for line in process.stdout:
                self._heard(line)
            return await process.wait()
        finally:
            process.stdin.close()
            try:
                await asyncio.wait_for(_read_out(process), PATIENCE_S)
            except TimeoutError:
                process.kill()
                await _read_out(process)
            if self._process is process:  # Else it has been started again meanwhile.
                self._process = None


async def _read_out(process: asyncio.subprocess.Process) -> None:
    """Until it has ended; a full pipe must not keep it from that."""
    assert process.stdout is not None
    while await process.stdout.read(4096):
        pass
    await process.wait()
