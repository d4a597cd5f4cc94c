"""Two SymPy expressions → the name of a method that shows that they are equal, or None.

Each method turns the difference into one that is zero as it stands. SymPy may make a mistake: who believes a proof also
compares values that were found without SymPy (``verifying``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sympy as sp

from codeslm_lsp.mathematics.patience import Clock, attempted
from codeslm_lsp.mathematics.symbolic import Symbolic

STEP_S = 1.5
"""For one method; those that succeed mostly take less than a tenth of it."""

MAX_OPERATIONS = 400
"""Beyond these the general simplification takes minutes and is not tried."""

MAX_SPLITS = 3
"""Of cases by sign; each makes three of one."""

_COUNTING = (sp.factorial, sp.binomial, sp.gamma)

_METHODS: tuple[tuple[str, Callable[[Symbolic], Symbolic]], ...] = (
    ("by expanding", sp.expand),
    ("by bringing everything to one denominator", lambda d: sp.cancel(sp.together(d))),
    ("by trigonometric identities", sp.trigsimp),
    ("by addition theorems", lambda d: sp.expand(sp.trigsimp(sp.expand_trig(d)))),
    ("by the rules of powers", lambda d: sp.expand(sp.powsimp(sp.powdenest(sp.expand(d))))),
    ("by the rules of factorials", lambda d: sp.expand(sp.combsimp(d)) if d.has(*_COUNTING) else d),
    (
        "by the rules of the gamma function",
        lambda d: sp.simplify(sp.gammasimp(d.rewrite(sp.gamma))) if d.has(*_COUNTING) else d,
    ),
    ("by writing roots without nesting", lambda d: sp.sqrtdenest(sp.radsimp(d))),
    (
        "by the arc cosine's complement",
        lambda d: sp.expand(d.replace(sp.acos, lambda x: sp.pi / 2 - sp.asin(x))) if d.has(sp.acos) else d,
    ),
    ("by simplifying", sp.simplify),
    ("by the rules of logarithms", lambda d: sp.simplify(sp.expand_log(d)) if d.has(sp.log) else d),
    ("by exponential functions", lambda d: sp.simplify(sp.expand(sp.powsimp(sp.expand(d.rewrite(sp.exp)))))),
    ("by tangents of half angles", lambda d: sp.simplify(sp.cancel(sp.together(sp.expand_trig(d).rewrite(sp.tan))))),
    ("by sines and cosines", lambda d: sp.trigsimp(sp.together(sp.expand_trig(d.rewrite(sp.cos).rewrite(sp.sin))))),
)


def method_of_equality(left: Symbolic, right: Symbolic, clock: Clock) -> str | None:
    """How it was shown that both are the same wherever both are defined."""
    if left == right:
        return "by writing both sides the same way"
    evaluated = attempted(lambda: _evaluated(left) - _evaluated(right), clock.share_s(4 * STEP_S))
    if evaluated is not None and not evaluated.has(sp.Sum, sp.Product, sp.Integral, sp.Limit, sp.nan, sp.oo, sp.zoo):
        method = _zero(evaluated, clock)
        if method is not None:
            return method
        method = _by_cases(evaluated, clock, 0)
        if method is not None:
            return method
    return _by_induction(left, right, clock)


def _evaluated(expression: Symbolic) -> Symbolic:
    """With sums, integrals and limits worked out. Of a sum without end the case where it converges."""
    if not expression.has(sp.Sum, sp.Product, sp.Integral, sp.Limit):
        return expression
    done = expression.replace(
        lambda each: isinstance(each, sp.Sum | sp.Product | sp.Integral | sp.Limit),
        lambda each: _converging(each.doit()),
    )
    return sp.piecewise_fold(done) if done.has(sp.Piecewise) else done


def _converging(value: Symbolic) -> Symbolic:
    if isinstance(value, sp.Piecewise) and value.args[-1].expr.has(sp.Sum, sp.Integral) and len(value.args) == 2:
        return value.args[0].expr
    return value


def _zero(difference: Symbolic, clock: Clock) -> str | None:
    if difference == 0:
        return "by working out both sides"
    if difference.is_number and (method := _zero_number(difference, clock)) is not None:
        return method
    if isinstance(difference, sp.Piecewise) or difference.has(sp.Piecewise):
        return _zero_pieces(difference, clock)
    if difference.count_ops() > MAX_OPERATIONS:
        return None
    for name, change in _METHODS:
        if attempted(lambda change=change: change(difference), clock.share_s(STEP_S)) == 0:  # type: ignore[misc]
            return name
    return None


def _zero_number(difference: Symbolic, clock: Clock) -> str | None:
    """By its minimal polynomial, if it is algebraic: that is exact."""
    if not difference.has(sp.pi, sp.E, sp.Function) and difference.is_algebraic is not False:
        x = sp.Dummy("x")
        found = attempted(lambda: sp.minimal_polynomial(difference, x), clock.share_s(2 * STEP_S))
        if found is not None and found == x:
            return "by its minimal polynomial"
    return None


def _zero_pieces(difference: Symbolic, clock: Clock) -> str | None:
    """Of a function in pieces: each has to be zero, without regard to where it counts."""
    folded = attempted(lambda: sp.piecewise_fold(difference), clock.share_s(STEP_S))
    if not isinstance(folded, sp.Piecewise):
        return None if folded is None or folded != 0 else "by working out both sides"
    for piece, condition in folded.args:
        if isinstance(condition, sp.Eq) and condition.lhs.is_Symbol:
            piece = piece.subs(condition.lhs, condition.rhs)
            if piece.has(sp.nan, sp.zoo, sp.oo):
                continue  # One side is not defined there.
        if piece.has(sp.Piecewise) or _zero(piece, clock) is None:
            return None
    return "by working out both sides piece by piece"


def cases_of(expression: Symbolic) -> Iterator[Symbolic] | None:
    """The expression where the argument of one absolute value, sign, minimum or maximum is positive, negative, zero."""
    unsure = expression.replace(lambda e: isinstance(e, sp.Max), lambda e: _maximum(e.args, 1))
    unsure = unsure.replace(lambda e: isinstance(e, sp.Min), lambda e: _maximum(e.args, -1))
    for each in sorted(unsure.atoms(sp.Abs, sp.sign), key=lambda e: (e.count_ops(), str(e))):
        argument = each.args[0]
        if argument.is_extended_real is not True:
            continue
        split = _split(argument)
        if split is not None:
            return iter([unsure.subs(symbol, value) for symbol, value in split])
    return iter([unsure]) if unsure != expression else None


def _maximum(of: tuple[Symbolic, ...], sign: int) -> Symbolic:
    largest, *others = of
    for each in others:
        largest = (largest + each + sign * sp.Abs(largest - each)) / 2
    return largest


def _split(argument: Symbolic) -> list[tuple[Symbolic, Symbolic]] | None:
    """Three variables with expressions for them, which make the argument positive, negative and zero."""
    t = sp.Dummy("t", positive=True)
    unsigned = [
        s for s in argument.free_symbols if s.is_positive is None and s.is_negative is None and not s.is_integer
    ]
    signed = [s for s in argument.free_symbols if s.is_positive and not s.is_integer]
    if len(signed) == 2 and argument.free_symbols == set(signed):
        first, second = sorted(signed, key=str)
        if sp.expand(argument - first + second) == 0 or sp.expand(argument + first - second) == 0:
            return [(first, second + t), (second, first + t), (first, second)]
    for symbol in sorted(unsigned, key=str):
        slope = argument.diff(symbol)
        if slope.is_number and slope != 0 and symbol.is_nonnegative is None and symbol.is_nonpositive is None:
            return [(symbol, sp.expand(sp.solve(argument - value, symbol)[0])) for value in (t, -t, sp.Integer(0))]
    return None


def _by_cases(difference: Symbolic, clock: Clock, n_splits: int) -> str | None:
    if n_splits >= MAX_SPLITS or not difference.has(sp.Abs, sp.sign, sp.Max, sp.Min):
        return None
    cases = attempted(lambda: list(cases_of(difference) or ()), clock.share_s(STEP_S))
    if not cases:
        return None
    for case in cases:
        if case.has(sp.nan, sp.zoo):
            continue  # One side is not defined there.
        if _zero(case, clock) is None and _by_cases(case, clock, n_splits + 1) is None:
            return None
    return "by cases of sign"


def _by_induction(left: Symbolic, right: Symbolic, clock: Clock) -> str | None:
    """Of a finite sum or product up to n alone on one side: the other has to begin and to go on in the same way."""
    for sum_side, other in ((left, right), (right, left)):
        if not isinstance(sum_side, sp.Sum | sp.Product) or len(sum_side.limits) != 1:
            continue
        k, first, last = sum_side.limits[0]
        if not (last.is_Symbol and last.is_integer and first.is_Integer) or sum_side.function.has(last):
            continue
        n, term = last, sum_side.function
        m = sp.Dummy("m", integer=True, positive=True)
        before, after = other.subs(n, m + first - 1), other.subs(n, m + first)
        step = after - before if isinstance(sum_side, sp.Sum) else after / before
        start = attempted(lambda: sp.simplify(other.subs(n, first) - term.subs(k, first)), clock.share_s(STEP_S))  # noqa: B023
        if start == 0 and _zero(step - term.subs(k, m + first), clock) is not None:
            return "by induction"
    return None
