"""Results of an arm, or of two arms on the same cases → a mean or their difference with a bootstrap interval; values →
a percentile.

Cases of one repository are alike, so what is drawn again and again is whole groups of them (a cluster bootstrap).
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % interval of a mean, in percentage points."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of b − a over the same cases, with the 95 % interval of a paired bootstrap; all in percentage points."""

    points: float
    low: float
    high: float
    n: int


def mean_interval(values: Sequence[float], groups: Sequence[Hashable] | None = None, seed: int = 0) -> Interval:
    """Of at least one value, such as 0 and 1 for wrong and right. ``groups`` as in ``paired_difference``."""
    return Interval(*_bounds(values, groups, seed))


def paired_difference(
    a: Sequence[bool], b: Sequence[bool], groups: Sequence[Hashable] | None = None, seed: int = 0
) -> Difference:
    """``a`` and ``b`` hold the same cases in the same order, at least one.

    ``groups`` says of each case which others are drawn together with it; without it each is drawn by itself, and so it
    is where there is only one group, of which nothing could be learnt.
    """
    differences = [int(right) - int(left) for left, right in zip(a, b, strict=True)]
    low, high = _bounds(differences, groups, seed)
    return Difference(sum(differences) / len(differences) * 100, low, high, len(differences))


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that ``percent`` of all values do not exceed."""
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]


def _bounds(values: Sequence[float], groups: Sequence[Hashable] | None, seed: int) -> tuple[float, float]:
    """Where 95 % of the means of drawn groups lie, in percent."""
    sums: dict[Hashable, tuple[float, int]] = {}
    names = groups if groups is not None and len({*groups}) > 1 else range(len(values))
    for name, value in zip(names, values, strict=True):
        total, n = sums.get(name, (0.0, 0))
        sums[name] = total + value, n + 1
    means = sorted(_means([*sums.values()], random.Random(seed)))
    return means[int(RESAMPLES * 0.025)], means[int(RESAMPLES * 0.975) - 1]


def _means(clusters: Sequence[tuple[float, int]], draw: random.Random) -> Iterator[float]:
    """In percent, of as many clusters as there are, drawn with replacement, many times. Each is its sum and size."""
    if all(size == 1 for _, size in clusters):  # The same, three times as quick.
        values = [total for total, _ in clusters]
        for _ in range(RESAMPLES):
            yield sum(draw.choices(values, k=len(values))) / len(values) * 100
        return
    for _ in range(RESAMPLES):
        drawn = draw.choices(clusters, k=len(clusters))
        yield sum(total for total, _ in drawn) / sum(size for _, size in drawn) * 100
