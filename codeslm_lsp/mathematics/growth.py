"""A smooth function of one variable → how its derivatives show that it is nowhere negative: it grows, or is convex."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from codeslm_lsp.mathematics.domains import Range
from codeslm_lsp.mathematics.patience import Clock
from codeslm_lsp.mathematics.symbolic import Symbolic

MAX_DERIVATIVES = 4
"""sin x >= x - x^3/6 takes three."""

TOUCHING = (0, 1)
"""Where the inequalities of textbooks are equations: e^x >= 1 + x at 0, ln x <= x - 1 at 1."""


def method_of_growth(difference: Symbolic, ranges: dict[Symbolic, Range], clock: Clock, *, strict: bool) -> str | None:
    """How it was shown that the function is >= 0, or > 0 if ``strict``, on the whole range of its variable.

    Only polynomials of x, sin, cos and exp of such, and ln x where x > 0: they have all derivatives there.
    """
    if len(difference.free_symbols) != 1 or clock.left_s <= 0:
        return None
    symbol = next(iter(difference.free_symbols))
    of = ranges.get(symbol, Range())
    if symbol.is_integer:
        return None  # Its functions are not smooth.
    is_half = of.low == 0 and of.high is None
    is_smooth = is_half and _is_smooth(difference, symbol, at_zero=True)
    if is_smooth and _grows_from_zero(difference, symbol, of.low_is_open, strict, MAX_DERIVATIVES):
        return "by the signs of its derivatives"
    if (is_half or of == Range()) and not strict and _is_smooth(difference, symbol, at_zero=False):
        first, second = difference.diff(symbol), difference.diff(symbol, 2)
        for at in TOUCHING:
            touches = difference.subs(symbol, at) == 0 and first.subs(symbol, at) == 0
            if touches and Fraction(at) in of and _is_nonnegative(second):
                return "as a convex function that touches zero"
    return None


def _is_smooth(function: Symbolic, symbol: Symbolic, *, at_zero: bool) -> bool:
    """``at_zero``: there as well, where ln x is not."""
    for each in function.atoms(sp.Function):
        is_logarithm = isinstance(each, sp.log) and each.args[0] == symbol and symbol.is_positive and not at_zero
        is_entire = isinstance(each, sp.sin | sp.cos | sp.exp) and each.args[0].is_polynomial(symbol)
        if not (is_logarithm or is_entire):
            return False
    return all(isinstance(each, sp.exp) or (each.exp.is_Integer and each.exp >= 0) for each in function.atoms(sp.Pow))


def _grows_from_zero(function: Symbolic, symbol: Symbolic, is_open: bool, strict: bool, n_left: int) -> bool:
    """Whether f(0) >= 0 and f' >= 0 for x >= 0.

    An analytic function that grows from 0 and is not zero everywhere is > 0 for x > 0; f(0) > 0 is needed where 0
    belongs to the range.
    """
    if _is_nonnegative(function) and not strict:
        return True
    start = function.subs(symbol, 0)
    if not start.is_nonnegative or (strict and not is_open and not start.is_positive):
        return False
    slope = sp.expand(function.diff(symbol))
    if n_left == 0 or slope == 0:
        return bool(slope == 0 and (not strict or start.is_positive))
    return _grows_from_zero(slope, symbol, True, False, n_left - 1)


def _is_nonnegative(function: Symbolic) -> bool:
    """At a glance: by assumptions, and by the bounds of sines and cosines."""
    if function.is_nonnegative:
        return True
    return _at_least(function) is not None


def _at_least(function: Symbolic) -> Symbolic | None:
    """0 where a constant is as large as the coefficients of sines and cosines, and the rest is not negative."""
    constant, others = function.as_coeff_Add()
    bound = sp.Integer(0)
    for term in sp.Add.make_args(others):
        coefficient, rest = term.as_coeff_Mul()
        if isinstance(rest, sp.sin | sp.cos) and rest.args[0].is_extended_real:
            bound += abs(coefficient)
        elif not term.is_nonnegative:
            return None
    return sp.Integer(0) if constant >= bound else None
