"""``codeslm eval``: fill the holes of a benchmark with several arms and compare them case by case."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from codeslm_lsp.cli.evaluate_problems import evaluate_problems
from codeslm_lsp.cli.output import may_be_written, print_tables, subject, write
from codeslm_lsp.cli.progress import counting
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.evaluation import tables
from codeslm_lsp.evaluation.arms import ARMS, PATIENCE_MS
from codeslm_lsp.evaluation.cases import read_cases, read_repositories
from codeslm_lsp.evaluation.page import page
from codeslm_lsp.evaluation.problems import holds_problems
from codeslm_lsp.evaluation.record import Record, scored_from
from codeslm_lsp.evaluation.run import run_arm
from codeslm_lsp.evaluation.score import Scored
from codeslm_lsp.evaluation.summary import summary
from codeslm_lsp.models.store import open_store
from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.values import InputError

DEFAULT_ARMS = "bare,ours"


def evaluate(
    context: typer.Context,
    benchmark: Annotated[str, typer.Option("--set", metavar="FILE[:KIND]", help="The benchmark: JSON lines, gzipped.")],
    repositories: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the holes are in: JSON, gzipped, {repository: {path: text}}."),
    ] = None,
    n: Annotated[
        int, typer.Option("--n", metavar="N", min=0, help="Cases, chosen at random once for all; 0 takes all.")
    ] = 0,
    arms: Annotated[
        str, typer.Option(metavar="ARM,…", help=f"Compared arms, the first being the reference: {', '.join(ARMS)}.")
    ] = ("bare,ours"),
    execute: Annotated[bool, typer.Option("--execute", help="Run the completed programs' tests for pass@1.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Keep every case here as it is filled; a run that was ended goes on."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every case as JSON.")] = False,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the figures as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page to browse the cases in.")] = None,
) -> None:
    """Measure how often completions are right, through the real server."""
    for path in (markdown, html):
        may_be_written(path)
    file, _, kind = benchmark.partition(":")
    if holds_problems(Path(file)):
        if html is not None or repositories is not None or execute or arms != DEFAULT_ARMS:
            raise InputError(
                f"{file} holds problems, not code: --html, --repositories, --execute and --arms are not for it."
            )
        evaluate_problems(Path(file), n, context.obj, record, markdown, as_json=as_json)
        return
    names = _arm_names(arms)
    if execute:
        asyncio.run(detect())  # Before the model works for hours: where nothing can be shut in, nothing is run.
    files = read_repositories(repositories) if repositories is not None else {}
    cases = read_cases(Path(file), kind, n, repositories=files)
    model, _ = model_path(context.obj, open_store())
    # What is measured is what the model says, not how fast this machine is.
    patient = context.obj.completion.model_copy(
        update={"time_budget_ms": PATIENCE_MS, "prefetch": "never", "alternatives": 0}
    )
    settings = context.obj.model_copy(update={"completion": patient})
    kept = Record(record, {**subject(model, benchmark, settings), "execute": execute}, scored_from)
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
        write(markdown, tables.markdown(numbers, title))
    if html is not None:
        write(html, page(title, cases, results, numbers))
    if as_json:
        detail = {name: [asdict(case) for case in scored] for name, scored in results.items()}
        typer.echo(json.dumps({"model": model.stem, "set": benchmark, "summary": numbers, "cases": detail}))
    else:
        print_tables(tables.tables(numbers), title)


def _arm_names(text: str) -> list[str]:
    """``"bare, no-context"`` → ``["bare", "no_context"]``, each once. Raises ``InputError``."""
    names = list(dict.fromkeys(name.strip().replace("-", "_") for name in text.split(",")))
    if unknown := [name for name in names if name not in ARMS]:
        raise InputError(f"There is no arm '{unknown[0]}'; choose from {', '.join(ARMS)}.")
    return names
