"""``codeslm complete FILE:LINE:COLUMN``: one completion of a real file, shown in the terminal or as JSON."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from codeslm_lsp.cli import models
from codeslm_lsp.cli.files import cursor_at, parse_place, place_of, read_document
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.cli.wiring import launch
from codeslm_lsp.completion.remote_first import NO_ENGINE, completer_by
from codeslm_lsp.completion.trigger import refusal
from codeslm_lsp.lsp.folder import repository_folder
from codeslm_lsp.models.choose import choose_for_this_machine
from codeslm_lsp.models.store import open_store
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import (
    Completion,
    Cursor,
    Document,
    InputError,
    ModelNotFound,
    Report,
    Skip,
    SkipReason,
    StopReason,
    Trigger,
)

LINES_AROUND = 6
"""How much of the file is printed before and after the inserted text."""

FAILURES = NO_ENGINE | {
    SkipReason.EMPTY_DOCUMENT,
    SkipReason.FILE_TOO_LARGE,
    SkipReason.NOT_TEXT,
    SkipReason.INTERNAL_ERROR,
}
"""Reasons that are errors on the command line (exit code 2); that the model has nothing to add is none."""


def complete(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FILE:LINE:COLUMN", help="Where to complete, counted from 1.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Complete the code at a place of a file and show what would be inserted.

    The first run downloads a model that fits this machine.
    """
    settings: Settings = context.obj
    path, line, column = parse_place(place)
    document = read_document(path)
    cursor = cursor_at(document, line, column)
    skip = refusal(document, Trigger.INVOKED, settings)
    if skip is not None:  # Known before a model is loaded, or even downloaded.
        report = Report(skip, Trigger.INVOKED)
    else:
        if not settings.model:
            settings = with_default_model(settings)
        report = asyncio.run(_complete(document, cursor, settings))
    failed = isinstance(report.outcome, Skip) and report.outcome.reason in FAILURES
    if as_json:
        typer.echo(json.dumps(as_data(report, document), ensure_ascii=False, indent=2))
    elif isinstance(report.outcome, Skip) and failed:
        raise InputError(f"{path}: {report.outcome.detail}")
    else:
        _show(report, document, path)
    if failed:
        raise typer.Exit(2)


def as_data(report: Report, document: Document) -> dict[str, Any]:
    """The result as ``--json`` prints it; ``range`` counts lines from 0 and characters in code points."""
    outcome = report.outcome
    offered = outcome if isinstance(outcome, Completion) else None
    return {
        "text": offered.text if offered else "",
        "range": {"start": place_of(document.text, offered.start), "end": place_of(document.text, offered.end)}
        if offered
        else None,
        "confidence": offered.confidence if offered else None,
        "skip": {"reason": outcome.reason, "detail": outcome.detail} if isinstance(outcome, Skip) else None,
        "model": report.model,
        "timings": asdict(report.timings),
    }


def with_default_model(settings: Settings) -> Settings:
    """Choose a model and, when it is not installed yet, get it. The choice and its reason go to stderr."""
    store = open_store()
    choice = choose_for_this_machine(store)
    Console(stderr=True, markup=False).print(f"Model {choice.reason}", style="dim", highlight=False, soft_wrap=True)
    try:
        store.find(choice.name)
    except ModelNotFound:
        models.pull_with_progress(choice.name, store)
    return settings.model_copy(update={"model": choice.name})


async def _complete(document: Document, cursor: Cursor, settings: Settings) -> Report:
    launched = launch(settings)
    # One is shown, so no others are decoded.
    options = settings.completion.model_copy(update={"alternatives": 0})
    settings = settings.model_copy(update={"completion": options})
    root = Path.cwd()
    folder = repository_folder(root, settings) if (root / document.path).as_uri() == document.uri else None
    workspace = folder.context if folder is not None else None
    try:
        return await completer_by(launched, settings, workspace).complete(document, cursor, Trigger.INVOKED)
    finally:
        if folder is not None:
            await folder.close()
        await launched.close()


def _show(report: Report, document: Document, path: Path) -> None:
    console = Console(highlight=False, markup=False)
    outcome = report.outcome
    if isinstance(outcome, Skip):
        console.print(f"Nothing to insert: {outcome.detail}", soft_wrap=True)
    else:
        console.print(_marked(document, outcome), soft_wrap=True)
        if report.stop is StopReason.TIME_BUDGET:
            console.print("(cut off by completion.time_budget_ms)", style="dim", soft_wrap=True)
    timings = report.timings
    console.print(
        f"\n{path.name}: {report.elapsed_ms / 1000:.1f} s in all with loading, "
        f"{timings.prefill_ms / 1000:.2f} s to evaluate {timings.n_prefill} tokens, "
        f"{timings.decode_ms / 1000:.2f} s to produce {timings.n_decode}; model {report.model or 'none'}",
        style="dim",
        soft_wrap=True,
    )


def _marked(document: Document, completion: Completion) -> Text:
    """The lines around the cursor with line numbers, the inserted text between ⟦ and ⟧."""
    before, after = document.text[: completion.start], document.text[completion.end :]
    first = before.count("\n") + 1
    head = before.split("\n")[-LINES_AROUND - 1 :]
    tail = after.split("\n")[: LINES_AROUND + 1]
    text = Text("\n".join(head))
    text.append("⟦" + completion.text + "⟧", style="bold green")
    text.append("\n".join(tail))
    numbered = Text()
    number = first - len(head) + 1
    for line in text.split("\n", allow_blank=True):
        numbered.append(f"{number:5d}  ", style="dim")
        numbered.append_text(line)
        numbered.append("\n")
        number += 1
    return numbered[:-1]
