"""Somebody's typing, replayed in real time → how soon and how rightly each assistant answers whenever they look up.

Both assistants get the same files, keys and times; what each has accepted differs, for that is theirs.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
from lsprotocol import types

from codeslm_lsp.evaluation import rival
from codeslm_lsp.evaluation.client import ServedDocument, Server, serving
from codeslm_lsp.evaluation.typist import Task, Typist
from codeslm_lsp.settings import Settings

READING_S = 0.7
"""How long an offer is looked at before it is taken or typed over."""
PATIENCE_S = 30.0
"""A pause ends then, answered or not."""

SIDE_TRIP = "# note\n"
"""What a side trip adds at the top of the file."""


Shown = tuple[int, str]
"""A cursor and the text that is offered there."""


class Assistant(Protocol):
    """Something that offers code while a file is being written."""

    name: str

    async def open(self, task: Task) -> None: ...

    def edit(self, start: int, end: int, new: str) -> None: ...

    def key(self, cursor: int) -> None:
        """A key was pressed: ask, as the editor's plug-in does."""

    async def look(self, cursor: int) -> str:
        """What is offered for this state, once it is."""

    def shown(self, at: Shown) -> None:
        """It was shown and is being read."""

    async def close(self) -> None: ...

    async def n_evaluated(self) -> int:
        """Prompt tokens evaluated so far while somebody waited."""

    def processes(self) -> list[psutil.Process]: ...


@dataclass
class Tally:
    """What one assistant did. Seconds, tokens and characters."""

    latencies_s: list[float] = field(default_factory=list)
    n_pauses: int = 0
    n_offered: int = 0
    n_right: int = 0
    n_accepted: int = 0
    n_typed: int = 0
    cpu_s: float = 0.0
    n_evaluated: int = 0
    peak_rss_bytes: int = 0

    def summary(self, tokens_per_character: float) -> dict[str, Any]:
        """The figures of ``--json``. Latencies are of pauses that got an offer."""
        ms = sorted(latency * 1000 for latency in self.latencies_s)
        n_written = max(1.0, (self.n_typed + self.n_accepted) * tokens_per_character)
        return {
            "pauses": self.n_pauses,
            "offered": _share(self.n_offered, self.n_pauses),
            "p50_ms": statistics.median(ms) if ms else None,
            "p95_ms": ms[int(len(ms) * 0.95) - 1] if ms else None,
            "within_300_ms": _share(sum(each <= 300 for each in ms), self.n_pauses),
            "within_1_s": _share(sum(each <= 1000 for each in ms), self.n_pauses),
            "exact_match": _share(self.n_right, self.n_pauses),
            "tokens_evaluated_per_token_typed": self.n_evaluated / n_written,
            "cpu_s_per_accepted_character": self.cpu_s / max(1, self.n_accepted),
            "accepted_characters": self.n_accepted,
            "peak_rss_mb": self.peak_rss_bytes / 1e6,
            "latencies_ms": ms,
        }


async def replay(task: Task, seed: int, assistant: Assistant, tally: Tally, on_pause: Callable[[], None]) -> None:
    """Write one task with one assistant, at the times of a person."""
    typist = Typist(task, seed)
    await assistant.open(task)
    cursor = len(task.before)
    evaluated_before = await assistant.n_evaluated()
    cpu_before = _cpu_s(assistant)
    for stroke in typist.strokes():
        if stroke.side_trip:
            assistant.edit(0, 0, SIDE_TRIP)
            cursor += len(SIDE_TRIP)
            await asyncio.sleep(READING_S)
        await asyncio.sleep(stroke.wait_s)
        if stroke.wrong:
            assistant.edit(cursor, cursor, stroke.wrong)
            assistant.key(cursor + 1)
            await asyncio.sleep(stroke.wait_s)
            assistant.edit(cursor, cursor + 1, "")
            assistant.key(cursor)
            await asyncio.sleep(stroke.wait_s)
        assistant.edit(cursor, cursor, stroke.text)
        cursor += len(stroke.text)
        tally.n_typed += len(stroke.text)
        assistant.key(cursor)
        if not stroke.pauses:
            continue
        cursor += await _pause(typist, cursor, assistant, tally)
        on_pause()
    tally.n_evaluated += await assistant.n_evaluated() - evaluated_before
    tally.cpu_s += _cpu_s(assistant) - cpu_before
    tally.peak_rss_bytes = max(tally.peak_rss_bytes, sum(each.memory_info().rss for each in assistant.processes()))
    await assistant.close()


