"""An expression and what its variables may be → values at numbers that a program can be given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice

import mpmath
from mpmath import mp

from codeslm_lsp.mathematics.agreement import domain_of_declared
from codeslm_lsp.mathematics.answers import Sample, Samples
from codeslm_lsp.mathematics.domains import Domain, Point, points
from codeslm_lsp.mathematics.numeric import Evaluator, Undefined
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.patience import Clock
from codeslm_lsp.mathematics.searching import satisfies

N_SAMPLES = 120
"""Half of them whole numbers: loops mostly take nothing else."""

DIGITS = 30
"""Twice what a double has."""

LARGEST = 1e12
"""Beyond it the last digits of a double are worth more than 1e-4, and sums lose them."""


def sample(text: str, variables: str, clause: str, limit_s: float) -> Samples:
    """``variables`` as ``naming.declaration`` writes them. Raises ``ExpressionError``."""
    kinds = dict(each.partition(":")[::2] for each in variables.split())
    node = parse_plain(text, kinds)
    domain = domain_of_declared((node, node), kinds, clause)
    clock = Clock(limit_s)
    found: dict[tuple[tuple[str, str], ...], Sample] = {}
    for point in _points(domain):
        if clock.left_s <= 0 or len(found) >= N_SAMPLES:
            break
        given = {name: _given(value) for name, value in point.items()}
        exact = {name: Fraction(value) if isinstance(value, float) else value for name, value in given.items()}
        if not satisfies(domain, exact):
            continue
        try:
            with mp.workdps(DIGITS):
                value = Evaluator(has_i=False).value(node, exact)
                shown = repr(float(mpmath.mpf(value.numerator) / value.denominator if _is_exact(value) else value))
        except (Undefined, OverflowError):
            continue
        if abs(float(shown)) < LARGEST:
            key = tuple((name, repr(each)) for name, each in given.items())
            found[key] = Sample(key, shown)
    return Samples(tuple(found.values()))


def _points(domain: Domain) -> Iterator[Point]:
    """In turn those of the domain, and those of it that are whole."""
    whole = replace(domain, ranges={name: replace(of, is_integer=True) for name, of in domain.ranges.items()})
    yield from islice(points(whole, N_SAMPLES), N_SAMPLES // 2)
    yield from points(domain, N_SAMPLES)


def _given(value: int | Fraction) -> int | float:
    """As a program gets it: an ``int`` where it is whole, else the nearest double."""
    return value.numerator if value.denominator == 1 else float(value)


def _is_exact(value: object) -> bool:
    return isinstance(value, int | Fraction)
