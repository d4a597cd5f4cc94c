"""One command and its files → one sandbox of their own, from its start to its end.

The copy lies in the sandbox's memory, so it goes with it, whoever is killed; nothing is written to disk.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import platform
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from codeslm_lsp.sandbox.capture import Capture
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import PYTHON_ALONE, Mechanism
from codeslm_lsp.sandbox.mounts import HOME, INSIDE, PROJECT, ROOM, SHARED_MEMORY, mount_options
from codeslm_lsp.sandbox.outcome import EndReason, Outcome
from codeslm_lsp.sandbox.syscalls import seccomp_filter
from codeslm_lsp.values import InputError, SandboxUnavailable

START_S = 20.0
"""Starting takes 0.1 s; a machine may be busy."""

PATIENCE_S = 1.0
"""Some ms after its socket was closed the first process has ended, and all others, even if it had just been started. If
somebody has stopped it, it is killed."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a sandbox is made for: the files' contents by their checked names, and folders that may be read besides."""

    command: Sequence[str]
    files: Mapping[str, bytes]
    readable: Sequence[Path] = ()


async def run(mechanism: Mechanism, job: Job, limits: Limits) -> Outcome:
    """Run one command to its end. Everything in the sandbox has gone when this returns, also if it is cancelled.

    Raises ``SandboxUnavailable`` when no sandbox came about, and ``InputError`` when the files have no room in it.
    """
    _check_room(job, limits)
    options = mount_options(job.readable, limits.disk_bytes)
    command = (*mechanism.command, *options, "--", sys.executable, *PYTHON_ALONE, INSIDE)
    ours, theirs = socket.socketpair()
    # Not to be cancelled: asyncio would kill it, and bubblewrap, killed while it starts, leaves a child waiting for it.
    starting = asyncio.create_task(_spawn(command, theirs))
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        ours.close()
        with contextlib.suppress(OSError):
            await _Run(await starting, limits).bury()
        raise
    except OSError as error:
        ours.close()
        raise SandboxUnavailable(
            f"{command[0]} cannot be started ({error.strerror}), so nothing was run; install it again."
        ) from None
    return await _Run(process, limits).follow(ours, _message(job, limits))


async def _spawn(command: Sequence[str], control: socket.socket) -> asyncio.subprocess.Process:
    """Raises ``OSError``."""
    with control:
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=control.fileno(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={},
            cwd="/",
            start_new_session=True,
        )


class _Run:
    """A sandbox that has been started."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        self._process = process
        self._limits = limits
        self._end: asyncio.Future[tuple[EndReason, int | None]] = asyncio.get_running_loop().create_future()
        self._out = Capture(limits.output_bytes, self._flooded)
        self._err = Capture(limits.output_bytes, self._flooded)
        assert process.stdout is not None
        assert process.stderr is not None
        self._reading = asyncio.gather(self._out.read(process.stdout), self._err.read(process.stderr))

    async def follow(self, control: socket.socket, message: bytes) -> Outcome:
        """Tell what to do over this socket, wait until it is done, and end what is left."""
        listening: asyncio.Task[None] | None = None
        try:
            reader, writer = await asyncio.open_connection(sock=control)
            try:
                begun_s = await self._start(reader, writer, message)
                if begun_s is not None:
                    listening = asyncio.create_task(self._listen(reader))
                    ended, exit_code = await self._ended()
                    wall_s = time.monotonic() - begun_s
            finally:
                # At this the first process ends, and the kernel ends all others.
                writer.transport.abort()
        finally:
            control.close()
            if listening is not None:
                listening.cancel()
            await self.bury()
        if begun_s is None:
            told = self._err.text().decode(errors="replace").strip().replace("\n", "; ")
            raise SandboxUnavailable(f"No sandbox could be made ({told or 'no reason given'}), so nothing was run.")
        is_cut = self._out.is_cut or self._err.is_cut
        return Outcome(exit_code, self._out.text(), self._err.text(), ended, wall_s, is_cut)

    async def _start(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> float | None:
        """When the command began, or None if it did not."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(START_S):
                writer.write(message)
                await writer.drain()
                if await reader.readline():
                    return time.monotonic()
        return None

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        """What the first process says last; nothing, if it was killed."""
        try:
            line = await reader.readline()
        except OSError:
            line = b""
        report: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {"ended": EndReason.KILLED}
        if not self._end.done():
            self._end.set_result((EndReason(report["ended"]), report.get("exit_code")))

    async def _ended(self) -> tuple[EndReason, int | None]:
        try:
            async with asyncio.timeout(self._limits.wall_s):
                return await self._end
        except TimeoutError:
            return EndReason.TIMED_OUT, None

    def _flooded(self) -> None:
        if not self._end.done():
            self._end.set_result((EndReason.OUTPUT, None))

    async def bury(self) -> None:
        """Until every process has gone, which the closed socket tells them to, and all that they said has been read."""
        try:
            await asyncio.wait_for(self._process.wait(), PATIENCE_S)
        except TimeoutError:
            # Not `Process.kill`: that may reap the process, and asyncio's own watcher then complains.
            with contextlib.suppress(psutil.NoSuchProcess):
                outer = psutil.Process(self._process.pid)
                for each in (*outer.children(recursive=True), outer):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
            await self._process.wait()
        await self._reading


def _message(job: Job, limits: Limits) -> bytes:
    """What ``inside`` is told."""
    told: dict[str, Any] = {
        "command": [*job.command],
        "environment": _environment(),
        "files": {name: base64.b64encode(content).decode() for name, content in job.files.items()},
        "project": PROJECT,
        "folders": [HOME, SHARED_MEMORY],
        "room": ROOM,
        "limits": asdict(limits),
        "filter": base64.b64encode(seccomp_filter(platform.machine())).decode(),
    }
    return json.dumps(told).encode() + b"\n"


def _environment() -> dict[str, str]:
    """All variables that a tested program gets; none is inherited."""
    return {
        "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": HOME,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _check_room(job: Job, limits: Limits) -> None:
    n_bytes = sum(map(len, job.files.values()))
    if n_bytes > limits.disk_bytes or len(job.files) > limits.n_files:
        raise InputError(
            f"The project's {len(job.files)} files ({n_bytes >> 20} MB) are more than the sandbox has room for "
            f"({limits.n_files} files, {limits.disk_bytes >> 20} MB); choose a smaller folder."
        )
