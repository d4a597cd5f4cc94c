"""Figures of processes over time → how fast memory grows and how sure that is, and whether anything else piles up."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from tests.soak.journal import Sample

MOST_MB_PER_10_MINUTES = 1.0
"""Beyond this an editor that is open for a working day would have lost more than its server takes."""

BLOCK_S = 30.0
"""Samples that follow each other are alike; means over this long are nearly independent."""

LEAST_BLOCKS, LEAST_FREE = 6, 3

MOST_NEW = 6
"""Files or threads that may be added between the first and the last third of a process's life: a pool of workers."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth in MB per 10 minutes with the ends of its 95 % interval; of ``n_lives`` processes over ``minutes``."""

    growth: float
    low: float
    high: float
    minutes: float
    n_lives: int

    @property
    def verdict(self) -> str:
        """``under`` or ``over`` the limit where the interval is on one side of it."""
        if self.low > MOST_MB_PER_10_MINUTES:
            return "over"
        return "under" if self.high <= MOST_MB_PER_10_MINUTES else "unsure"


def lives(samples: Iterable[Sample], role: str, warm_up_s: float) -> list[list[Sample]]:
    """The samples of each process that had this role, without its first seconds."""
    of_role = sorted((each for each in samples if each.role == role), key=lambda each: (each.pid, each.at_s))
    whole = [list(group) for _, group in groupby(of_role, key=lambda each: each.pid)]
    return [[each for each in life if each.at_s >= life[0].at_s + warm_up_s] for life in whole]


def slope(found: Sequence[Sequence[Sample]]) -> Slope | None:
    """One straight line's slope for all lives, each at a height of its own, by least squares.

    None if that is too little. The interval is Student's, with a degree of freedom less for each life.
    """
    pairs: list[tuple[float, float]] = []
    n_lives = 0
    for life in found:
        means = _blocks(life)
        if len(means) >= 2:
            middle_s, middle = (statistics.fmean(column) for column in zip(*means, strict=True))
            pairs += [(at_s - middle_s, size - middle) for at_s, size in means]
            n_lives += 1
    n_free = len(pairs) - n_lives - 1
    if len(pairs) < LEAST_BLOCKS or n_free < LEAST_FREE:
        return None
    spread = sum(x * x for x, _ in pairs)
    growth = sum(x * y for x, y in pairs) / spread
    error = math.sqrt(sum((y - growth * x) ** 2 for x, y in pairs) / n_free / spread)
    margin = _students_quantile(n_free) * error
    scale = 600 / 1e6
    minutes = len(pairs) * BLOCK_S / 60
    return Slope(growth * scale, (growth - margin) * scale, (growth + margin) * scale, minutes, n_lives)


def piles_up(found: Sequence[Sequence[Sample]]) -> str:
    """What a process has ever more of, as a part of a sentence; empty if nothing."""
    for life in found:
        third = len(life) // 3
        if third < 3:
            continue
        for what in ("n_files", "n_threads"):
            first = statistics.median(getattr(each, what) for each in life[:third])
            last = statistics.median(getattr(each, what) for each in life[-third:])
            if last > first + MOST_NEW:
                return f"{what.removeprefix('n_')} from {first:.0f} to {last:.0f}"
    return ""


def _blocks(life: Sequence[Sample]) -> list[tuple[float, float]]:
    """Means over ``BLOCK_S``: time in seconds, memory in bytes. A block that is not full counts for nothing."""
    if not life:
        return []
    began_s = life[0].at_s
    blocks = [list(group) for _, group in groupby(life, key=lambda each: int((each.at_s - began_s) / BLOCK_S))][:-1]
    return [
        (statistics.fmean(each.at_s for each in block), statistics.fmean(each.own_bytes for each in block))
        for block in blocks
    ]


def _students_quantile(n_free: int) -> float:
    """The 0.975 quantile, to 1 % from three degrees of freedom on (Abramowitz and Stegun, 26.7.5)."""
    z = statistics.NormalDist().inv_cdf(0.975)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + math.fsum(term / float(n_free) ** power for power, term in enumerate(terms, start=1))
