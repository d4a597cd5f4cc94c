"""``codeslm bench overhead``: what the server itself costs a key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from codeslm_lsp.cli.output import print_tables
from codeslm_lsp.cli.progress import counting
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.evaluation.overhead import SIZES, read_source, run, source_lines, text_of
from codeslm_lsp.evaluation.tables import Table
from codeslm_lsp.models.store import open_store
from codeslm_lsp.settings import Settings


def overhead(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="A Python file to type in, instead of made ones.")
    ] = None,
    n_keys: Annotated[int, typer.Option("--n", metavar="N", min=1, help="Keys of each kind, in each file.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure what the server itself costs a key, apart from the engine, in files of several sizes."""
    settings: Settings = context.obj
    texts = [text_of(source_lines(), n_lines) for n_lines in SIZES] if file is None else [read_source(file)]
    model, _ = model_path(settings, open_store())
    with counting() as progress:
        names = [f"keys in {text.count(chr(10)):,} lines" for text in texts]
        tasks = [progress.add_task(name, total=n_keys * 2) for name in names]
        measured = asyncio.run(run(texts, n_keys, model, settings, lambda number: progress.advance(tasks[number])))
    figures = [each.summary() for each in measured]
    if as_json:
        typer.echo(json.dumps({"model": model.stem, "files": figures}))
    else:
        print_tables([_table(figures)], f"the server's own milliseconds a key, {model.stem}")


def _table(figures: Sequence[dict[str, Any]]) -> Table:
    rows = []
    for row in figures:
        cells = [f"{row['lines']:,}", f"{row['characters']:,}", f"{row['message_ms']:.2f}"]
        for kind in ("typed_through", "asked"):
            cells.append(str(row[kind]["n"]))
            cells += [_shown(row[kind][name]) for name in ("p50_ms", "p95_ms", "max_ms")]
        rows.append(tuple(cells))
    titles = ("lines", "chars", "message", "typed: n", "p50", "p95", "max", "asked: n", "p50", "p95", "max")
    return Table(titles, tuple(rows))


def _shown(ms: float | None) -> str:
    return "none" if ms is None else f"{ms:.2f}"
