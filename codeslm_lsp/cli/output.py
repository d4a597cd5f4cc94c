"""Figures of an evaluation → tables in the terminal, and files that the user named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table as RichTable

from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.evaluation.tables import Table
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import InputError

TABLE_COLUMNS = 100
"""What the tables need; a file or a pipe has no width of its own."""


def may_be_written(path: Path | None) -> None:
    """Before hours of work: raises ``InputError`` for a file that cannot be there."""
    if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
        raise InputError(f"{path} cannot be written: it has to be a file in a folder that exists; name another.")


def write(path: Path, text: str) -> None:
    """Raises ``InputError``."""
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}; name another file.") from None


def print_tables(tables: Sequence[Table], title: str) -> None:
    """One below the other, the first with the title."""
    console = Console() if Console().is_terminal else Console(width=TABLE_COLUMNS)
    for number, table in enumerate(tables):
        shown = RichTable(title="" if number else title, title_justify="left")
        for place, column in enumerate(table.titles):
            shown.add_column(column, justify="right" if place else "left")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)


def subject(model: Path, benchmark: str, settings: Settings) -> dict[str, Any]:
    """What the cases of one record have in common."""
    return {
        "model": model.stem,
        "set": benchmark,
        "settings": settings.model_dump(mode="json", exclude={"model"}),
    }
