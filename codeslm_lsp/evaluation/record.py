"""What an evaluation has found ⇄ a file of JSON lines, so that a run that was ended goes on where it was.

The first line says what is measured (``subject``); every other one is a case filled by an arm, written as soon as it
is known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from codeslm_lsp.evaluation.arms import Fill
from codeslm_lsp.evaluation.score import Scored
from codeslm_lsp.values import InputError

Subject = Mapping[str, Any]
"""Model, benchmark and settings, as JSON holds them: what must be the same for figures to belong together."""


TUPLES = frozenset({"filters", "snippets"})
"""Fields of a fill that JSON has as lists."""


class Result(Protocol):
    """What came of one case: a dataclass that JSON can hold, with the case's id."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> str: ...


Kept = TypeVar("Kept", bound=Result)


class Record(Generic[Kept]):
    """The file of one evaluation; without a path nothing is kept. Raises ``InputError`` for a file of another one.

    ``read`` makes a result of what JSON has of it; it raises ``ValueError``, ``KeyError`` or ``TypeError`` for
    something else.
    """

    def __init__(self, path: Path | None, subject: Subject, read: Callable[[Mapping[str, Any]], Kept]) -> None:
        self._path = path
        self._read_result = read
        self._known: dict[tuple[str, str], Kept] = {}
        if path is None:
            return
        try:
            if path.exists() and path.stat().st_size:
                self._read(path, subject)
            else:
                path.write_text(json.dumps({"subject": subject}) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be used: {error}; name another file for --record.") from None

    def known(self, arm: str) -> dict[str, Kept]:
        """The cases that an arm has filled already, by their ids."""
        return {case: result for (name, case), result in self._known.items() if name == arm}

    def add(self, arm: str, result: Kept) -> None:
        """Keep one more."""
        self._known[arm, result.id] = result
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"arm": arm, **asdict(result)}) + "\n")

    def _read(self, path: Path, subject: Subject) -> None:
        text = path.read_text(encoding="utf-8")
        whole, _, _cut_off = text.rpartition("\n")  # The run may have been ended while it wrote a line.
        try:
            first, *rows = [json.loads(line) for line in whole.splitlines()]
            is_the_same = first["subject"] == json.loads(json.dumps(subject))
            for row in rows if is_the_same else ():
                arm = row.pop("arm")
                self._known[arm, row["id"]] = self._read_result(row)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path} is not the record of an evaluation; name another file for --record.") from None
        if not is_the_same:
            raise InputError(
                f"{path} is the record of another model, benchmark or setting; name another file for --record."
            )
        if _cut_off:
            path.write_text(whole + "\n", encoding="utf-8")


def scored_from(row: Mapping[str, Any]) -> Scored:
    """A case of this or an earlier codeslm, which may have kept less of it."""
    fill: dict[str, Any] = {name: tuple(value) if name in TUPLES else value for name, value in row["fill"].items()}
    values = {field.name: row[field.name] for field in fields(Scored) if field.name in row or field.default is MISSING}
    return Scored(**{**values, "fill": Fill(**fill)})
