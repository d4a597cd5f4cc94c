"""Rows of the journal's suggestions → how many there were of a kind, what became of them, and how soon they came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import quantiles


@dataclass(frozen=True, slots=True)
class Row:
    """One suggestion that an editor showed, in the names of the journal's columns. ``at``: seconds since 1970."""

    language: str
    model: str
    asked: str
    outcome: str | None
    accepted_characters: int
    elapsed_ms: float
    at: float | None
    kept_characters: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What was still there when accepted suggestions were looked at again (``persistence``).

    ``n`` were; of ``n_whole`` all characters were there, of ``n_most`` at least half, of ``n_little`` fewer, of
    ``n_nothing`` none: ``kept_characters`` of ``characters`` in all.
    """

    n: int
    n_whole: int
    n_most: int
    n_little: int
    n_nothing: int
    characters: int
    kept_characters: int

    @property
    def share(self) -> float | None:
        """Of the characters that were looked for."""
        return self.kept_characters / self.characters if self.characters else None


@dataclass(frozen=True, slots=True)
class Tally:
    """Suggestions of one kind, such as those for one language.

    ``n_shown`` are those that an editor told it showed, or that were taken or dismissed. ``n_accepted`` were taken as a
    whole, ``n_partly`` in part, ``characters`` is what was taken of all of them, and ``kept`` what became of that.
    ``p50_ms`` and ``p95_ms`` are from the request to the answer; ``None`` where there are none.
    """

    name: str
    n_shown: int
    n_accepted: int
    n_partly: int
    n_dismissed: int
    characters: int
    p50_ms: float | None
    p95_ms: float | None
    kept: Kept

    @property
    def n_untold(self) -> int:
        """Of these an editor did not tell what became of them, such as when its session ended."""
        return self.n_shown - self.n_accepted - self.n_partly - self.n_dismissed

    @property
    def acceptance(self) -> float | None:
        """The share of what was shown that was taken as a whole or in part."""
        return (self.n_accepted + self.n_partly) / self.n_shown if self.n_shown else None


def tally(name: str, rows: Sequence[Row]) -> Tally:
    """All of them together."""
    outcomes = [row.outcome for row in rows]
    centiles = percentiles([row.elapsed_ms for row in rows])
    return Tally(
        name,
        len(rows),
        outcomes.count("accepted"),
        outcomes.count("partly accepted"),
        outcomes.count("dismissed"),
        sum(row.accepted_characters for row in rows),
        centiles[49] if centiles else None,
        centiles[94] if centiles else None,
        _kept(rows),
    )


def tallies(rows: Iterable[Row], name_of: Callable[[Row], str]) -> tuple[Tally, ...]:
    """Those that have a name in common, the most frequent first."""
    found = (tally(name, group) for name, group in grouped(rows, name_of).items())
    return tuple(sorted(found, key=lambda each: (-each.n_shown, each.name)))


def grouped(rows: Iterable[Row], name_of: Callable[[Row], str]) -> dict[str, list[Row]]:
    """The rows by what they have in common."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(name_of(row), []).append(row)
    return groups


def percentiles(values: Sequence[float]) -> tuple[float, ...]:
    """The 1st to the 99th, interpolated; none of nothing."""
    if len(values) < 2:
        return tuple(values) * 99
    return tuple(quantiles(values, n=100, method="inclusive"))


def _kept(rows: Iterable[Row]) -> Kept:
    looked = [
        (row.kept_characters, row.accepted_characters)
        for row in rows
        if row.kept_characters is not None and row.accepted_characters > 0
    ]
    shares = [kept / accepted for kept, accepted in looked]
    n_whole, n_nothing = sum(share >= 1 for share in shares), sum(share <= 0 for share in shares)
    n_most = sum(0.5 <= share < 1 for share in shares)
    return Kept(
        len(looked),
        n_whole,
        n_most,
        len(looked) - n_whole - n_most - n_nothing,
        n_nothing,
        sum(accepted for _, accepted in looked),
        sum(kept for kept, _ in looked),
    )
