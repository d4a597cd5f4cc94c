"""``codeslm eval`` of problems in words: the model alone beside ``codeslm solve``, case by case."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import typer

from codeslm_lsp.cli.output import print_tables, subject, write
from codeslm_lsp.cli.progress import counting
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.evaluation.problems import read_problems
from codeslm_lsp.evaluation.record import Record
from codeslm_lsp.evaluation.solving import SOLVE, Solved, known_again, solving
from codeslm_lsp.evaluation.solving_tables import solving_markdown, solving_summary, solving_tables
from codeslm_lsp.models.store import open_store
from codeslm_lsp.settings import Settings


def evaluate_problems(
    file: Path, n: int, settings: Settings, record: Path | None, markdown: Path | None, *, as_json: bool
) -> None:
    """Measure how often problems are solved, and how far badges can be trusted. Raises ``InputError``."""
    problems = read_problems(file, n)
    model, _ = model_path(settings, open_store())
    kept = Record(record, subject(model, file.name, settings), known_again)
    known = kept.known(SOLVE)

    async def solve_all() -> list[Solved]:
        solved = []
        async with solving(model, settings) as solver:
            for problem in problems:
                if problem.id not in known:
                    kept.add(SOLVE, await solver.solve(problem))
                    progress.advance(task)
                solved.append(kept.known(SOLVE)[problem.id])
        return solved

    with counting() as progress:
        n_known = sum(problem.id in known for problem in problems)
        task = progress.add_task("problems", total=len(problems), completed=n_known)
        solved = asyncio.run(solve_all())
    numbers = solving_summary(solved)
    title = f"{file.name}, {model.stem}"
    if markdown is not None:
        write(markdown, solving_markdown(numbers, title))
    if as_json:
        cases = [asdict(each) for each in solved]
        typer.echo(json.dumps({"model": model.stem, "set": file.name, "summary": numbers, "cases": cases}))
    else:
        print_tables(solving_tables(numbers), title)
