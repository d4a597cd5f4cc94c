"""A SymPy expression → how it was shown that it is nowhere negative, or everywhere positive, or None.

Exact: signs of polynomials by counting real roots, of quadratic forms by their matrix, of products by their factors.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

import sympy as sp

from codeslm_lsp.mathematics.domains import Range
from codeslm_lsp.mathematics.growth import method_of_growth
from codeslm_lsp.mathematics.patience import Clock, attempted
from codeslm_lsp.mathematics.proving import MAX_SPLITS, STEP_S, cases_of
from codeslm_lsp.mathematics.symbolic import Symbolic

MAX_DEGREE = 40
"""Of a polynomial whose real roots are counted."""

MAX_TRIED = 300
"""Integers between the roots of a polynomial, on each side of 0."""

Ranges: TypeAlias = dict[Symbolic, Range]


def method_of_sign(
    difference: Symbolic, ranges: Ranges, clock: Clock, *, strict: bool, n_splits: int = 0
) -> str | None:
    """How it was shown that the expression is >= 0, or > 0 if ``strict``, wherever it is defined."""
    if difference.is_positive or (not strict and difference.is_nonnegative):
        return "by the signs of its parts"
    found = attempted(lambda: _rational(difference, ranges, strict), clock.share_s(2 * STEP_S))
    if found:
        return found
    found = attempted(lambda: method_of_growth(difference, ranges, clock, strict=strict), clock.share_s(2 * STEP_S))
    if found:
        return found
    if n_splits < MAX_SPLITS and difference.has(sp.Abs, sp.sign, sp.Max, sp.Min):
        cases = attempted(lambda: list(cases_of(difference) or ()), clock.share_s(STEP_S))
        if cases and all(
            case.has(sp.nan, sp.zoo)
            or method_of_sign(case, ranges, clock, strict=strict, n_splits=n_splits + 1) is not None
            for case in cases
        ):
            return "by cases of sign"
    return None


def _rational(difference: Symbolic, ranges: Ranges, strict: bool) -> str | None:
    expression, ranges = _without_functions(difference, ranges)
    if expression.atoms(sp.Function) or any(not p.exp.is_Integer for p in expression.atoms(sp.Pow)):
        return None
    top, bottom = sp.fraction(sp.cancel(sp.together(expression)))
    # The bottom is zero only where the expression is not defined, or could have been cancelled; its sign counts.
    signs = (_sign(top, ranges, strict), _sign(bottom, ranges, False))
    if None in signs:
        return None
    (sign, method), (divisor, _) = signs  # type: ignore[misc]
    return method if sign * divisor > 0 or (sign == 0 and not strict) else None


def _without_functions(expression: Symbolic, ranges: Ranges) -> tuple[Symbolic, Ranges]:
    """Square roots of variables, sines, exponentials … as variables with their own ranges."""
    ranges = dict(ranges)
    for symbol in list(expression.free_symbols):
        roots = [p.exp.q for p in expression.atoms(sp.Pow) if p.base == symbol and p.exp.is_Rational and p.exp.q > 1]
        if roots:
            root = sp.Dummy(f"root_{symbol}", nonnegative=True)
            of = ranges.get(symbol)
            is_open = of is not None and of.low == 0 and of.low_is_open
            expression = expression.subs(symbol, root ** sp.ilcm(1, *roots))
            ranges[root] = Range(False, Fraction(0), None, is_open)
    expression = expression.replace(
        lambda e: isinstance(e, sp.Abs) and isinstance(e.args[0], sp.sin | sp.cos),
        lambda _: _fresh(ranges, Range(False, Fraction(0), Fraction(1))),
    )
    bounded = {
        sp.sin: (-1, 1),
        sp.cos: (-1, 1),
        sp.exp: (0, None),
        sp.tanh: (-1, 1),
        sp.cosh: (1, None),
        sp.Abs: (0, None),
    }
    for each in sorted(expression.atoms(*bounded), key=lambda e: -e.count_ops()):
        if not each.args[0].is_extended_real or not expression.has(each):
            continue
        low, high = bounded[each.func]
        value = sp.Dummy("v", real=True)
        is_open = each.func in (sp.exp, sp.tanh)
        expression = expression.subs(each, value)
        ranges[value] = Range(False, Fraction(low), None if high is None else Fraction(high), is_open, is_open)
    return expression, ranges


def _fresh(ranges: Ranges, of: Range) -> Symbolic:
    value = sp.Dummy("v", nonnegative=True)
    ranges[value] = of
    return value


def _sign(expression: Symbolic, ranges: Ranges, strict: bool) -> tuple[int, str] | None:
    """1 or -1 where the sign never changes, and if ``strict`` the value is never zero, by the signs of the factors."""
    if expression.is_number:
        return (int(sp.sign(expression)), "by its value") if expression.is_Rational else None
    symbols = expression.free_symbols
    if len(symbols) == 1 and (symbol := next(iter(symbols))).is_integer:
        whole = _one_integer(sp.Poly(expression, symbol), ranges.get(symbol, Range(True)), strict)
        if whole is not None:
            return whole, "by the bound of its roots, and by trying the integers within it"
    coefficient, factors = sp.factor_list(expression)
    if not coefficient.is_Rational:
        return None
    sign, methods = int(sp.sign(coefficient)), []
    for factor, power in factors:
        found = _factor_sign(factor, ranges, strict, power % 2 == 0)
        if found is None:
            return None
        sign *= found[0]
        methods.append(found[1])
    return sign, methods[-1] if len(methods) == 1 else "by the signs of its factors"


def _factor_sign(factor: Symbolic, ranges: Ranges, strict: bool, is_even: bool) -> tuple[int, str] | None:
    symbols = sorted(factor.free_symbols, key=str)
    if is_even and not strict:
        return 1, "as a square"
    if len(symbols) == 1:
        sign = _one_variable(sp.Poly(factor, symbols[0]), ranges.get(symbols[0], Range()), strict)
        return None if sign is None else (1 if is_even else sign, "by counting real roots")
    positive = {s for s in symbols if _is_nonnegative(s, ranges)}
    poly = sp.Poly(factor, *symbols)
    for sign in (1, -1):
        if positive == set(symbols) and all(sign * c > 0 for c in poly.coeffs()):
            is_sure = not strict or any(_is_positive_term(term, symbols, ranges) for term in poly.monoms())
            if is_sure:
                return (1 if is_even else sign), "by the signs of its terms"
        if _is_definite(poly * sign, symbols, strict):
            return (1 if is_even else sign), "as a sum of squares"
    return None


def _is_nonnegative(symbol: Symbolic, ranges: Ranges) -> bool:
    of = ranges.get(symbol)
    return bool(symbol.is_nonnegative) or (of is not None and of.low is not None and of.low >= 0)


def _is_positive_term(powers: tuple[int, ...], symbols: list[Symbolic], ranges: Ranges) -> bool:
    """Whether a term with these powers is never zero."""

    def is_positive(symbol: Symbolic) -> bool:
        of = ranges.get(symbol)
        return bool(symbol.is_positive) or (of is not None and of.low is not None and (of.low > 0 or of.low_is_open))

    return all(power == 0 or is_positive(symbol) for power, symbol in zip(powers, symbols, strict=True))


def _one_variable(poly: Symbolic, of: Range, strict: bool) -> int | None:
    """The sign of a polynomial without repeated factors on a range; 0 roots inside, by Sturm's theorem."""
    if poly.degree() > MAX_DEGREE or any(not c.is_Rational for c in poly.coeffs()):
        return None
    low, high = (None if end is None else sp.Rational(end.numerator, end.denominator) for end in (of.low, of.high))
    n_inside = poly.count_roots(low, high)
    for end, is_open in ((low, of.low_is_open), (high, of.high_is_open)):
        if end is not None and poly.eval(end) == 0 and (low != high or end is low):
            if strict and not is_open:
                return None
            n_inside -= 1
    if n_inside:
        return None
    inside = (
        (low + high) / 2
        if low is not None and high is not None
        else low + 1
        if low is not None
        else (high - 1 if high is not None else sp.Integer(0))
    )
    return int(sp.sign(poly.eval(inside)))


