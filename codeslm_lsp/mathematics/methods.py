"""A relation and what its variables may be → the method that shows that it holds, or None. Looks at no values."""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from codeslm_lsp.mathematics.domains import Domain, Range
from codeslm_lsp.mathematics.expressions import Call, Expression, Relation, walk
from codeslm_lsp.mathematics.induction import method_by_induction
from codeslm_lsp.mathematics.inequalities import method_of_sign
from codeslm_lsp.mathematics.patience import Clock, attempted
from codeslm_lsp.mathematics.proving import method_of_equality
from codeslm_lsp.mathematics.remainders import classes_of
from codeslm_lsp.mathematics.statements import Statement
from codeslm_lsp.mathematics.symbolic import Symbolic, symbols_of, to_sympy

WHERE_REAL = "by the rules of roots and logarithms of positive numbers"


def method_of(left: Expression, operator: str, right: Expression, statement: Statement, clock: Clock) -> str | None:
    """How a relation was shown to hold at all points of the statement's domain, or None."""
    symbols, ranges = _moved(statement.domain)
    sides = attempted(
        lambda: [to_sympy(each, symbols, has_i=statement.has_i) for each in (left, right)], clock.share_s(2.0)
    )
    if sides is None:
        return None
    first, second = _under_equations(sides, statement, symbols)
    first, second = _under_inequalities((first, second), statement, symbols, ranges)
    if operator == "=":
        joined = _joined_where_real(first, second, statement, clock)
        if joined is not None and attempted(lambda: sp.expand(joined[0] - joined[1]), clock.share_s(1.0)) == 0:
            return WHERE_REAL
        method = method_of_equality(first, second, clock)
        method = method or _equal_in_classes(first - second, statement, symbols, clock)
        if method is None and joined is not None and method_of_equality(*joined, clock) is not None:
            return WHERE_REAL
        return method
    if statement.has_i:
        return None
    larger, smaller = (first, second) if operator in (">", ">=") else (second, first)
    is_strict = operator in ("<", ">", "!=")
    difference = attempted(lambda: sp.expand((larger - smaller).doit()), clock.share_s(2.0))
    if difference is None or difference.has(sp.nan, sp.zoo, sp.oo):
        return None
    signs = (1, -1) if operator == "!=" else (1,)
    for sign in signs:
        method = method_of_sign(sign * difference, ranges, clock, strict=is_strict)
        if method is not None:
            return method
    if not is_strict and (method := method_of_equality(first, second, clock)) is not None:
        return method
    method = _sign_in_classes(difference, signs, statement, symbols, ranges, clock, is_strict)
    if method is None and operator != "!=":
        method = method_by_induction(larger - smaller, ranges, clock, strict=is_strict)
    return method


def _joined_where_real(
    first: Symbolic, second: Symbolic, statement: Statement, clock: Clock
) -> tuple[Symbolic, Symbolic] | None:
    """By sqrt(a) sqrt(b) = sqrt(a b) and ln a + ln b = ln(a b), which hold where the left sides are real.

    They are used in this direction alone: from where both roots are defined to where one is. None where that is of no
    use.
    """
    difference = first - second
    if (
        statement.has_i
        or not difference.has(sp.Pow, sp.log)
        or difference.has(sp.Sum, sp.Product, sp.Integral, sp.Limit)
    ):
        return None

    def joined(side: Symbolic) -> Symbolic:
        return sp.powsimp(sp.logcombine(side, force=True), combine="base", force=True)

    sides = attempted(lambda: (joined(first), joined(second)), clock.share_s(1.0))
    is_of_use = sides is not None and sides != (first, second) and not (sides[0] - sides[1]).has(sp.nan, sp.zoo, sp.I)
    return sides if is_of_use else None


def _equal_in_classes(
    difference: Symbolic, statement: Statement, symbols: dict[str, Symbolic], clock: Clock
) -> str | None:
    """Of integers with remainders: whether nothing is left in any class of them."""
    found = _classes(difference, statement, symbols, clock)
    if found is None:
        return None
    modulus, cases = found
    if all(each == 0 or method_of_equality(each, sp.Integer(0), clock) is not None for each in cases):
        return f"by the cases of remainders modulo {modulus}"
    return None


