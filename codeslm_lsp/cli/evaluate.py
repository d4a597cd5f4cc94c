"""``codeslm eval``: fill the holes of a benchmark with several arms and compare them case by case."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import TaskID
from rich.table import Table

from codeslm_lsp.cli.progress import counting
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.evaluation import tables
from codeslm_lsp.evaluation.arms import ARMS, PATIENCE_MS
from codeslm_lsp.evaluation.cases import read_cases, read_repositories
from codeslm_lsp.evaluation.page import page
from codeslm_lsp.evaluation.record import Record
from codeslm_lsp.evaluation.run import run_arm
from codeslm_lsp.evaluation.score import Scored
from codeslm_lsp.evaluation.summary import summary
from codeslm_lsp.models.store import open_store
from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import InputError

TABLE_COLUMNS = 100
"""What the tables need; a file or a pipe has no width of its own."""


def evaluate(
    context: typer.Context,
    benchmark: Annotated[str, typer.Option("--set", metavar="FILE[:KIND]", help="A gzip JSON-lines benchmark.")],
    repositories: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="gzip JSON {package: {path: text}}, where the benchmark's holes are in it."),
    ] = None,
    n: Annotated[int, typer.Option("--n", min=0, help="Cases, chosen at random once for all; 0 takes all.")] = 0,
    arms: Annotated[str, typer.Option(help=f"Compared arms, the first being the reference: {', '.join(ARMS)}.")] = (
        "bare,ours"
    ),
    execute: Annotated[bool, typer.Option("--execute", help="Run the completed programs' tests for pass@1.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep every case here as it is filled; a run that was ended goes on."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every case as data.")] = False,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the figures as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page to browse the cases in.")] = None,
) -> None:
    """Measure how often completions are right, through the real server."""
    names = _arm_names(arms)
    for path in (markdown, html):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise InputError(f"{path} cannot be written: it has to be a file in a folder that exists; name another.")
    if execute:
        asyncio.run(detect())  # Before the model works for hours: where nothing can be shut in, nothing is run.
    file, _, kind = benchmark.partition(":")
    files = read_repositories(repositories) if repositories is not None else {}
    cases = read_cases(Path(file), kind, n, repositories=files)
    model, _ = model_path(context.obj, open_store())
    # What is measured is what the model says, not how fast this machine is.
    patient = context.obj.completion.model_copy(
        update={"time_budget_ms": PATIENCE_MS, "prefetch": "never", "alternatives": 0}
    )
    settings = context.obj.model_copy(update={"completion": patient})
    kept = Record(record, _subject(model, benchmark, settings, execute=execute))
    results: dict[str, list[Scored]] = {}
    with counting() as progress:
        for name in names:
            known = kept.known(name)
            n_known = sum(case.id in known for case in cases)
            task = progress.add_task(name, total=len(cases), completed=n_known)

            def on_case(scored: Scored, name: str = name, task: TaskID = task) -> None:
                kept.add(name, scored)
                progress.advance(task)

            results[name] = asyncio.run(
                run_arm(name, cases, files, model, settings, execute=execute, known=known, on_case=on_case)
            )
    numbers = summary(results)
    title = f"{Path(benchmark).name}, {model.stem}"
    if markdown is not None:
        _write(markdown, tables.markdown(numbers, title))
    if html is not None:
        _write(html, page(title, cases, results, numbers))
    if as_json:
        detail = {name: [asdict(case) for case in scored] for name, scored in results.items()}
        typer.echo(json.dumps({"model": model.stem, "set": benchmark, "summary": numbers, "cases": detail}))
    else:
        console = Console() if Console().is_terminal else Console(width=TABLE_COLUMNS)
        for number, table in enumerate(tables.tables(numbers)):
            console.print(_as_rich(table, "" if number else title))


def _subject(model: Path, benchmark: str, settings: Settings, *, execute: bool) -> dict[str, Any]:
    """What a record's cases have in common."""
    return {
        "model": model.stem,
        "set": benchmark,
        "execute": execute,
        "settings": settings.model_dump(mode="json", exclude={"model"}),
    }


def _arm_names(text: str) -> list[str]:
    """``"bare, no-context"`` → ``["bare", "no_context"]``, each once. Raises ``InputError``."""
    names = list(dict.fromkeys(name.strip().replace("-", "_") for name in text.split(",")))
    if unknown := [name for name in names if name not in ARMS]:
        raise InputError(f"There is no arm '{unknown[0]}'; choose from {', '.join(ARMS)}.")
    return names


def _write(path: Path, text: str) -> None:
    """Raises ``InputError``."""
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}; name another file.") from None


def _as_rich(table: tables.Table, title: str) -> Table:
    shown = Table(title=title, title_justify="left")
    for column in table.titles:
        shown.add_column(column, justify="left" if column == "arm" else "right")
    for row in table.rows:
        shown.add_row(*row)
    return shown