def _one_integer(poly: Symbolic, of: Range, strict: bool) -> int | None:
    """The sign of a polynomial at all integers of a range: beyond its roots, and at each one between them."""
    if poly.degree() > MAX_DEGREE or any(not c.is_Rational for c in poly.coeffs()):
        return None
    leading = poly.LC()
    # Cauchy's bound: all roots are within it.
    bound = 2 + int(max(abs(c / leading) for c in poly.all_coeffs()))
    if bound > MAX_TRIED:
        return None
    low = -bound if of.low is None else max(-bound, int(of.low.__ceil__()))
    high = bound if of.high is None else min(bound, int(of.high.__floor__()))
    values = [poly.eval(n) for n in range(low, high + 1) if Fraction(n) in of]
    for sign in (1, -1):
        if all(sign * value > 0 if strict else sign * value >= 0 for value in values) and values:
            # Beyond the bound the sign is that of the leading term; it has to be right where the range goes there.
            is_above = sign * leading > 0 or (of.high is not None and of.high <= bound)
            is_below = sign * leading * (-1) ** poly.degree() > 0 or (of.low is not None and of.low >= -bound)
            if is_above and is_below and _is_within(of, bound):
                return sign
    return None


def _is_within(of: Range, bound: int) -> bool:
    """Whether bounds of the range that cut off one side lie where the polynomial was tried."""
    return (of.low is None or of.low <= bound) and (of.high is None or of.high >= -bound)


def _is_definite(poly: Symbolic, symbols: list[Symbolic], strict: bool) -> bool:
    """Whether a quadratic polynomial is a sum of squares, by the matrix of its homogeneous form."""
    if poly.total_degree() != 2 or any(not c.is_Rational for c in poly.coeffs()):
        return False
    n = len(symbols)
    is_form = all(sum(powers) == 2 for powers in poly.monoms())
    matrix = sp.zeros(n if is_form else n + 1)
    for powers, coefficient in poly.terms():
        places = [i for i, power in enumerate(powers) for _ in range(power)]
        places += [n] * (2 - len(places))
        i, j = places
        matrix[i, j] += coefficient / 2
        matrix[j, i] += coefficient / 2
    if strict:
        return not is_form and bool(matrix.is_positive_definite)
    return bool(matrix.is_positive_semidefinite)
