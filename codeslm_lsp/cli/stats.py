"""``codeslm stats``: what became of the suggestions on this machine."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.usage.journal import usage_file
from codeslm_lsp.usage.summary import Summary, Tally, summary_of
from codeslm_lsp.values import InputError

TITLES = {"language": "language", "model": "model", "asked": "asked for"}
HEADERS = ("shown", "accepted", "in part", "dismissed", "acceptance", "characters", "p50 ms", "p95 ms")
NOTHING = "No suggestion has been shown yet, or the setting usage.enabled is false."


def stats(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """Show how many suggestions were accepted, and how soon they came: numbers that are kept on this machine alone."""
    if as_json and markdown:
        raise InputError("`--json` and `--markdown` exclude each other; give one of them.")
    path = usage_file()
    summary = summary_of(path)
    if as_json:
        typer.echo(json.dumps({**asdict(summary), "file": str(path)}, indent=2))
    elif markdown:
        typer.echo("\n".join(_as_markdown(summary, str(path))))
    else:
        _print(summary, str(path))


def _print(summary: Summary, path: str) -> None:
    console = Console(markup=False, highlight=False)
    if not summary.total.n_shown:
        console.print(NOTHING)
        return
    console.print(_since(summary), soft_wrap=True)
    for title, tallies in _tables(summary):
        table = Table(title, *HEADERS, box=None, pad_edge=False, collapse_padding=True)
        for column in table.columns[1:]:
            column.justify = "right"
        for tally in tallies:
            table.add_row(tally.name, *_cells(tally))
        console.print()
        console.print(table)
    console.print(f"\nKept in {path}, which you may read and delete.", soft_wrap=True)


def _as_markdown(summary: Summary, path: str) -> Iterator[str]:
    yield "# What became of suggestions\n"
    if not summary.total.n_shown:
        yield NOTHING
        return
    yield _since(summary)
    for title, tallies in _tables(summary):
        yield ""
        yield f"| {' | '.join((title, *HEADERS))} |"
        yield f"|---|{'---:|' * len(HEADERS)}"
        for tally in tallies:
            yield f"| {' | '.join((tally.name, *_cells(tally)))} |"
    yield f"\nKept in `{path}`, which you may read and delete."


def _tables(summary: Summary) -> Iterator[tuple[str, tuple[Tally, ...]]]:
    yield "", (summary.total,)
    for by, tallies in summary.groups.items():
        yield TITLES[by], tallies


def _cells(tally: Tally) -> tuple[str, ...]:
    counts = (tally.n_shown, tally.n_accepted, tally.n_partly, tally.n_dismissed)
    share = f"{tally.acceptance:.0%}" if tally.acceptance is not None else ""
    times = ("" if each is None else f"{each:.0f}" for each in (tally.p50_ms, tally.p95_ms))
    return (*map(str, counts), share, str(tally.characters), *times)


def _since(summary: Summary) -> str:
    first, last = (time.strftime("%Y-%m-%d", time.localtime(each)) for each in (summary.first_at, summary.last_at))
    return f"From {first} to {last}." if first != last else f"On {first}."
