"""``codeslm bench decode``: our engine's tokens a second against llama.cpp's own plain loop."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from codeslm_lsp.cli.progress import counting
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.evaluation.decode import compare, prompts_of, summary
from codeslm_lsp.evaluation.overhead import read_source, source_lines
from codeslm_lsp.models.store import open_store
from codeslm_lsp.settings import Settings

MAX_CHARACTERS_PER_TOKEN = 8


def decode(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Source to continue, instead of codeslm's own.")
    ] = None,
    n_runs: Annotated[int, typer.Option("--n", metavar="N", min=1, help="Prompts to continue.")] = 6,
    n_prompt: Annotated[int, typer.Option("--prompt", metavar="N", min=1, help="Tokens of each prompt.")] = 256,
    n_tokens: Annotated[int, typer.Option("--tokens", metavar="N", min=2, help="Tokens to produce behind each.")] = 64,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Compare the engine's tokens a second with llama.cpp's own loop, run by turns on the same prompts."""
    settings: Settings = context.obj
    text = "\n".join(source_lines()) if file is None else read_source(file)
    prompts = prompts_of(text, n_runs, n_prompt * MAX_CHARACTERS_PER_TOKEN)
    model, _ = model_path(settings, open_store())
    with counting() as progress:
        task = progress.add_task("prompts", total=n_runs)
        compared = asyncio.run(compare(prompts, n_prompt, n_tokens, model, settings, lambda: progress.advance(task)))
    figures = summary(compared)
    if as_json:
        typer.echo(json.dumps({"model": model.stem, **figures}))
    else:
        Console().print(_table(figures, model.stem))


def _table(figures: dict[str, Any], model: str) -> Table:
    table = Table("", title=f"tokens a second, {model}, {figures['runs']} runs", title_justify="left")
    for title in ("codeslm", "plain llama.cpp", "ratio"):
        table.add_column(title, justify="right")
    for name in ("prefill", "decode"):
        row = figures[name]
        table.add_row(name, f"{row['codeslm_tokens_s']:.1f}", f"{row['plain_tokens_s']:.1f}", f"{row['ratio']:.2f}")
    return table
