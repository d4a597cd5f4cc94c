"""An expression at one point → its value: exact where it is rational, else to many digits. It does not use SymPy, which
it is there to contradict.

A value is real all the way down unless the text has the imaginary unit: ``sqrt(-1)`` is ``Undefined``, not ``i``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import comb, factorial, gcd, lcm
from typing import Any, TypeAlias

import mpmath
from mpmath import mp

from codeslm_lsp.mathematics.expressions import Binary, Call, Expression, Name, Number, Relation, Unary
from codeslm_lsp.values import ExpressionError

Value: TypeAlias = Any
"""``int``, ``Fraction``, ``mpf`` or, where the text has ``i``, ``mpc``: mpmath has no types."""

MAX_BITS = 20_000
"""Of an exact number: 6,000 digits."""

MAX_TERMS = 3_000
"""Of a sum that is added up."""


class Undefined(Exception):
    """There is no real value here, or none that can be found with reasonable work."""


class Evaluator:
    """Values of expressions; ``is_rough`` says whether one went through an integral, an infinite sum or a limit.

    ``largest`` is the largest number on the way: no value is exact beyond that many digits below it.
    """

    def __init__(self, *, has_i: bool) -> None:
        self._has_i = has_i
        self.is_rough = False
        self.largest: Any = mpmath.mpf(1)

    def value(self, node: Expression, point: Mapping[str, Value]) -> Value:
        """The value to ``mp.dps`` digits. Raises ``Undefined``."""
        try:
            return self._checked(self._value(node, point))
        except (ZeroDivisionError, OverflowError, ArithmeticError, ValueError, TypeError, RecursionError) as error:
            raise Undefined(str(error)) from error
        except mpmath.libmp.NoConvergence as error:
            raise Undefined(str(error)) from error

    def _checked(self, value: Value) -> Value:
        if isinstance(value, Fraction | int):
            if max(abs(value.numerator).bit_length(), value.denominator.bit_length()) > MAX_BITS:
                raise Undefined("the number is too large")
            if value != 0 and not -1 <= value <= 1:
                self.largest = max(self.largest, abs(_real(value)))
            return value
        if isinstance(value, mpmath.mpc):
            if not self._has_i and value.imag != 0:
                raise Undefined("the value is not real")
            value = value if self._has_i else value.real
        if not mpmath.isfinite(value):
            raise Undefined("the value is not finite")
        self.largest = max(self.largest, abs(value))
        return value

    def _value(self, node: Expression, point: Mapping[str, Value]) -> Value:
        match node:
            case Number():
                value = node.value
                return value.numerator if value.denominator == 1 else value
            case Name(name):
                return self._named(name, point)
            case Unary(operator, operand):
                return self._unary(operator, self._checked(self._value(operand, point)))
            case Binary(operator, left, right):
                return self._binary(
                    operator, self._checked(self._value(left, point)), self._checked(self._value(right, point))
                )
            case Call("sum" | "product" | "integrate" | "limit" | "diff", _):
                largest = self.largest
                value = self._bound(node, point)
                if self.is_rough:
                    self.largest = largest  # How sure a rough value is has been looked at where it was found.
                return value
            case Call("cases", arguments):
                return self._value(self._case(arguments, point), point)
            case Call(function, arguments):
                return self._call(function, [self._checked(self._value(each, point)) for each in arguments])
        raise Undefined("it is not a number")

    def _case(self, arguments: tuple[Expression, ...], point: Mapping[str, Value]) -> Expression:
        """Which of the values counts there."""
        for value, condition in zip(arguments[::2], arguments[1::2], strict=False):
            if self._is_true(condition, point):
                return value
        if len(arguments) % 2 == 0:
            raise Undefined("none of the cases holds")
        return arguments[-1]

    def _is_true(self, condition: Expression, point: Mapping[str, Value]) -> bool:
        match condition:
            case Call("all", parts):
                return all(self._is_true(each, point) for each in parts)
            case Call("any", parts):
                return any(self._is_true(each, point) for each in parts)
            case Relation(operators, operands):
                values = [self._checked(self._value(each, point)) for each in operands]
                pairs = zip(values, operators, values[1:], strict=False)
                return all(_is_surely(left, operator, right) for left, operator, right in pairs)
        raise Undefined("it is no condition")

    def _named(self, name: str, point: Mapping[str, Value]) -> Value:
        if name in point:
            return point[name]
        match name:
            case "pi":
                return +mp.pi
            case "e":
                return +mp.e
            case "i" | "I" if self._has_i:
                return mpmath.mpc(0, 1)
        raise Undefined(f"{name} has no value")

    def _unary(self, operator: str, value: Value) -> Value:
        match operator:
            case "-":
                return -value
            case "!":
                return self._factorial(value)
            case "%":
                return _exact(value) / 100
            case _:
                return _real(value) * mp.pi / 180

    def _binary(self, operator: str, left: Value, right: Value) -> Value:
        if not (_is_exact(left) and _is_exact(right)) and operator != "^":
            left, right = _real(left), _real(right)
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                if right == 0:
                    raise Undefined("division by zero")
                return _whole(Fraction(left) / Fraction(right), (left, right)) if _is_exact(left) else left / right
            case "^":
                return self._power(left, right)
        raise Undefined("it is not a number")

    def _power(self, base: Value, exponent: Value) -> Value:
        if _is_exact(exponent) and Fraction(exponent).denominator == 1:
            n = int(exponent)
            if base == 0 and (n < 0 or (n == 0 and not isinstance(exponent, int))):
                raise Undefined("a power of zero")
            if _is_exact(base):
                size = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
                if size * abs(n) > MAX_BITS and base not in (0, 1, -1):
                    return mpmath.power(_real(base), n)
                return base**n if n >= 0 else _whole(Fraction(base) ** n, (base,))
            return mpmath.power(base, n)
        if base == 0:
            if isinstance(exponent, mpmath.mpc) or exponent <= 0:
                raise Undefined("a power of zero")
            return 0
        if not self._has_i and base < 0:
            raise Undefined("a power of a negative number")
        if _is_exact(base) and _is_exact(exponent):
            root = _exact_root(Fraction(base), Fraction(exponent).denominator)
            if root is not None:
                return self._power(root, Fraction(exponent).numerator)
        return mpmath.power(_real(base), _real(exponent))

    def _call(self, function: str, values: list[Value]) -> Value:
        exactly = _EXACT.get(function)
        if exactly is not None and all(_is_exact(each) for each in values):
            return exactly(*values)
        match function, values:
            case "abs", [x]:
                return abs(x)
            case "floor" | "ceil", [x]:
                if not self._has_i and abs(x - mpmath.nint(x)) > mpmath.mpf(10) ** (-mp.dps // 2):
                    return int(mpmath.floor(x)) if function == "floor" else int(mpmath.ceil(x))
                raise Undefined("it is not sure on which side of an integer the value is")
            case "sign", [x]:
                if abs(x) < mpmath.mpf(10) ** (-mp.dps // 2):
                    raise Undefined("it is not sure what sign the value has")
                return int(mpmath.sign(x))
            case "mod", [x, m]:
                x, m = _real(x), _real(m)
                if m == 0:
                    raise Undefined("division by zero")
                whole = self._call("floor", [x / m])
                return x - m * whole
            case "min" | "max", _:
                return (min if function == "min" else max)(values, key=_real)
            case "factorial", [n]:
                return self._factorial(n)
            case "binomial", [n, k]:
                return self._binomial(n, k)
            case "sqrt", [x]:
                return self._power(x, Fraction(1, 2))
            case "cbrt", [x]:
                return self._root(x, 3)
            case "root", [x, n]:
                return self._root(x, n)
            case "log", [x, base]:
                divisor = self._call("ln", [base])
                if divisor == 0:
                    raise Undefined("a logarithm to base 1")
                return self._call("ln", [x]) / divisor
            case "log" | "ln", [x]:
                if x == 0 or (not self._has_i and x < 0):
                    raise Undefined("a logarithm of what is not positive")
                return mpmath.log(_real(x))
            case "atan2", [y, x]:
                if x == 0 and y == 0:
                    raise Undefined("no angle")
                return mpmath.atan2(_real(y), _real(x))
            case (("tan" | "sec" | "cot" | "csc"), [x]):
                bottom = mpmath.cos(_real(x)) if function in ("tan", "sec") else mpmath.sin(_real(x))
                if abs(bottom) < mpmath.mpf(10) ** (-mp.dps // 2):
                    raise Undefined("a pole")
                return getattr(mpmath, function)(_real(x))
            case name, [x] if name in _MPMATH:
                if name in ("asec", "acsc") and x == 0:
                    raise Undefined("a pole")
                return getattr(mpmath, name)(_real(x))
        raise Undefined(f"{function} has no value here")

    def _root(self, x: Value, n: Value) -> Value:
        if not (_is_exact(n) and Fraction(n).denominator == 1) or n == 0:
            raise Undefined("a root without a whole degree")
        n = int(n)
        if n % 2 and not self._has_i and x < 0:
            return -self._power(-x, Fraction(1, n))
        return self._power(x, Fraction(1, n))

    def _factorial(self, value: Value) -> Value:
        if not _is_exact(value) or Fraction(value).denominator != 1 or value < 0:
            raise Undefined("a factorial of what is no natural number")
        if value > 1_500:
            raise Undefined("the number is too large")
        return factorial(int(value))

    def _binomial(self, n: Value, k: Value) -> Value:
        if not (_is_exact(n) and _is_exact(k)) or Fraction(k).denominator != 1:
            raise Undefined("a binomial of what is no natural number")
        if k < 0 or (isinstance(n, int) and 0 <= n < k):
            return 0
        if k > 1_500 or abs(n) > 100_000:
            raise Undefined("the number is too large")
        if Fraction(n).denominator == 1 and n >= 0:
            return comb(int(n), int(k))
        top: Fraction = Fraction(1)
        for i in range(int(k)):
            top = top * (Fraction(n) - i) / (i + 1)
        return top

    def _bound(self, node: Call, point: Mapping[str, Value]) -> Value:
        """Calls that bind a variable."""
        body, variable, *bounds = node.arguments
        assert isinstance(variable, Name)

        def at(value: Value) -> Value:
            return self._checked(self._value(body, {**point, variable.name: value}))

        from codeslm_lsp.mathematics import numeric_calculus

        match node.function, bounds:
            case (("sum" | "product"), [low, high]) if _infinite(high) > 0:
                self.is_rough = True
                first = self._checked(self._value(low, point))
                return numeric_calculus.infinite(node.function, at, first)
            case (("sum" | "product"), [low, high]):
                first, last = (self._checked(self._value(each, point)) for each in bounds)
                return self._finite(node.function, at, first, last)
            case "integrate", [low, high]:
                self.is_rough = True
                ends = [
                    mp.inf * _infinite(each) if _infinite(each) else _real(self._checked(self._value(each, point)))
                    for each in bounds
                ]
                return numeric_calculus.integral(at, *ends)
            case "limit", [target, *side]:
                self.is_rough = True
                end = mp.inf * _infinite(target) if _infinite(target) else self._checked(self._value(target, point))
                signs = (int(self._value(side[0], point)),) if side else (1, -1)
                return numeric_calculus.limit(at, end, signs)
            case "diff", order if variable.name in point:
                self.is_rough = True
                n = int(self._value(order[0], point)) if order else 1
                return numeric_calculus.derivative(at, _real(point[variable.name]), n)
        raise Undefined("it has no value at a point")

    def _finite(self, function: str, at: Callable[[Value], Value], first: Value, last: Value) -> Value:
        if not (_is_exact(first) and _is_exact(last)) or Fraction(first).denominator * Fraction(last).denominator != 1:
            raise Undefined("the bounds are not integers")
        n_terms = int(last) - int(first) + 1
        if n_terms > MAX_TERMS or n_terms < 0:
            raise Undefined("too many terms, or fewer than none")
        total: Value = 0 if function == "sum" else 1
        for k in range(int(first), int(last) + 1):
            total = self._checked(self._binary("+" if function == "sum" else "*", total, at(k)))
        return total


_MPMATH = frozenset(
    f"{prefix}{name}{suffix}"
    for prefix in ("", "a")
    for name in ("sin", "cos", "tan", "cot", "sec", "csc")
    for suffix in ("", "h")
) | {"exp"}


def _exact_mod(x: Fraction, m: Fraction) -> Fraction | int:
    if m == 0:
        raise Undefined("division by zero")
    return x % m


def _whole_only(function: Callable[..., int]) -> Callable[..., int]:
    def applied(*values: Fraction | int) -> int:
        if any(Fraction(each).denominator != 1 for each in values):
            raise Undefined("not an integer")
        return function(*map(int, values))

    return applied


def _digits(digits: Fraction | int, base: Fraction | int) -> int:
    if not 2 <= base <= 36 or Fraction(digits).denominator * Fraction(base).denominator != 1:
        raise Undefined("not digits of a number")
    return int(str(int(digits)), int(base))


_EXACT: Mapping[str, Callable[..., int | Fraction]] = {
    "abs": abs,
    "floor": lambda x: x.__floor__(),
    "ceil": lambda x: x.__ceil__(),
    "sign": lambda x: (x > 0) - (x < 0),
    "mod": _exact_mod,
    "min": min,
    "max": max,
    "gcd": _whole_only(gcd),
    "lcm": _whole_only(lcm),
    "base": _digits,
}


def _is_surely(left: Value, operator: str, right: Value) -> bool:
    """Whether a relation is true. Raises ``Undefined`` where two values that are not exact are too near to tell."""
    if not (_is_exact(left) and _is_exact(right)):
        left, right = _real(left), _real(right)
        if abs(left - right) <= mpmath.mpf(10) ** (-mp.dps // 2) * max(1, abs(left), abs(right)):
            raise Undefined("it is not sure which case holds")
    return compare(left, operator, right)


def _is_exact(value: Value) -> bool:
    return isinstance(value, int | Fraction)


def _exact(value: Value) -> Value:
    return Fraction(value) if isinstance(value, int) else value


def _real(value: Value) -> Value:
    return mpmath.mpf(value.numerator) / value.denominator if isinstance(value, Fraction) else mpmath.mpmathify(value)


def _whole(value: Fraction, of: tuple[Value, ...]) -> Value:
    """An ``int`` again, where it came from integers alone."""
    return int(value) if value.denominator == 1 and all(isinstance(each, int) for each in of) else value


def _exact_root(value: Fraction, n: int) -> Fraction | None:
    """The n-th root of a number that is not negative, if it is rational."""
    if value < 0 or n > 64:
        return None
    parts = []
    for part in (value.numerator, value.denominator):
        root, is_exact = _integer_root(part, n)
        if not is_exact:
            return None
        parts.append(root)
    return Fraction(*parts)


def _integer_root(value: int, n: int) -> tuple[int, bool]:
    low, high = 0, 1 << (value.bit_length() // n + 1)
    while low < high:
        middle = (low + high + 1) // 2
        if middle**n <= value:
            low = middle
        else:
            high = middle - 1
    return low, low**n == value


def _infinite(node: Expression) -> int:
    """1 for ∞, -1 for -∞, else 0."""
    match node:
        case Name("oo"):
            return 1
        case Unary("-", Name("oo")):
            return -1
    return 0


def holds(relation: Relation, point: Mapping[str, Value]) -> bool | None:
    """Whether a relation of exact values is true; None where that is not sure."""
    evaluator = Evaluator(has_i=False)
    try:
        values = [evaluator.value(each, point) for each in relation.operands]
    except Undefined:
        return None
    for left, operator, right in zip(values, relation.operators, values[1:], strict=False):
        if operator == "in":
            raise ExpressionError("A condition cannot say that something is in a set here; write it with < or >.")
        if not compare(left, operator, right):
            return False
    return True


def compare(left: Value, operator: str, right: Value) -> bool:
    """Whether a relation of two values is true; values that agree to nearly all digits are equal."""
    if not (_is_exact(left) and _is_exact(right)):
        left, right = _real(left), _real(right)
        if abs(left - right) <= mpmath.mpf(10) ** (-mp.dps * 2 // 3) * max(1, abs(left), abs(right)):
            return operator in ("=", "<=", ">=")
    match operator:
        case "=":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)
