"""A claimed relation of two expressions → a point where it is false, or how many points it was true at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import mpmath
from mpmath import mp

from codeslm_lsp.mathematics.domains import Domain, Point, points
from codeslm_lsp.mathematics.expressions import Expression, Relation
from codeslm_lsp.mathematics.numeric import Evaluator, Undefined, Value, compare, holds
from codeslm_lsp.mathematics.patience import Clock

N_RANDOM = 200
"""Random points, after some hundred special ones. A million are worth less than a proof."""

N_POINTS = 300
"""Defined points after which the search ends."""

N_ROUGH = 25
"""The same where each takes an integral or an infinite sum."""

DIGITS = (50, 90)
"""The two precisions; what differs at both by the same amount differs."""

MARGIN = Fraction(1, 10**30)
"""Sides that differ by less, relative to the largest number on the way, are not said to differ."""

ROUGH_MARGIN = Fraction(1, 10**5)
"""The same where there was an integral, an infinite sum or a limit."""


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A point where both sides have a value and the relation does not hold."""

    point: Mapping[str, str]
    left: str
    right: str

    def described(self) -> str:
        """``at x = -1 the left side is 1 and the right side is -1``."""
        where = ", ".join(f"{name} = {value}" for name, value in self.point.items())
        return (f"at {where} " if where else "") + f"the left side is {self.left} and the right side is {self.right}"


@dataclass(frozen=True, slots=True)
class Search:
    """``n_points`` were found where both sides have a value, within ``smallest`` and ``largest``."""

    counterexample: Counterexample | None
    n_points: int
    smallest: Fraction
    largest: Fraction
    is_rough: bool

    def described(self) -> str:
        """``it held at 300 points between -1000 and 1000``."""
        if not self.n_points:
            return "no point was found where both sides have a real value"
        return f"it held at {self.n_points} points between {float(self.smallest):g} and {float(self.largest):g}"


def search(left: Expression, operator: str, right: Expression, domain: Domain, *, has_i: bool, clock: Clock) -> Search:
    """Look for a counterexample until ``clock`` ends."""
    n_points, smallest, largest, is_rough = 0, Fraction(0), Fraction(0), False
    for point in points(domain, N_RANDOM):
        if clock.left_s <= 0 or n_points >= (N_ROUGH if is_rough else N_POINTS):
            break
        if not satisfies(domain, point):
            continue
        with mp.workdps(DIGITS[0]):
            pair = _sides(left, right, point, has_i)
            is_suspect = pair is not None and _differs(pair, operator)
        if pair is None:
            continue
        is_rough = is_rough or pair.is_rough
        n_points += 1
        smallest = Fraction(min([smallest, *point.values()]))
        largest = Fraction(max([largest, *point.values()]))
        if is_suspect and (found := confirmed(left, operator, right, point, has_i=has_i)) is not None:
            return Search(found, n_points, smallest, largest, is_rough)
    return Search(None, n_points, smallest, largest, is_rough)


def satisfies(domain: Domain, point: Point) -> bool:
    """Whether all conditions surely hold there."""
    return all(isinstance(each, Relation) and holds(each, point) for each in domain.conditions)


def confirmed(
    left: Expression, operator: str, right: Expression, point: Point, *, has_i: bool
) -> Counterexample | None:
    """The point as a counterexample if both sides are exact, or differ by the same at two precisions."""
    pairs = []
    for digits in DIGITS:
        with mp.workdps(digits):
            pair = _sides(left, right, point, has_i)
            if pair is None or not _differs(pair, operator):
                return None
            pairs.append(pair)
    with mp.workdps(DIGITS[1]):
        first, second = (_mp(each.left) - _mp(each.right) for each in pairs)
        if abs(first - second) > abs(second) / 100:
            return None
    return Counterexample(
        {name: str(value) for name, value in point.items()}, shown(pairs[1].left), shown(pairs[1].right)
    )


def shown(value: Value) -> str:
    """A value in a sentence: exact if that is short, else to 10 digits."""
    if isinstance(value, int | Fraction) and len(str(value)) <= 30:
        return str(value)
    with mp.workdps(15):
        return str(mpmath.nstr(_mp(value), 10))


@dataclass(frozen=True, slots=True)
class _Sides:
    left: Value
    right: Value
    is_rough: bool
    largest: Value


def _sides(left: Expression, right: Expression, point: Point, has_i: bool) -> _Sides | None:
    evaluator = Evaluator(has_i=has_i)
    try:
        return _Sides(
            evaluator.value(left, point), evaluator.value(right, point), evaluator.is_rough, evaluator.largest
        )
    except Undefined:
        return None


def _differs(sides: _Sides, operator: str) -> bool:
    """Whether the relation is surely false. Sides that are equal or nearly so refute nothing unless both are exact."""
    left, right = sides.left, sides.right
    if isinstance(left, int | Fraction) and isinstance(right, int | Fraction):
        return not compare(left, operator, right)
    left, right = _mp(left), _mp(right)
    if abs(left - right) <= _mp(ROUGH_MARGIN if sides.is_rough else MARGIN) * sides.largest:
        return False
    if isinstance(left, mpmath.mpc) or isinstance(right, mpmath.mpc):
        return operator == "="
    return not compare(left, operator, right)


def _mp(value: Value) -> Value:
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, int | Fraction) else value
