"""A place → a connection to the engine that is there; where none is, one is started.

Several servers may find none at the same instant, and each starts a process: the first to get the place's lock becomes
the engine, the others end (see ``claim``), and all of their servers meet that one.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from typing import Any

import psutil

from codeslm_lsp.engine import peer
from codeslm_lsp.engine.rendezvous import Card, Place
from codeslm_lsp.values import EngineUnavailable

CONNECT_TIMEOUT_S = 20.0
"""A Python process that imports its modules from a cold disk needs a few seconds to open its socket."""

POLL_S = 0.01

SPIN_COUNT = "1000"
"""How often GNU's OpenMP looks for the other threads before it lets the core go (its default is 300,000 times). While
two other programs occupied both cores of a machine, the 1.5B evaluated 41 prompt tokens a second instead of 30, and
produced 10.4 instead of 7.3; on the idle machine both figures stayed what they were (94 to 96, and 26 to 27)."""

ADVICE = "run `codeslm models pull NAME` if the file may be damaged."
"""How a sentence about an engine ends that stopped while it started."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A connection to an engine, and the process that was started for it, if one was."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pid: int
    candidate: Candidate | None


async def meet(place: Place) -> Meeting:
    """Connect to the engine at ``place``, starting one if need be. Raises ``EngineUnavailable``."""
    candidate: Candidate | None = None
    deadline = asyncio.get_running_loop().time() + CONNECT_TIMEOUT_S
    problem = ""
    try:
        while True:
            if (card := place.card()) is not None:
                try:
                    return Meeting(*await _call(card), card.pid, candidate)
                except OSError:
                    pass  # Left by an engine that was killed, or is leaving.
                except peer.Stranger as stranger:
                    problem = f" (what listens at its place is not it: {stranger})"
            if candidate is not None and candidate.has_failed:
                raise EngineUnavailable(f"The engine process did not start{candidate.last_words()}")
            if asyncio.get_running_loop().time() > deadline:
                raise EngineUnavailable(
                    f"The engine process did not answer within {CONNECT_TIMEOUT_S:.0f} s{problem}; "
                    f"end the processes named codeslm_lsp.engine, remove {place.folder}, and try again."
                )
            if candidate is None or candidate.has_ended:
                if candidate is not None:
                    candidate.close()
                candidate = _start(place)
            await asyncio.sleep(POLL_S)
    except BaseException:
        if candidate is not None:
            candidate.abandon()
        raise


def _start(place: Place) -> Candidate:
    try:
        return Candidate(place)
    except OSError as error:
        raise EngineUnavailable(f"The engine process could not be started ({error}); close other programs.") from None


async def _call(card: Card) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and make sure who is there. Raises ``OSError`` or ``Stranger``."""
    kind, _, rest = card.address.partition(":")
    if kind == "unix":
        reader, writer = await asyncio.open_unix_connection(rest)
    else:
        if not psutil.pid_exists(card.pid):  # Windows takes two seconds to refuse a connection.
            raise ConnectionRefusedError(card.address)
        host, _, port = rest.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
    try:
        await peer.greet(reader, writer, card.secret, own=peer.CLIENT, other=peer.ENGINE)
    except BaseException:
        writer.close()
        raise
    return reader, writer


class Candidate:
    """A process that was started to be the engine. It outlives us if it is, and somebody else needs it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  Open as long as the last words may be asked for.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "codeslm_lsp.engine.claim", str(place.folder)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={"GOMP_SPINCOUNT": SPIN_COUNT, **os.environ},
            **_DETACHED,
        )
        # Whoever started a process has to take its exit status, however much later that comes.
        threading.Thread(target=self._process.wait, name="engine's end", daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Whether it is no more; another engine was there, if it has not failed."""
        return self._process.returncode is not None

    @property
    def has_failed(self) -> bool:
        """Whether it ended for another reason than that there is an engine already."""
        return self._process.returncode not in (None, 0)

    def last_words(self) -> str:
        """The last line it wrote, as the end of a sentence; if it was not the engine, it wrote none."""
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return f": {lines[-1].rstrip('.')}; {ADVICE}" if lines else f"; {ADVICE}"

    def close(self) -> None:
        """Nobody will ask for its last words."""
        self._log.close()

    def abandon(self) -> None:
        """It is not waited for any more: end it, unless others may have met it already."""
        with contextlib.suppress(EngineUnavailable, OSError):
            if self._place.card() is None:
                self._process.kill()
        self.close()


_DETACHED: dict[str, Any] = (
    {"creationflags": getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if sys.platform == "win32"
    else {"start_new_session": True}
)
"""Interrupts and hang-ups of the terminal or editor that started the engine are not meant for it: it serves others."""
