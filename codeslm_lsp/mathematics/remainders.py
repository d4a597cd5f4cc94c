"""A SymPy expression of integers with remainders or rounding → the same without, for each way in which they divide.

n^2 mod 4 is 0 for n = 2q and 1 for n = 2q + 1: what holds in all classes holds for all integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import lcm

import sympy as sp

from codeslm_lsp.mathematics.patience import Clock
from codeslm_lsp.mathematics.symbolic import Symbolic

MAX_CLASSES = 600
"""Each takes some milliseconds."""

MAX_DEGREE = 60
"""Of a polynomial whose remainder is taken."""

_ROUNDING = (sp.Mod, sp.floor, sp.ceiling)


class _Unknown(Exception):
    """What remains depends on more than the class."""


def classes_of(expression: Symbolic, conditions: list[Symbolic], clock: Clock) -> tuple[int, list[Symbolic]] | None:
    """The modulus, and the expression in each class of its integers; None where that settles nothing.

    A class in which one of ``conditions``, which are zero where they hold, is a number but zero is left out.
    """
    if not expression.has(*_ROUNDING) and not _has_alternating(expression):
        return None
    symbols = sorted((each for each in expression.free_symbols if each.is_integer), key=str)
    modulus = _modulus([expression, *conditions])
    if not symbols or modulus < 2 or modulus ** len(symbols) > MAX_CLASSES:
        return None
    try:
        return modulus, list(_classes(expression, conditions, symbols, modulus, clock))
    except (_Unknown, sp.PolynomialError):
        return None


def _classes(
    expression: Symbolic, conditions: list[Symbolic], symbols: list[Symbolic], modulus: int, clock: Clock
) -> Iterator[Symbolic]:
    quotients = [sp.Dummy(f"q_{each}", integer=True, nonnegative=each.is_nonnegative) for each in symbols]
    for rests in product(range(modulus), repeat=len(symbols)):
        if clock.left_s <= 0:
            raise _Unknown
        values = {s: modulus * q + r for s, q, r in zip(symbols, quotients, rests, strict=True)}
        held = [_in_class(each, values) for each in conditions]
        if any(each.is_number and each != 0 for each in held):
            continue
        yield sp.expand(_in_class(expression, values))


def _in_class(expression: Symbolic, values: dict[Symbolic, Symbolic]) -> Symbolic:
    """With values for its integers, and every remainder and rounding worked out.

    SymPy is given no remainder to work out: it takes (6q + 1)(6q + 2)/2 mod 3 for 0. Raises ``_Unknown`` where a
    remainder depends on more than the class.
    """
    if not expression.has(*_ROUNDING):
        return expression.subs(values, simultaneous=True)
    if not isinstance(expression, _ROUNDING):
        return expression.func(*(_in_class(each, values) for each in expression.args))
    inside = sp.expand(_in_class(expression.args[0], values))
    if isinstance(expression, sp.Mod):
        divisor = _in_class(expression.args[1], values)
        if not (divisor.is_Integer and divisor > 0):
            raise _Unknown
        constant, _ = _parted(inside, int(divisor))
        return constant % divisor
    constant, rest = _parted(inside, 1)
    return rest + (sp.floor(constant) if isinstance(expression, sp.floor) else sp.ceiling(constant))


def _parted(value: Symbolic, divisor: int) -> tuple[Symbolic, Symbolic]:
    """The constant of a polynomial of integers, and the rest, which is a multiple of ``divisor``."""
    symbols = sorted(value.free_symbols, key=str)
    if not symbols:
        if not value.is_Rational:
            raise _Unknown
        return value, sp.Integer(0)
    if not all(each.is_integer for each in symbols):
        raise _Unknown
    poly = sp.Poly(value, *symbols)
    constant = poly.coeff_monomial(1)
    others = [each for powers, each in poly.terms() if any(powers)]
    if not constant.is_Rational or any(not (each / divisor).is_Integer for each in others):
        raise _Unknown
    return constant, value - constant


def _modulus(expressions: list[Symbolic]) -> int:
    """What the remainders depend on: divisors, times denominators of what is divided."""
    modulus = 2 if any(map(_has_alternating, expressions)) else 1
    for each in set().union(*(expression.atoms(*_ROUNDING) for expression in expressions)):
        divisor = each.args[1] if isinstance(each, sp.Mod) else sp.Integer(1)
        denominators = [number.q for number in each.args[0].atoms(sp.Rational)]
        if not divisor.is_Integer or divisor < 1:
            return 1
        modulus = lcm(modulus, int(divisor) * lcm(*denominators))
    return modulus


def _has_alternating(expression: Symbolic) -> bool:
    """Whether it has (-1)^n."""
    return any(each.base == -1 and not each.exp.is_number for each in expression.atoms(sp.Pow))
