"""``codeslm bench …``: measure codeslm on this machine, beside its rival where there is one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from codeslm_lsp.cli.bench_decode import decode
from codeslm_lsp.cli.bench_machine import machine
from codeslm_lsp.cli.bench_overhead import overhead
from codeslm_lsp.cli.progress import counting
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.engine.tuning import threads_of
from codeslm_lsp.evaluation.plot import draw_latencies
from codeslm_lsp.evaluation.replay import Tally, assistants, run
from codeslm_lsp.evaluation.rival import server_program
from codeslm_lsp.evaluation.typist import Task, read_tasks
from codeslm_lsp.models.store import open_store
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import InputError

app = typer.Typer(help="Benchmarks: how fast codeslm is on this machine.", no_args_is_help=True)
app.command("machine")(machine)
app.command()(overhead)
app.command()(decode)

TOKENS_PER_CHARACTER = 0.3
"""Of Python source, for the vocabularies in use: 3 to 3.5 characters make a token."""

LISTS = frozenset({"latencies_ms"})
"""Figures that are data for other programs and not for a table."""


@app.command("typing")
def typing_command(
    context: typer.Context,
    repositories: Annotated[
        Path, typer.Option("--set", metavar="FILE", help="Code to type: JSON, gzipped, {repository: {path: text}}.")
    ],
    pauses: Annotated[int, typer.Option(metavar="N", min=1, help="Pauses to measure, of each assistant.")] = 300,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed gives other files, keys and times.")] = 0,
    alone: Annotated[bool, typer.Option("--alone", help="Measure codeslm only, without llama-server.")] = False,
    install: Annotated[bool, typer.Option("--install", help="Build llama-server first if need be.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw both (needs matplotlib).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Replay somebody's typing in real time and measure every pause, beside llama-server with llama.vim's requests.

    Takes some ten seconds a pause. Ctrl-C ends it early and shows what was measured until then.
    """
    settings: Settings = context.obj
    if plot is not None and not plot.absolute().parent.is_dir():
        raise InputError(f"There is no folder {plot.absolute().parent} to draw into; give another --plot.")
    tasks = read_tasks(repositories, pauses, seed)
    model, _ = model_path(settings, open_store())
    program = None if alone else server_program(install=install)
    tallies: dict[str, Tally] = {}
    try:
        asyncio.run(_measure(tasks, seed, pauses, model, settings, program, tallies))
    except KeyboardInterrupt:
        if not all(tally.n_pauses for tally in tallies.values()):
            raise typer.Abort from None
    figures = {name: tally.summary(TOKENS_PER_CHARACTER) for name, tally in tallies.items()}
    if plot is not None:
        latencies = {name: figure["latencies_ms"] for name, figure in figures.items()}
        n_pauses = {name: tally.n_pauses for name, tally in tallies.items()}
        draw_latencies(plot, latencies, n_pauses, f"Typing replayed, {model.stem}")
    if as_json:
        typer.echo(json.dumps({**figures, "model": model.stem, "seed": seed}))
    else:
        Console().print(_table(figures, model.stem))


async def _measure(
    tasks: list[Task],
    seed: int,
    n_pauses: int,
    model: Path,
    settings: Settings,
    program: Path | None,
    tallies: dict[str, Tally],
) -> None:
    n_threads = threads_of(settings.engine.threads)
    async with assistants(model, settings, program, n_threads) as everyone:
        with counting() as progress:
            task = progress.add_task("pauses", total=n_pauses * len(everyone))

            def on_pause() -> None:
                progress.update(task, advance=1, description=_medians(tallies))

            await run(tasks, seed, n_pauses, everyone, tallies, on_pause)


def _medians(tallies: Mapping[str, Tally]) -> str:
    """What the progress bar says of each assistant meanwhile."""
    return ", ".join(f"{name} {_shown(tally.summary(1)['p50_ms'])} ms" for name, tally in tallies.items())


def _table(figures: Mapping[str, Mapping[str, Any]], model: str) -> Table:
    table = Table("", *figures, title=f"typing, {model}", title_justify="left")
    for name in next(iter(figures.values())):
        if name not in LISTS:
            table.add_row(name, *(_shown(figure[name]) for figure in figures.values()))
    return table


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.0f}" if isinstance(value, int) or value >= 100 else f"{value:.2f}"