def _sign_in_classes(
    difference: Symbolic,
    signs: tuple[int, ...],
    statement: Statement,
    symbols: dict[str, Symbolic],
    ranges: dict[Symbolic, Range],
    clock: Clock,
    is_strict: bool,
) -> str | None:
    """The same for a relation that is no equation. The quotients of what is not negative are not negative."""
    found = _classes(difference, statement, symbols, clock)
    if found is None:
        return None
    modulus, cases = found
    for case in cases:
        of = {each: Range(True, Fraction(0)) if each.is_nonnegative else Range(True) for each in case.free_symbols}
        if not any(
            method_of_sign(sign * case, {**of, **ranges}, clock, strict=is_strict) is not None for sign in signs
        ):
            return None
    return f"by the cases of remainders modulo {modulus}"


def _classes(
    difference: Symbolic, statement: Statement, symbols: dict[str, Symbolic], clock: Clock
) -> tuple[int, list[Symbolic]] | None:
    def conditions() -> list[Symbolic]:
        equations = [each for each in statement.domain.conditions if isinstance(each, Relation)]
        pairs = [each.operands for each in equations if each.operators == ("=",)]
        return [to_sympy(left, symbols) - to_sympy(right, symbols) for left, right in pairs]

    return attempted(lambda: classes_of(difference, conditions(), clock), clock.share_s(3.0))


def _under_equations(
    sides: list[Symbolic], statement: Statement, symbols: dict[str, Symbolic]
) -> tuple[Symbolic, Symbolic]:
    """The sides where the equations among the conditions hold, as far as one can be solved for a variable."""
    first, second = sides
    for each in statement.domain.conditions:
        if not isinstance(each, Relation) or each.operators != ("=",) or {"mod"} & _called(each):
            continue
        left, right = (to_sympy(side, symbols) for side in each.operands)
        difference = sp.expand(left - right)
        for symbol in sorted(difference.free_symbols & (first - second).free_symbols, key=str):
            slope = difference.diff(symbol)
            if slope.is_number and slope != 0:
                value = symbol - difference / slope
                first, second = (side.subs(symbol, value) for side in (first, second))
                break
    return first, second


def _under_inequalities(
    sides: tuple[Symbolic, Symbolic], statement: Statement, symbols: dict[str, Symbolic], ranges: dict[Symbolic, Range]
) -> tuple[Symbolic, Symbolic]:
    """The sides where ``x < y`` holds: y is x and something positive. ``ranges`` gets what that is.

    Conditions that are not used only leave more to be proved.
    """
    first, second = sides
    for each in statement.domain.conditions:
        if not isinstance(each, Relation) or each.operators[0] not in ("<", "<=", ">", ">=") or {"mod"} & _called(each):
            continue
        left, right = (to_sympy(side, symbols) for side in each.operands)
        gap = sp.expand(right - left if each.operators[0] in ("<", "<=") else left - right)
        for symbol in sorted(gap.free_symbols & (first - second).free_symbols, key=str):
            slope = gap.diff(symbol)
            if slope not in (1, -1) or symbol.is_integer or symbol not in ranges or ranges[symbol] != Range():
                continue
            is_open = each.operators[0] in ("<", ">")
            step = sp.Dummy("gap", positive=True) if is_open else sp.Dummy("gap", nonnegative=True)
            ranges[step] = Range(False, Fraction(0), None, is_open)
            first, second = (side.subs(symbol, symbol + slope * (step - gap)) for side in (first, second))
            break
    return first, second


def _called(node: Expression) -> set[str]:
    return {each.function for each in walk(node) if isinstance(each, Call)}


def _moved(domain: Domain) -> tuple[dict[str, Symbolic], dict[Symbolic, Range]]:
    """Symbols for the variables; one that begins at a number is that number and something positive."""
    plain = symbols_of(domain)
    moved: dict[str, Symbolic] = {}
    ranges: dict[Symbolic, Range] = {}
    for name, symbol in plain.items():
        of = domain.ranges[name]
        ends = [end for end in (of.low, of.high) if end is not None]
        if len(ends) == 1 and ends[0] != 0 and not of.is_integer:
            rest = Range(False, ends[0] * 0, None, of.low_is_open or of.high_is_open)
            step = sp.Dummy(name, positive=True) if rest.low_is_open else sp.Dummy(name, nonnegative=True)
            end = sp.Rational(ends[0].numerator, ends[0].denominator)
            moved[name] = end + step if of.low is not None else end - step
            ranges[step] = rest
        else:
            moved[name] = symbol
            ranges[symbol] = of
    return moved, ranges
