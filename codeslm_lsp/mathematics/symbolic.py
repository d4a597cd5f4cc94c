"""An expression → a SymPy expression, whose size is estimated before it is made: ``9^9^9`` is refused, not computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import sympy as sp

from codeslm_lsp.mathematics.domains import Domain, Range
from codeslm_lsp.mathematics.expressions import Binary, Call, Collection, Expression, Name, Number, Unary, bound_name
from codeslm_lsp.values import ExpressionError

Symbolic: TypeAlias = Any
"""A SymPy expression: SymPy has no types."""

MAX_BITS = 20_000
"""Of an exact number: 6,000 digits."""

MAX_POWER = 200
"""Of a sum that may be expanded: (x + y)^200 has 201 terms."""

MAX_FACTORIAL = 1_500
"""1,500! has 4,100 digits."""

_NAMES = {
    **{name: name for name in ("sin", "cos", "tan", "cot", "sec", "csc", "exp", "floor", "sign", "gcd", "lcm")},
    **{f"{name}h": f"{name}h" for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{f"a{name}": f"a{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc", "tan2")},
    **{f"a{name}h": f"a{name}h" for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{"ln": "log", "abs": "Abs", "ceil": "ceiling", "min": "Min", "max": "Max", "cbrt": "real_root"},
}


def symbols_of(domain: Domain) -> dict[str, Symbolic]:
    """A SymPy symbol for each variable, assumed to be what its range says."""
    return {name: symbol(name, each) for name, each in domain.ranges.items()}


def symbol(name: str, of: Range) -> Symbolic:
    """A symbol that is real, and has the sign that its range has."""
    assumptions: dict[str, bool] = {"integer": True} if of.is_integer else {"real": True}
    if of.low is not None and of.low >= 0:
        is_positive = of.low > 0 or of.low_is_open
        assumptions["positive" if is_positive else "nonnegative"] = True
    if of.high is not None and of.high <= 0:
        is_negative = of.high < 0 or of.high_is_open
        assumptions["negative" if is_negative else "nonpositive"] = True
    if "nonnegative" in assumptions and "nonpositive" in assumptions:
        assumptions = {"integer": True, "zero": True}
    return sp.Symbol(name, **assumptions)


def to_sympy(node: Expression, symbols: Mapping[str, Symbolic], *, has_i: bool = False) -> Symbolic:
    """Raises ``ExpressionError`` where a name is not among ``symbols``, or where the result would be too large."""
    return _Builder(has_i).made(node, dict(symbols))


class _Builder:
    def __init__(self, has_i: bool) -> None:
        self._has_i = has_i

    def made(self, node: Expression, symbols: dict[str, Symbolic]) -> Symbolic:
        match node:
            case Number():
                return sp.Rational(node.value.numerator, node.value.denominator)
            case Name(name):
                return self._named(name, symbols)
            case Unary("-", operand):
                return -self.made(operand, symbols)
            case Unary("!", operand):
                return self._factorial(self.made(operand, symbols))
            case Unary("%", operand):
                return self.made(operand, symbols) / 100
            case Unary(_, operand):
                return self.made(operand, symbols) * sp.pi / 180
            case Binary(operator, left, right):
                return self._binary(operator, self.made(left, symbols), self.made(right, symbols))
            case Call() if bound_name(node) is not None or node.function in ("diff", "integrate"):
                return self._bound(node, symbols)
            case Call(function, arguments):
                return self._call(function, [self.made(each, symbols) for each in arguments])
            case Collection():
                raise ExpressionError("A list or set is not a number; write one number there.")
        raise ExpressionError("A relation is not a number; write one number there.")

    def _named(self, name: str, symbols: Mapping[str, Symbolic]) -> Symbolic:
        if name in symbols:
            return symbols[name]
        match name:
            case "pi":
                return sp.pi
            case "e":
                return sp.E
            case "oo":
                return sp.oo
            case "i" | "I" if self._has_i:
                return sp.I
        raise ExpressionError(f"{name} is not defined; define it first.")

    def _binary(self, operator: str, left: Symbolic, right: Symbolic) -> Symbolic:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                if left.is_Rational and right.is_Rational:
                    _fits(_bits(left) + _bits(right))
                return left * right
            case "/":
                if right == 0:
                    raise ExpressionError("Something is divided by zero; correct that.")
                return left / right
            case "^":
                return self._power(left, right)
        raise ExpressionError("A union of sets is not a number; write one number there.")

    def _power(self, base: Symbolic, exponent: Symbolic) -> Symbolic:
        if base.is_number and exponent.is_number and exponent.is_finite:
            if base.is_Rational and base not in (0, 1, -1):
                if exponent.is_Rational:
                    _fits(abs(int(exponent)) * _bits(base) if abs(exponent) < MAX_BITS else MAX_BITS + 1)
                elif _bits(base) > 64 or _bits_of_real(exponent) > 40:
                    _fits(MAX_BITS + 1)
            elif exponent.is_Integer and not base.is_Symbol and abs(exponent) > MAX_POWER and base not in (sp.E, sp.pi):
                _fits(MAX_BITS + 1)
            if base == 0 and exponent.is_negative:
                raise ExpressionError("Something is divided by zero; correct that.")
        elif exponent.is_Integer and abs(exponent) > MAX_POWER and not base.is_Symbol:
            raise ExpressionError(f"A power above {MAX_POWER} of an expression is too large; simplify it first.")
        return sp.Pow(base, exponent)

    def _factorial(self, of: Symbolic) -> Symbolic:
        if of.is_number and not (of.is_Integer and 0 <= of <= MAX_FACTORIAL):
            raise ExpressionError(
                f"Factorials are of whole numbers from 0 to {MAX_FACTORIAL:,} here; use a smaller one."
            )
        return sp.factorial(of)

    def _call(self, function: str, of: list[Symbolic]) -> Symbolic:
        match function, of:
            case "sqrt", [x]:
                return self._power(x, sp.Rational(1, 2))
            case "cbrt", [x]:
                return self._root(x, sp.Integer(3))
            case "root", [x, n]:
                return self._root(x, n)
            case "log", [x]:
                return sp.log(x)
            case "log", [x, base]:
                if base in (0, 1):
                    raise ExpressionError(f"There is no logarithm to base {base}; use another base.")
                return sp.log(x) / sp.log(base)
            case "factorial", [n]:
                return self._factorial(n)
            case "binomial", [n, k]:
                if n.is_number and k.is_number and max(abs(n), abs(k)) > 2 * MAX_FACTORIAL:
                    raise ExpressionError(f"Binomials go up to {2 * MAX_FACTORIAL:,} here; use smaller numbers.")
                return sp.binomial(n, k)
            case "mod", [x, m]:
                if m == 0:
                    raise ExpressionError("Something is divided by zero; correct that.")
                # SymPy works out remainders of unknowns, and is wrong at times: n(n + 1)/2 mod 3 for n = 6q + 1.
                return sp.Mod(x, m, evaluate=x.is_number and m.is_number)
            case "gcd" | "lcm", _:
                if not all(each.is_Integer for each in of):
                    raise ExpressionError(f"{function} takes whole numbers here; write numbers.")
                return sp.Integer((sp.ilcm if function == "lcm" else sp.igcd)(*of))
            case "base", [digits, base]:
                if not (digits.is_Integer and base.is_Integer and 2 <= base <= 36):
                    raise ExpressionError("A base is a whole number from 2 to 36; correct that.")
                try:
                    return sp.Integer(int(str(digits), int(base)))
                except ValueError:
                    raise ExpressionError(
                        f"{digits} has digits that base {base} does not have; correct that."
                    ) from None
            case "exp", [x]:
                return self._power(sp.E, x)
        return getattr(sp, _NAMES[function])(*of)

    def _root(self, x: Symbolic, n: Symbolic) -> Symbolic:
        if not (n.is_Integer and 2 <= n <= 100):
            raise ExpressionError("The degree of a root is a whole number from 2 to 100 here; correct that.")
        root = self._power(x, 1 / n)
        if n % 2 == 0 or x.is_nonnegative:
            return root
        if x.is_negative:
            return -self._power(-x, 1 / n)
        return sp.sign(x) * self._power(sp.Abs(x), 1 / n)

    def _bound(self, node: Call, symbols: dict[str, Symbolic]) -> Symbolic:
        body, variable, *bounds = node.arguments
        assert isinstance(variable, Name)
        name = variable.name
        limits = [self.made(each, symbols) for each in bounds]
        if node.function == "diff" or (node.function == "integrate" and not bounds):
            at = symbols.get(name)
            if at is None or not at.is_Symbol:
                raise ExpressionError(f"{name} has a value there; a derivative needs a variable.")
            inside = self.made(body, symbols)
            if node.function == "integrate":
                return sp.Integral(inside, at)
            n = int(limits[0]) if limits and limits[0].is_Integer else 1
            if n > 10:
                raise ExpressionError("Derivatives go up to the 10th order here; use a smaller one.")
            return sp.diff(inside, at, n)
        kind: dict[str, bool] = {"integer": True} if node.function in ("sum", "product") else {"real": True}
        if limits and limits[0].is_positive and node.function != "limit":
            kind["positive"] = True
        elif limits and limits[0].is_nonnegative and node.function != "limit":
            kind["nonnegative"] = True
        dummy = sp.Symbol(name, **kind)
        if dummy in set().union(*(each.free_symbols for each in limits)):
            raise ExpressionError(f"{name} is bound and free at once; use another name for one of them.")
        inside = self.made(body, {**symbols, name: dummy})
        match node.function:
            case "sum":
                return sp.Sum(inside, (dummy, *limits))
            case "product":
                return sp.Product(inside, (dummy, *limits))
            case "integrate":
                return sp.Integral(inside, (dummy, *limits))
            case _:
                side = "+-" if len(limits) == 1 else "+" if limits[1] == 1 else "-"
                return sp.Limit(inside, dummy, limits[0], side)


def _bits(number: Symbolic) -> int:
    return max(abs(int(number.p)).bit_length(), int(number.q).bit_length())


def _bits_of_real(number: Symbolic) -> int:
    """How many bits its whole part has, at most 64."""
    try:
        size = abs(complex(number))
    except (OverflowError, TypeError, ValueError):
        return 64
    return 64 if size > 2**63 else int(size).bit_length()


def _fits(n_bits: int) -> None:
    if n_bits > MAX_BITS:
        raise ExpressionError(f"A number there would have more than {MAX_BITS * 3 // 10:,} digits; use smaller ones.")
