"""``codeslm bench …``: measure codeslm on this machine."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from codeslm_lsp.cli.bench_decode import decode
from codeslm_lsp.cli.bench_overhead import overhead
from codeslm_lsp.cli.progress import counting
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.evaluation.replay import run
from codeslm_lsp.evaluation.typist import read_tasks
from codeslm_lsp.models.store import open_store
from codeslm_lsp.settings import Settings

app = typer.Typer(help="Benchmarks: how fast codeslm is on this machine.", no_args_is_help=True)
app.command()(overhead)
app.command()(decode)

TOKENS_PER_CHARACTER = 0.3
"""Of Python source, for the vocabularies in use: 3 to 3.5 characters make a token."""


@app.command("typing")
def typing_command(
    context: typer.Context,
    repositories: Annotated[Path, typer.Option("--set", metavar="FILE", help="gzip JSON: {package: {path: text}}.")],
    pauses: Annotated[int, typer.Option(min=1, help="Pauses to measure.")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed gives other files, keys and times.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as data.")] = False,
) -> None:
    """Replay somebody's typing in real time, and measure how soon a suggestion comes whenever they pause."""
    settings: Settings = context.obj
    tasks = read_tasks(repositories, pauses, seed)
    model, _ = model_path(settings, open_store())
    with counting() as progress:
        task = progress.add_task("pauses", total=pauses)
        tally = asyncio.run(run(tasks, seed, pauses, model, settings, lambda: progress.advance(task)))
    figures = tally.summary(TOKENS_PER_CHARACTER)
    if as_json:
        typer.echo(json.dumps({"codeslm": figures, "model": model.stem, "seed": seed}))
    else:
        Console().print(_table(figures, model.stem))


def _table(figures: dict[str, Any], model: str) -> Table:
    table = Table("", "", title=f"typing, {model}", title_justify="left", show_header=False)
    for name, value in figures.items():
        if name != "latencies_ms":
            table.add_row(name, _shown(value))
    return table


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.0f}" if isinstance(value, int) or value >= 100 else f"{value:.2f}"
