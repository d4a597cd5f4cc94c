"""``codeslm stats``: what became of the suggestions on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table as RichTable

from codeslm_lsp.cli.output import may_be_written, write
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.usage import tables
from codeslm_lsp.usage.journal import usage_file
from codeslm_lsp.usage.page import page
from codeslm_lsp.usage.saved import WORDS_PER_MINUTE, typing_s
from codeslm_lsp.usage.summary import Summary, summary_of
from codeslm_lsp.usage.tables import Table
from codeslm_lsp.values import InputError


def stats(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with plots, which loads nothing (needs plotly).")
    ] = None,
) -> None:
    """Show how many suggestions were accepted and stayed, how soon they came, and why none was shown elsewhere.

    These are numbers that are kept on this machine alone.
    """
    if as_json + markdown + (html is not None) > 1:
        raise InputError("`--json`, `--markdown` and `--html` exclude each other; give one of them.")
    may_be_written(html)
    path = usage_file()
    summary = summary_of(path)
    if as_json:
        saved = {"typing_s": typing_s(summary.total.characters), "words_per_minute": WORDS_PER_MINUTE}
        typer.echo(json.dumps({**asdict(summary), "saved": saved, "file": str(path)}, indent=2))
    elif markdown:
        typer.echo("\n".join(_as_markdown(summary, str(path))))
    elif html is not None:
        write(html, page(summary))
        typer.echo(f"The page is {html.absolute()}.")
    else:
        _print(summary, str(path))


def _print(summary: Summary, path: str) -> None:
    console = Console(markup=False, highlight=False)
    for part in _parts(summary):
        if isinstance(part, Table):
            shown = RichTable(box=None, pad_edge=False, collapse_padding=True)
            shown.add_column(part.titles[0], overflow="fold")
            for title in part.titles[1:]:
                shown.add_column(title, justify="right", no_wrap=True)
            for row in part.rows:
                shown.add_row(*row)
            console.print(shown)
            console.print()
        else:
            console.print(part, soft_wrap=True)
            console.print()
    if Path(path).exists():
        console.print(f"Kept in {path}, which you may read and delete.", soft_wrap=True)


def _as_markdown(summary: Summary, path: str) -> Iterator[str]:
    yield "# What became of suggestions"
    for part in _parts(summary):
        yield ""
        if isinstance(part, Table):
            yield f"| {' | '.join(part.titles)} |"
            yield f"|---|{'---:|' * (len(part.titles) - 1)}"
            for row in part.rows:
                yield f"| {' | '.join(row)} |"
        else:
            yield part
    if Path(path).exists():
        yield f"\nKept in `{path}`, which you may read and delete."


def _parts(summary: Summary) -> Iterator[Table | str]:
    """Sentences and tables, from top to bottom."""
    if summary.total.n_shown:
        yield tables.period(summary)
        yield from tables.tables(summary)
        yield f"{tables.saved(summary)} {tables.kept(summary)}"
    else:
        yield tables.NOTHING
    yield tables.skipped(summary)
    if summary.skips:
        yield tables.skips_table(summary)
        yield tables.skips_by_language(summary)
    if said := tables.overtaken(summary):
        yield said
