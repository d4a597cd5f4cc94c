"""Keys in the middle of files of several sizes → what the server itself costs a key, apart from the engine."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.client import ServedDocument, Server, serving
from codeslm_lsp.evaluation.statistics import percentile
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import InputError

SIZES = (100, 1_000, 10_000, 50_000)
"""Lines. What a key costs in the smallest file is the price of messages and event loops; the rest grows with them."""

N_WRITTEN_LINES = 20
"""Lines taken out of the middle of the file, and written again key by key."""

MAX_TOKENS = 8
"""Of a completion: what is measured is everything but the engine, which therefore has little to do."""

KEY_S = 0.12
"""From one answer to the next key, as somebody types who types 100 words a minute. The engine has stopped by then."""

MOST_KEYS = 20
"""So many times the wanted keys are typed at most, should the model offer too little to type through."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``round_trip_ms`` from the change to the answer, of which the engine worked ``engine_ms``.

    ``typed_through``: the rest of an earlier completion was the answer, so that the engine had no part in it.
    """

    round_trip_ms: float
    engine_ms: float
    typed_through: bool

    @property
    def own_ms(self) -> float:
        """The server's part, with both pipes and the client's end of them."""
        return self.round_trip_ms - self.engine_ms


@dataclass(frozen=True, slots=True)
class Measured:
    """The keys typed in one file. ``message_ms`` is the median of a request that asks for nothing but an answer."""

    n_lines: int
    n_characters: int
    keys: tuple[Key, ...]
    message_ms: float

    def summary(self) -> dict[str, Any]:
        """The figures of ``--json``."""
        return {
            "lines": self.n_lines,
            "characters": self.n_characters,
            "message_ms": self.message_ms,
            "typed_through": _spread([key.own_ms for key in self.keys if key.typed_through]),
            "asked": _spread([key.own_ms for key in self.keys if not key.typed_through]),
        }


def source_lines() -> list[str]:
    """Python as people write it, wherever codeslm is installed: its own source, module after module."""
    package = Path(__file__).parents[1]
    modules = sorted(package.rglob("*.py"))
    return [line for module in modules for line in module.read_text(encoding="utf-8").split("\n")]


def read_source(file: Path) -> str:
    """The text of a file. Raises ``InputError``."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {file} as UTF-8 text ({type(error).__name__}); give another file.") from None


def text_of(lines: Sequence[str], n_lines: int) -> str:
    """A file of ``n_lines``, repeating ``lines`` where they are fewer."""
    return "\n".join(itertools.islice(itertools.cycle(lines), n_lines)) + "\n"


async def run(
    texts: Sequence[str], n_keys: int, model: Path, settings: Settings, on_key: Callable[[int], None]
) -> list[Measured]:
    """Type in each text until both kinds of keys were ``n_keys``, one text after the other, in one server.

    ``on_key`` is given the number of the text, for each key that was wanted: more of a kind may come.

    Nothing is done ahead: to interrupt that is the engine's part, and ``bench typing`` has it.
    """
    brief = settings.completion.model_copy(update={"max_tokens": MAX_TOKENS, "prefetch": "never"})
    async with serving(model, settings.model_copy(update={"completion": brief})) as server:
        return [await _measure(server, number, text, n_keys, on_key) for number, text in enumerate(texts)]


async def _measure(server: Server, number: int, text: str, n_keys: int, on_key: Callable[[int], None]) -> Measured:
    lines = text.splitlines(keepends=True)
    middle = len(lines) // 2
    written = lines[middle : middle + N_WRITTEN_LINES]
    before, after = "".join(lines[:middle]), "".join(lines[middle + N_WRITTEN_LINES :])
    document = server.open(f"file:///overhead/{number}.py", before + after, "python")
    await document.key(len(before), "#")  # Loads the model, reads the prompt, parses the file for the first time.
    document.edit(len(before), len(before) + 1, "")
    keys: list[Key] = []
    async for key in _keys(server, document, len(before), itertools.cycle("".join(written)), n_keys):
        keys.append(key)
        if sum(each.typed_through is key.typed_through for each in keys) <= n_keys:
            on_key(number)
    document.close()
    return Measured(len(lines), len(text), tuple(keys), await _message_ms(server))


async def _keys(
    server: Server, document: ServedDocument, cursor: int, script: Iterator[str], n_keys: int
) -> AsyncIterator[Key]:
    """Types what is offered or, when enough of that was typed, what the script says."""
    n_through = n_asked = 0
    offered = ""
    while (n_through < n_keys or n_asked < n_keys) and n_through + n_asked < n_keys * MOST_KEYS:
        typed = offered[0] if offered and n_through <= n_asked else next(script)
        await asyncio.sleep(KEY_S)
        offered, seconds = await document.key(cursor, typed)
        cursor += len(typed)
        report = await server.command("codeslm.explainLast")
        engine_ms = report["timings"]["prefill_ms"] + report["timings"]["decode_ms"]
        n_through += report["from_offered"]
        n_asked += not report["from_offered"]
        yield Key(seconds * 1000, engine_ms, report["from_offered"])


async def _message_ms(server: Server) -> float:
    times = []
    for _ in range(50):
        started = time.perf_counter()
        await server.command("codeslm.statistics")
        times.append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(0)
    return statistics.median(times)


def _spread(ms: Sequence[float]) -> dict[str, float | int | None]:
    ordered = sorted(ms)
    return {
        "n": len(ordered),
        "p50_ms": statistics.median(ordered) if ordered else None,
        "p95_ms": percentile(ordered, 95) if ordered else None,
        "max_ms": ordered[-1] if ordered else None,
    }
