"""Paired results of two arms → their difference with a bootstrap interval; values → a percentile."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of b − a over the same cases, with the 95 % interval of a paired bootstrap; all in percentage points."""

    points: float
    low: float
    high: float
    n: int


def paired_difference(a: Sequence[bool], b: Sequence[bool], seed: int = 0) -> Difference:
    """``a`` and ``b`` hold the same cases in the same order, at least one."""
    differences = [int(right) - int(left) for left, right in zip(a, b, strict=True)]
    n = len(differences)
    draw = random.Random(seed)
    means = sorted(sum(draw.choices(differences, k=n)) / n * 100 for _ in range(RESAMPLES))
    return Difference(
        points=sum(differences) / n * 100,
        low=means[int(RESAMPLES * 0.025)],
        high=means[int(RESAMPLES * 0.975) - 1],
        n=n,
    )


def percentile(ascending: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that ``percent`` of all values do not exceed."""
    return ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)]
