"""A SymPy expression of an integer n >= a → how it was shown by induction that it is never negative, or None.

D(a) >= 0, and D(n + 1) >= c D(n) for a c that is not negative: 2^n > n^2 from 5 on, by c = 2.
"""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from codeslm_lsp.mathematics.domains import Range
from codeslm_lsp.mathematics.inequalities import Ranges, method_of_sign
from codeslm_lsp.mathematics.patience import Clock, attempted
from codeslm_lsp.mathematics.proving import STEP_S
from codeslm_lsp.mathematics.symbolic import Symbolic

MAX_START = 1000
"""The first integer; it is put in."""


def method_by_induction(difference: Symbolic, ranges: Ranges, clock: Clock, *, strict: bool) -> str | None:
    """How it was shown that the expression is >= 0, or > 0 if ``strict``, for all integers from the first one on."""
    for symbol in sorted((each for each in difference.free_symbols if each.is_integer), key=str):
        of = ranges.get(symbol)
        if of is None or of.low is None or of.high is not None or abs(of.low) > MAX_START:
            continue
        first = sp.Integer(int(of.low) + (1 if of.low_is_open else 0))
        if attempted(lambda: _holds(difference, symbol, first, ranges, clock, strict), clock.share_s(6 * STEP_S)):  # noqa: B023
            return f"by induction from {symbol} = {first} on"
    return None


def _holds(difference: Symbolic, symbol: Symbolic, first: Symbolic, ranges: Ranges, clock: Clock, strict: bool) -> bool:
    m = sp.Dummy("m", integer=True, nonnegative=True)
    ranges = {**ranges, m: Range(True, sp.Integer(0))}
    start = difference.subs(symbol, first).doit()
    now = difference.subs(symbol, first + m)
    then = _next(difference, symbol, first + m)
    if then is None or not _is_defined(now):
        return False
    is_begun = start.is_number and bool(start > 0 if strict else start >= 0)
    if not is_begun and method_of_sign(sp.expand(start), ranges, clock, strict=strict) is None:
        return False
    for factor in _factors(difference, symbol):
        if not factor.is_nonnegative or (strict and not factor.is_positive):
            continue
        step = _simplified(then - factor * now)
        if step.has(sp.Sum, sp.Product):
            continue
        if step.is_nonnegative or method_of_sign(step, ranges, clock, strict=False) is not None:
            return True
    return False


def _next(difference: Symbolic, symbol: Symbolic, at: Symbolic) -> Symbolic | None:
    """One further on; a sum up to n has one term more."""

    def grown(series: Symbolic) -> Symbolic:
        if len(series.limits) != 1 or series.function.has(symbol):
            return series.subs(symbol, at + 1)
        k, low, high = series.limits[0]
        if high != symbol or low.has(symbol):
            return series.subs(symbol, at + 1)
        return sp.Sum(series.function, (k, low, at)) + series.function.subs(k, at + 1)

    series = {each: grown(each) for each in difference.atoms(sp.Sum)}
    marks = {each: sp.Dummy("s") for each in series}
    marked = difference.xreplace(marks)
    if marked.has(sp.Sum):
        return None
    return marked.subs(symbol, at + 1).xreplace({marks[each]: value for each, value in series.items()})


def _factors(difference: Symbolic, symbol: Symbolic) -> Iterator[Symbolic]:
    """1, and the bases of powers with the exponent n."""
    yield sp.Integer(1)
    bases = {each.base for each in difference.atoms(sp.Pow) if each.exp.has(symbol)}
    yield from sorted((each for each in bases if not each.has(symbol)), key=str)
    if difference.has(sp.factorial):
        yield sp.Integer(2)


def _simplified(step: Symbolic) -> Symbolic:
    step = sp.expand(sp.powsimp(sp.expand(step)))
    if step.has(sp.factorial, sp.binomial):
        step = sp.factor(sp.combsimp(step))
    return step


def _is_defined(value: Symbolic) -> bool:
    """Whether it surely has a real value for every m: a gap would break the chain."""
    without = value.xreplace({each: sp.Dummy("s", real=True) for each in value.atoms(sp.Sum)})
    summed = all(each.function.is_real for each in value.atoms(sp.Sum))
    return bool(without.is_real) and summed
