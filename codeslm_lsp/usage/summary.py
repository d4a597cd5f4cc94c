"""The journal's file → what became of suggestions, all together and in groups, and why others were not made."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from codeslm_lsp.usage.journal import NAME, VERSION
from codeslm_lsp.usage.tally import Row, Tally, grouped, percentiles, tallies, tally
from codeslm_lsp.values import InputError, SkipReason

By = Literal["language", "model", "asked"]

GROUPS: tuple[By, ...] = get_args(By)

OVERTAKEN = frozenset({SkipReason.SUPERSEDED.value, SkipReason.CANCELLED.value})
"""Reasons that say nothing of the suggestion: nobody waited for it any more. Quick typing makes many of them."""


@dataclass(frozen=True, slots=True)
class SkipTally:
    """Requests that were answered with nothing for one ``reason`` (``SkipReason``), by how they were asked."""

    reason: str
    n_automatic: int
    n_invoked: int
    by_language: Mapping[str, int]

    @property
    def n(self) -> int:
        """All of them."""
        return self.n_automatic + self.n_invoked


@dataclass(frozen=True, slots=True)
class Summary:
    """``groups`` has the same suggestions by what they have in common, the most frequent first, ``days`` by the day
    here, the first one first.

    ``percentiles_ms`` are the 1st to the 99th of the times from the request to the answer, by model. ``skips`` are by
    reason, the most frequent first, without the ``n_overtaken``; counted since the day ``skips_since``.
    """

    total: Tally
    groups: dict[By, tuple[Tally, ...]]
    days: tuple[Tally, ...]
    percentiles_ms: dict[str, tuple[float, ...]]
    first_at: float | None
    last_at: float | None
    skips: tuple[SkipTally, ...]
    n_overtaken: int
    skips_since: str | None


_Skip = tuple[str, str, str, str, int]

_SUGGESTIONS = (
    "SELECT language, model, asked, outcome, accepted_characters, elapsed_ms, coalesce(decided_at, shown_at), {kept} "
    "FROM suggestions WHERE shown_at IS NOT NULL OR outcome IS NOT NULL"
)
_KEPT = {1: "NULL", VERSION: "kept_characters"}
"""By the file's version: one of an earlier one is brought up to date by who writes into it, and read as it is."""


def summary_of(path: Path) -> Summary:
    """What the file at ``path`` holds; nothing where there is none.

    Raises ``InputError`` for one that cannot be read.
    """
    rows, skips = _read(path) if path.exists() else ([], [])
    times = [row.at for row in rows if row.at is not None]
    by_model = grouped(rows, lambda row: row.model)
    by_reason = _by_reason(skips)
    return Summary(
        total=tally("all", rows),
        groups={
            "language": tallies(rows, lambda row: row.language),
            "model": tallies(rows, lambda row: row.model),
            "asked": tallies(rows, lambda row: row.asked),
        },
        days=tuple(sorted(tallies([row for row in rows if row.at is not None], _day), key=lambda each: each.name)),
        percentiles_ms={name: percentiles([row.elapsed_ms for row in group]) for name, group in by_model.items()},
        first_at=min(times, default=None),
        last_at=max(times, default=None),
        skips=tuple(each for each in by_reason if each.reason not in OVERTAKEN),
        n_overtaken=sum(each.n for each in by_reason if each.reason in OVERTAKEN),
        skips_since=min((day for day, *_ in skips), default=None),
    )


def _read(path: Path) -> tuple[list[Row], list[_Skip]]:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:  # It is being made.
                return [], []
            if version not in _KEPT:
                raise sqlite3.DatabaseError(f"it is of version {version}")
            rows = [Row(*each) for each in connection.execute(_SUGGESTIONS.format(kept=_KEPT[version]))]
            skips: list[_Skip] = []
            if version == VERSION:
                skips = connection.execute("SELECT day, reason, language, asked, n FROM skips").fetchall()
            return rows, skips
    except sqlite3.Error as error:
        raise InputError(
            f"What was kept of suggestions in {path} cannot be read ({error}); delete {NAME} to begin anew."
        ) from None


def _day(row: Row) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(row.at))


def _by_reason(skips: Iterable[_Skip]) -> list[SkipTally]:
    reasons: dict[str, list[_Skip]] = {}
    for each in skips:
        reasons.setdefault(each[1], []).append(each)
    return sorted((_skip_tally(*each) for each in reasons.items()), key=lambda each: (-each.n, each.reason))


def _skip_tally(reason: str, skips: Iterable[_Skip]) -> SkipTally:
    n_asked = {"automatic": 0, "invoked": 0}
    by_language: dict[str, int] = {}
    for _, _, language, asked, n in skips:
        n_asked[asked] += n
        by_language[language] = by_language.get(language, 0) + n
    return SkipTally(reason, n_asked["automatic"], n_asked["invoked"], by_language)
