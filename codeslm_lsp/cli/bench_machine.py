"""``codeslm bench machine``: how fast the model runs here, and how it is run because of that."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.cli.wiring import engine_options, model_path
from codeslm_lsp.engine.load import QUIET_CORES, OthersLoad
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.models.store import open_store
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Tuning

LOAD_TIMEOUT_MS = 120_000
"""A model of several gigabytes on a slow disk."""


def machine(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how the model runs best on this machine, and remember it for the next start."""
    settings: Settings = context.obj
    path, _ = model_path(settings, open_store())
    stderr = Console(stderr=True, markup=False, highlight=False)
    with stderr.status("measuring, for half a minute or so", spinner="line"):
        tuning, others_cores = asyncio.run(_measure(engine_options(settings, path)))
    if as_json:
        typer.echo(json.dumps({"model": path.stem, "others_cores": round(others_cores, 2), **asdict(tuning)}))
    else:
        _print(tuning, path.stem)
    if others_cores > QUIET_CORES:
        stderr.print(
            f"Other programs kept {others_cores:.1f} cores busy meanwhile, so these figures are too low; "
            "close them and measure again.",
            soft_wrap=True,
        )


async def _measure(options: EngineOptions) -> tuple[Tuning, float]:
    """The figures, and how many cores other programs used while they were measured."""
    engine = EngineProcess(options)
    try:
        await engine.ready(LOAD_TIMEOUT_MS)
        measuring = asyncio.create_task(engine.measure())
        load = OthersLoad(engine.pid or os.getpid())
        seen: list[float] = []
        while not measuring.done():
            await asyncio.wait({measuring}, timeout=1)
            load.sample()
            seen.append(load.cores)
        return measuring.result(), sum(seen) / len(seen)
    finally:
        await engine.close()


def _print(tuning: Tuning, model: str) -> None:
    table = Table("measured", "", "prompt tokens/s", "produced tokens/s", title=model, title_justify="left")
    for trial in tuning.trials:
        table.add_row(trial.subject, trial.choice, _figure(trial.prefill_tokens_s), _figure(trial.decode_tokens_s))
    console = Console(highlight=False)
    console.print(table)
    costs = ", ".join(f"{n}: {cost:.1f}" for n, cost in tuning.verify_cost)
    console.print(f"The cost of evaluating several tokens at once, in single tokens: {costs}.", soft_wrap=True)
    console.print(f"Chosen: {_chosen(tuning)}.", soft_wrap=True)


def _chosen(tuning: Tuning) -> str:
    return (
        f"{tuning.n_threads_batch} threads for prompts and {tuning.n_threads} for producing tokens, "
        f"micro-batches of {tuning.n_ubatch}, {'flash' if tuning.flash_attention else 'plain'} attention: "
        f"{tuning.prefill_tokens_s:.0f} prompt tokens/s, {tuning.decode_tokens_s:.0f} produced tokens/s"
    )


def _figure(tokens_s: float) -> str:
    return f"{tokens_s:.1f}" if tokens_s else ""
