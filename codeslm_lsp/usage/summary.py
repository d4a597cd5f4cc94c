"""The journal's file → what became of suggestions, all together, by language and by model."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Literal, get_args

from codeslm_lsp.usage.journal import NAME, VERSION
from codeslm_lsp.values import InputError

By = Literal["language", "model", "asked"]

GROUPS: tuple[By, ...] = get_args(By)


@dataclass(frozen=True, slots=True)
class Tally:
    """Suggestions of one kind, such as those for one language.

    ``n_shown`` are those that an editor told it showed, or that were taken or dismissed. ``n_accepted`` were taken as a
    whole, ``n_partly`` in part, ``characters`` is what was taken of all of them. ``p50_ms`` and ``p95_ms`` are from the
    request to the answer; ``None`` where there are none.
    """

    name: str
    n_shown: int
    n_accepted: int
    n_partly: int
    n_dismissed: int
    characters: int
    p50_ms: float | None
    p95_ms: float | None

    @property
    def acceptance(self) -> float | None:
        """The share of what was shown that was taken as a whole or in part."""
        return (self.n_accepted + self.n_partly) / self.n_shown if self.n_shown else None


@dataclass(frozen=True, slots=True)
class Summary:
    """``groups`` has the same suggestions by what they have in common, the most frequent first."""

    total: Tally
    groups: dict[By, tuple[Tally, ...]]
    first_at: float | None
    last_at: float | None


_Row = tuple[str, str, str, str | None, int, float, float | None]
_COLUMNS = "language, model, asked, outcome, accepted_characters, elapsed_ms, coalesce(decided_at, shown_at)"


def summary_of(path: Path) -> Summary:
    """What the file at ``path`` holds; nothing where there is none.

    Raises ``InputError`` for one that cannot be read.
    """
    rows: list[_Row] = []
    if path.exists():
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                if (version := connection.execute("PRAGMA user_version").fetchone()[0]) != VERSION:
                    raise sqlite3.DatabaseError(f"it is of version {version}")
                shown = "shown_at IS NOT NULL OR outcome IS NOT NULL"
                rows = connection.execute(f"SELECT {_COLUMNS} FROM suggestions WHERE {shown}").fetchall()
        except sqlite3.Error as error:
            raise InputError(
                f"What was kept of suggestions in {path} cannot be read ({error}); delete {NAME} to begin anew."
            ) from None
    times = [row[6] for row in rows if row[6] is not None]
    return Summary(
        _tally("all", rows),
        {by: _by(rows, column) for column, by in enumerate(GROUPS)},
        min(times, default=None),
        max(times, default=None),
    )


def _by(rows: Iterable[_Row], column: int) -> tuple[Tally, ...]:
    groups: dict[str, list[_Row]] = {}
    for row in rows:
        groups.setdefault(str(row[column]), []).append(row)
    tallies = (_tally(name, group) for name, group in groups.items())
    return tuple(sorted(tallies, key=lambda each: (-each.n_shown, each.name)))


def _tally(name: str, rows: Sequence[_Row]) -> Tally:
    outcomes = [row[3] for row in rows]
    p50, p95 = _percentiles([row[5] for row in rows])
    return Tally(
        name,
        len(rows),
        outcomes.count("accepted"),
        outcomes.count("partly accepted"),
        outcomes.count("dismissed"),
        sum(row[4] for row in rows),
        p50,
        p95,
    )


def _percentiles(values: Sequence[float]) -> tuple[float | None, float | None]:
    if len(values) < 2:
        return (values[0], values[0]) if values else (None, None)
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[94]
