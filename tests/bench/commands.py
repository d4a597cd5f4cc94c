"""What a running command costs ghost text, and how soon it ends: ``python -m tests.bench.commands MODEL [N [OTHER]]``.

The real server, one file. Prints the milliseconds from a key to the suggestion for it, at ``N`` places that were not
offered before, alone and while ``codeslm.solve`` is being answered, by turns; and those from the cancel of each of
these commands to its answer. Where an ``OTHER`` model is named, that answers the commands.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lsprotocol import types

from codeslm_lsp.evaluation.client import ServedDocument, Server, serving
from codeslm_lsp.evaluation.overhead import source_lines, text_of
from codeslm_lsp.evaluation.statistics import percentile
from codeslm_lsp.settings import CommandsSettings, Settings

N_LINES = 200

BEFORE_S = 6.0
"""By then a command's prompt has been evaluated, and it is saying something; what was done ahead is over."""

PROBLEM = (
    "A farmer has 17 fields. On each he grows 230 apple trees and twice as many pear trees. An apple tree bears 41 kg "
    "and a pear tree 28 kg a year. A tenth of the apples and a seventh of the pears go bad. A lorry takes 3,500 kg. "
    "How many lorries does he need in three years, and how many kilograms are on the last one?"
)
"""Long enough to be reasoned about for half a minute."""


async def key_ms(document: ServedDocument, line: int) -> float:
    """Type one letter at the start of this line, behind a prompt that has been evaluated. The text is as before."""
    cursor = len("".join(document.text.splitlines(keepends=True)[:line]))
    document.edit(cursor, cursor, "    \n")
    await document.suggestion(cursor + 4, types.InlineCompletionTriggerKind.Automatic)
    _, seconds = await document.key(cursor + 4, "r")
    document.edit(cursor, cursor + 6, "")
    return seconds * 1000


async def cancelled_ms(command: asyncio.Future[object], cancel: Callable[[], None]) -> float:
    """From the cancel to the answer."""
    started = time.perf_counter()
    cancel()
    with contextlib.suppress(Exception):  # That it was cancelled.
        await command
    return (time.perf_counter() - started) * 1000


async def measure(server: Server, n: int) -> tuple[list[float], list[float], list[float]]:
    """Keys alone, keys beside a command, and cancels, each in ascending order."""
    document = server.open("file:///bench/commands.py", text_of(source_lines(), N_LINES), "python")
    await key_ms(document, 1)  # Loads the model.
    alone, beside, cancels = [], [], []
    for number in range(n):
        line = 5 + (N_LINES - 10) * number // n
        await asyncio.sleep(BEFORE_S)
        alone.append(await key_ms(document, line))
        command, cancel = server.begin("codeslm.solve", {"words": PROBLEM})
        await asyncio.sleep(BEFORE_S)
        beside.append(await key_ms(document, line + 1))
        if command.done():
            raise SystemExit("The command was over too soon to measure anything beside it.")
        cancels.append(await cancelled_ms(command, cancel))
    return sorted(alone), sorted(beside), sorted(cancels)


async def main(model: Path, n: int, other: str) -> None:
    """Print the medians and 95th percentiles."""
    async with serving(model, Settings(commands=CommandsSettings(model=other))) as server:
        alone, beside, cancels = await measure(server, n)
    print(f"{model.stem}, n = {n}, milliseconds: median, p95")
    for name, values in (("a key, alone", alone), ("a key beside a command", beside), ("a cancel", cancels)):
        print(f"{name:24}{statistics.median(values):8.1f}{percentile(values, 95):8.1f}")
    print(f"ratio of the medians {statistics.median(beside) / statistics.median(alone):.2f}")


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(main(Path(given[0]), int(given[1]) if given[1:] else 20, given[2] if given[2:] else ""))
