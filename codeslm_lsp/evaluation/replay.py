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
from codeslm_lsp.evaluation.statistics import percentile
from codeslm_lsp.evaluation.typist import Task, Typist
from codeslm_lsp.settings import Settings

ARRIVING_S = 3.0
"""How long somebody looks at a file, with the cursor where they will write, before the first key."""
READING_S = 0.7
"""How long an offer is looked at before it is taken or typed over."""
PATIENCE_S = 30.0
"""A pause ends then, answered or not."""

SIDE_TRIP = "# note\n"
"""What a side trip adds at the top of the file."""


class Assistant(Protocol):
    """Something that offers code while a file is being written. Offsets are code points of the text."""

    name: str

    def open(self, task: Task, number: int) -> None:
        """Show the file with its part missing, the cursor where that is to be written."""

    def edit(self, start: int, end: int, new: str) -> None:
        """Replace a part of the text."""

    def key(self, cursor: int) -> None:
        """A key was pressed: ask, as the editor's plug-in does."""

    async def look(self, cursor: int) -> str:
        """What is offered for this state, once it is."""

    def shown(self, cursor: int, offered: str) -> None:
        """It was shown and is being read."""

    async def close(self) -> None:
        """Nothing more is written in this file; returns when nothing is being computed for it."""

    async def n_evaluated(self) -> int:
        """Prompt tokens evaluated so far while somebody waited."""

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for this assistant."""


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
            "p95_ms": percentile(ms, 95) if ms else None,
            "within_300_ms": _share(sum(each <= 300 for each in ms), self.n_pauses),
            "within_1_s": _share(sum(each <= 1000 for each in ms), self.n_pauses),
            "exact_match": _share(self.n_right, self.n_pauses),
            "tokens_evaluated_per_token_typed": self.n_evaluated / n_written,
            "cpu_s_per_accepted_character": self.cpu_s / max(1, self.n_accepted),
            "accepted_characters": self.n_accepted,
            "peak_rss_mb": self.peak_rss_bytes / 1e6,
            "latencies_ms": ms,
        }


async def replay(
    task: Task, seed: int, editor: Assistant, tally: Tally, n_pauses: int, on_pause: Callable[[], None]
) -> None:
    """Write one task at the times of a person, or as much of it as brings the tally to ``n_pauses``."""
    typist = Typist(task, seed)
    evaluated_before = await editor.n_evaluated()
    cpu_before = _cpu_s(editor)
    editor.open(task, seed)
    cursor = len(task.before)
    await asyncio.sleep(ARRIVING_S)
    try:
        await _write(typist, cursor, editor, tally, n_pauses, on_pause)
        await editor.close()
    finally:  # Also of a task that was ended early.
        tally.n_evaluated += await editor.n_evaluated() - evaluated_before
        tally.cpu_s += _cpu_s(editor) - cpu_before
        tally.peak_rss_bytes = max(tally.peak_rss_bytes, sum(each.memory_info().rss for each in editor.processes()))


async def _write(
    typist: Typist, cursor: int, editor: Assistant, tally: Tally, n_pauses: int, on_pause: Callable[[], None]
) -> None:
    """Press the keys, with pauses to look at what is offered."""
    for stroke in typist.strokes():
        if stroke.side_trip:
            editor.edit(0, 0, SIDE_TRIP)
            cursor += len(SIDE_TRIP)
            await asyncio.sleep(READING_S)
        await asyncio.sleep(stroke.wait_s)
        if stroke.wrong:
            editor.edit(cursor, cursor, stroke.wrong)
            editor.key(cursor + 1)
            await asyncio.sleep(stroke.wait_s)
            editor.edit(cursor, cursor + 1, "")
            editor.key(cursor)
            await asyncio.sleep(stroke.wait_s)
        editor.edit(cursor, cursor, stroke.text)
        cursor += len(stroke.text)
        tally.n_typed += len(stroke.text)
        editor.key(cursor)
        if not stroke.pauses:
            continue
        cursor += await _pause(typist, cursor, editor, tally)
        on_pause()
        if tally.n_pauses >= n_pauses:
            break


async def _pause(typist: Typist, cursor: int, editor: Assistant, tally: Tally) -> int:
    """Look up after a key; returns how many characters were accepted."""
    started = time.perf_counter()
    tally.n_pauses += 1
    offered = ""
    with contextlib.suppress(TimeoutError):
        offered = await asyncio.wait_for(editor.look(cursor), PATIENCE_S)
    if not offered.strip():
        return 0
    tally.latencies_s.append(time.perf_counter() - started)
    tally.n_offered += 1
    tally.n_right += typist.is_first_line_right(offered)
    editor.shown(cursor, offered)
    await asyncio.sleep(READING_S)
    taken = typist.accept(offered)
    if taken:
        editor.edit(cursor, cursor, taken)
        editor.key(cursor + len(taken))
        tally.n_accepted += len(taken)
    return len(taken)


class Ours:
    """The real server over its pipes, asked at every key as editors do."""

    name = "codeslm"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._document: ServedDocument | None = None
        self._asked: asyncio.Task[str] | None = None

    def open(self, task: Task, number: int) -> None:
        uri = f"file:///replay/{number}/{task.path}"
        self._document = self._server.open(uri, task.before + task.after, "python")
        self._document.move_cursor(len(task.before))

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

    def shown(self, _cursor: int, _offered: str) -> None:
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

    def open(self, task: Task, _number: int) -> None:
        self._text = task.before + task.after

    def edit(self, start: int, end: int, new: str) -> None:
        self._text = self._text[:start] + new + self._text[end:]

    def key(self, cursor: int) -> None:
        self._server.request(self._text, cursor)

    async def look(self, cursor: int) -> str:
        return await self._server.suggestion(self._text, cursor)

    def shown(self, cursor: int, offered: str) -> None:
        self._server.ask_ahead(self._text, cursor, offered)

    async def close(self) -> None:
        await self._server.idle()

    async def n_evaluated(self) -> int:
        return self._server.n_evaluated

    def processes(self) -> list[psutil.Process]:
        return [psutil.Process(self._server.pid)]


@asynccontextmanager
async def assistants(
    model: Path, settings: Settings, program: Path | None, n_threads: int
) -> AsyncIterator[list[Assistant]]:
    """Ours, and theirs where ``program`` is given, both running on the same model with the same threads.

    Ours offers all it has, as theirs does: what is worth showing is another question than how soon it comes.
    """
    eager = settings.completion.model_copy(update={"confidence": "eager"})
    async with contextlib.AsyncExitStack() as stack:
        served = serving(model, settings.model_copy(update={"completion": eager}))
        server = await stack.enter_async_context(served)
        await _load(server)
        found: list[Assistant] = [Ours(server)]
        if program is not None:
            found.append(Theirs(await stack.enter_async_context(rival.running(program, model, n_threads))))
        yield found


async def _load(server: Server) -> None:
    """Have the model loaded, which the rival's server does before it answers at all."""
    document = server.open("file:///replay/first.py", "x = ", "python")
    await document.suggestion(len(document.text), types.InlineCompletionTriggerKind.Automatic)
    document.close()


async def run(
    tasks: Sequence[Task],
    seed: int,
    n_pauses: int,
    everyone: Sequence[Assistant],
    tallies: dict[str, Tally],
    on_pause: Callable[[], None],
) -> None:
    """Replay task after task, the assistants taking turns, until each has seen ``n_pauses``. Adds up in ``tallies``."""
    tallies.update({assistant.name: Tally() for assistant in everyone})
    for number, task in enumerate(tasks):
        if all(tally.n_pauses >= n_pauses for tally in tallies.values()):
            break
        for assistant in everyone if number % 2 == 0 else everyone[::-1]:
            tally = tallies[assistant.name]
            if tally.n_pauses < n_pauses:
                await replay(task, seed + number, assistant, tally, n_pauses, on_pause)


def _cpu_s(editor: Assistant) -> float:
    times = [process.cpu_times() for process in editor.processes()]
    return float(sum(each.user + each.system for each in times))


def _share(n: int, n_all: int) -> float:
    return n / n_all if n_all else 0.0