async def _pause(typist: Typist, cursor: int, assistant: Assistant, tally: Tally) -> int:
    """Look up after a key; returns how many characters were accepted."""
    started = time.perf_counter()
    tally.n_pauses += 1
    offered = ""
    with contextlib.suppress(TimeoutError):
        offered = await asyncio.wait_for(assistant.look(cursor), PATIENCE_S)
    if not offered.strip():
        return 0
    tally.latencies_s.append(time.perf_counter() - started)
    tally.n_offered += 1
    tally.n_right += typist.is_first_line_right(offered)
    assistant.shown((cursor, offered))
    await asyncio.sleep(READING_S)
    taken = typist.accept(offered)
    if taken:
        assistant.edit(cursor, cursor, taken)
        assistant.key(cursor + len(taken))
        tally.n_accepted += len(taken)
    return len(taken)


class Ours:
    """The real server over its pipes, asked at every key as editors do."""

    name = "codeslm"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._document: ServedDocument | None = None
        self._asked: asyncio.Task[str] | None = None
        self._n_opened = 0

    async def open(self, task: Task) -> None:
        self._n_opened += 1
        uri = f"file:///replay/{self._n_opened}/{task.path}"
        self._document = self._server.open(uri, task.before + task.after, "python")

    def edit(self, start: int, end: int, new: str) -> None:
        assert self._document is not None
        self._document.edit(start, end, new)

    def key(self, cursor: int) -> None:
        assert self._document is not None
        kind = types.InlineCompletionTriggerKind.Automatic
        self._asked = asyncio.create_task(self._document.suggestion(cursor, kind))

    async def look(self, _cursor: int) -> str:
        assert self._asked is not None
        return await asyncio.shield(self._asked)

    def shown(self, _at: Shown) -> None:
        """The server has offered it, and works ahead by itself."""

    async def close(self) -> None:
        assert self._document is not None
        if self._asked is not None:
            await self._asked
        self._document.close()

    async def n_evaluated(self) -> int:
        return int((await self._server.command("codeslm.statistics"))["n_foreground"])

    def processes(self) -> list[psutil.Process]:
        server = psutil.Process(self._server.pid)
        return [server, *server.children(recursive=True)]


class Theirs:
    """``llama-server`` asked by the rules of llama.vim."""

    name = "llama_server"

    def __init__(self, server: rival.LlamaServer) -> None:
        self._server = server
        self._text = ""

    async def open(self, task: Task) -> None:
        self._text = task.before + task.after

    def edit(self, start: int, end: int, new: str) -> None:
        self._text = self._text[:start] + new + self._text[end:]

    def key(self, cursor: int) -> None:
        self._server.request(self._text, cursor)

    async def look(self, cursor: int) -> str:
        return await self._server.suggestion(self._text, cursor)

    def shown(self, at: Shown) -> None:
        self._server.ask_ahead(self._text, *at)

    async def close(self) -> None:
        """The server keeps nothing of a document."""

    async def n_evaluated(self) -> int:
        return self._server.n_evaluated

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(self._server.pid)]


@asynccontextmanager
async def assistants(
    model: Path, settings: Settings, program: Path | None, n_threads: int
) -> AsyncIterator[list[Assistant]]:
    """Ours, and theirs where ``program`` is given, both running on the same model with the same threads."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(serving(model, settings))
        found: list[Assistant] = [Ours(server)]
        if program is not None:
            found.append(Theirs(await stack.enter_async_context(rival.running(program, model, n_threads))))
        yield found


async def run(
    tasks: Sequence[Task], seed: int, n_pauses: int, everyone: Sequence[Assistant], on_pause: Callable[[], None]
) -> dict[str, Tally]:
    """Replay task after task, the assistants taking turns, until each has seen ``n_pauses``."""
    tallies = {assistant.name: Tally() for assistant in everyone}
    for number, task in enumerate(tasks):
        if all(tally.n_pauses >= n_pauses for tally in tallies.values()):
            break
        for assistant in everyone if number % 2 == 0 else everyone[::-1]:
            await replay(task, seed + number, assistant, tallies[assistant.name], on_pause)
    return tallies


def _cpu_s(assistant: Assistant) -> float:
    times = [process.cpu_times() for process in assistant.processes()]
    return float(sum(each.user + each.system for each in times))


def _share(n: int, n_all: int) -> float:
    return n / n_all if n_all else 0.0
