"""What the variables of a statement may be: kinds, bounds and further conditions, and the points that are tried."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, product
from typing import TypeAlias

from codeslm_lsp.mathematics.expressions import Expression
from codeslm_lsp.mathematics.printing import to_text

Point: TypeAlias = Mapping[str, int | Fraction]
"""A value for every variable; an ``int`` where the variable is an integer."""

SPECIAL = tuple(
    Fraction(*each) for each in ((0, 1), (1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2), (3, 1), (-3, 1))
)
"""Where identities that hold nearly everywhere tend to fail: zero, units, signs, equal variables."""

WIDE = (*map(Fraction, (10, -10, 100, -100, 1000)), Fraction(1, 100), Fraction(-1, 100))
"""Where one side of an inequality outgrows the other."""

N_COUNTED = 100
"""Of a single integer so many values are tried one by one: n^2 + n + 41 is a prime for n < 40."""

MAX_GRID = 400
"""Points whose coordinates are special; 9² for two variables, the first ones for more."""


@dataclass(frozen=True, slots=True)
class Range:
    """What one variable may be. ``low`` and ``high`` are bounds, None where there are none."""

    is_integer: bool = False
    low: Fraction | None = None
    high: Fraction | None = None
    low_is_open: bool = False
    high_is_open: bool = False

    def __contains__(self, value: Fraction | int) -> bool:
        return (
            (not self.is_integer or Fraction(value).denominator == 1)
            and (self.low is None or value > self.low or (value == self.low and not self.low_is_open))
            and (self.high is None or value < self.high or (value == self.high and not self.high_is_open))
        )

    def within(self, low: Fraction | None, high: Fraction | None, is_open: tuple[bool, bool]) -> Range:
        """The part of it between two bounds."""
        start = max(
            [(self.low, self.low_is_open)] * (self.low is not None) + [(low, is_open[0])] * (low is not None),
            default=(None, False),
        )
        end = min(
            [(self.high, not self.high_is_open)] * (self.high is not None)
            + [(high, not is_open[1])] * (high is not None),
            default=(None, True),
        )
        return Range(self.is_integer, start[0], end[0], start[1], not end[1])

    def described(self, name: str) -> str:
        """``real x > 0``."""
        kind = "integer" if self.is_integer else "real"
        low = "" if self.low is None else f"{self.low} {'<' if self.low_is_open else '<='} "
        high = "" if self.high is None else f" {'<' if self.high_is_open else '<='} {self.high}"
        if low and not high:
            return f"{kind} {name} {'>' if self.low_is_open else '>='} {self.low}"
        return f"{kind} {low}{name}{high}"


@dataclass(frozen=True, slots=True)
class Domain:
    """``ranges`` of all variables; ``conditions`` are relations that have to hold as well."""

    ranges: Mapping[str, Range] = field(default_factory=dict)
    conditions: tuple[Expression, ...] = ()

    def described(self) -> str:
        """``all real x and integer n >= 0``, for a sentence; nothing where there is no variable."""
        parts = [each.described(name) for name, each in sorted(self.ranges.items())]
        if not parts:
            return ""
        text = "all " + " and ".join(parts)
        return text + "".join(f" with {to_text(each)}" for each in self.conditions)


def points(domain: Domain, n_random: int, seed: int = 1) -> Iterator[Point]:
    """Points within the ranges: special ones, then wide ones, then random ones. The same for the same domain.

    Conditions are not looked at; a point with one value for all variables comes early.
    """
    names = sorted(domain.ranges)
    if not names:
        yield {}
        return
    special = {name: _special(domain.ranges[name]) for name in names}
    wide = {name: [each for each in WIDE if each in domain.ranges[name]] for name in names}
    source = random.Random(seed)
    seen: set[tuple[Fraction | int, ...]] = set()

    def every() -> Iterator[tuple[Fraction, ...]]:
        yield from zip(*special.values(), strict=False)
        grid = list(islice(product(*special.values()), 20 * MAX_GRID))
        source.shuffle(grid)
        yield from grid[:MAX_GRID]
        yield from zip(*(wide[name] or special[name] for name in names), strict=False)
        if len(names) == 1 and domain.ranges[names[0]].is_integer:
            low = domain.ranges[names[0]].low
            first = -N_COUNTED // 2 if low is None else int(low)
            yield from ((Fraction(n),) for n in range(first, first + N_COUNTED) if n in domain.ranges[names[0]])
        for _ in range(n_random):
            yield tuple(_random(domain.ranges[name], source) for name in names)

    for values in every():
        if values not in seen:
            seen.add(values)
            yield {
                name: int(value) if domain.ranges[name].is_integer else value
                for name, value in zip(names, values, strict=True)
            }


def _special(of: Range) -> list[Fraction]:
    found = [each for each in SPECIAL if each in of]
    if of.is_integer:
        start = of.low if of.low is not None else Fraction(-3)
        found += [Fraction(int(start) + i) for i in range(7) if Fraction(int(start) + i) in of]
    low, high = of.low, of.high
    if low is not None:
        found += [each for each in (low, low + Fraction(1, 7), low + Fraction(5, 3)) if each in of]
    if high is not None:
        found += [each for each in (high, high - Fraction(1, 7), high - Fraction(5, 3)) if each in of]
    if low is not None and high is not None:
        found += [each for i in range(1, 8) if (each := low + (high - low) * Fraction(i, 8)) in of]
    found += [each for each in (Fraction(7, 5), Fraction(-7, 5)) if each in of]
    return list(dict.fromkeys(found)) or [_random(of, random.Random(1))]


def _random(of: Range, source: random.Random) -> Fraction:
    """Any value; where there are bounds between or near them, else mostly small."""
    low, high = of.low, of.high
    spread = Fraction(source.choice((1, 3, 10)) if not of.is_integer else 12)
    for _ in range(20):
        share = Fraction(source.randint(0, 9973), 9973)
        if low is not None and high is not None:
            value = low + (high - low) * share
        elif low is not None:
            value = low + spread * share
        elif high is not None:
            value = high - spread * share
        else:
            value = spread * (2 * share - 1)
        if of.is_integer:
            value = Fraction(round(value))
        if value in of:
            return value
    return low if low is not None and low in of else (high if high is not None else Fraction(0))
