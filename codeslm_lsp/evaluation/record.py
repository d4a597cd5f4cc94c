"""What an evaluation has found ⇄ a file of JSON lines, so that a run that was ended goes on where it was.

The first line says what is measured (``subject``); every other one is a case filled by an arm, written as soon as it
is known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.arms import Fill
from codeslm_lsp.evaluation.score import Scored
from codeslm_lsp.values import InputError

Subject = Mapping[str, Any]
"""Model, benchmark and settings, as JSON holds them: what must be the same for figures to belong together."""


TUPLES = frozenset({"filters", "snippets"})
"""Fields of a fill that JSON has as lists."""


class Record:
    """The file of one evaluation; without a path nothing is kept. Raises ``InputError`` for a file of another one."""

    def __init__(self, path: Path | None, subject: Subject) -> None:
        self._path = path
        self._known: dict[tuple[str, str], Scored] = {}
        if path is None:
            return
        try:
            if path.exists() and path.stat().st_size:
                self._read(path, subject)
            else:
                path.write_text(json.dumps({"subject": subject}) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be used: {error}; name another file for --record.") from None

    def known(self, arm: str) -> dict[str, Scored]:
        """The cases that an arm has filled already, by their ids."""
        return {case: scored for (name, case), scored in self._known.items() if name == arm}

    def add(self, arm: str, scored: Scored) -> None:
        """Keep one more."""
        self._known[arm, scored.id] = scored
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"arm": arm, **asdict(scored)}) + "\n")

    def _read(self, path: Path, subject: Subject) -> None:
        text = path.read_text(encoding="utf-8")
        whole, _, _cut_off = text.rpartition("\n")  # The run may have been ended while it wrote a line.
        try:
            first, *rows = [json.loads(line) for line in whole.splitlines()]
            is_the_same = first["subject"] == json.loads(json.dumps(subject))
            for row in rows if is_the_same else ():
                self._known[row.pop("arm"), row["id"]] = _scored(row)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path} is not the record of an evaluation; name another file for --record.") from None
        if not is_the_same:
            raise InputError(
                f"{path} is the record of another model, benchmark or setting; name another file for --record."
            )
        if _cut_off:
            path.write_text(whole + "\n", encoding="utf-8")


def _scored(row: Mapping[str, Any]) -> Scored:
    """A case of this or an earlier codeslm, which may have kept less of it."""
    fill: dict[str, Any] = {name: tuple(value) if name in TUPLES else value for name, value in row["fill"].items()}
    values = {field.name: row[field.name] for field in fields(Scored) if field.name in row or field.default is MISSING}
    return Scored(**{**values, "fill": Fill(**fill)})
