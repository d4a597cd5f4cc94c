"""Calls and conditions of Python → the same as mathematics."""

from __future__ import annotations

from codeslm_lsp.mathematics.expressions import Binary, Call, Expression, Name, Number, Relation, within_limits
from codeslm_lsp.mathematics.parser import checked_call
from codeslm_lsp.values import ExpressionError

_NEGATED = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def written_out(function: str, values: tuple[Expression, ...]) -> Expression:
    """A call of Python's as mathematics. Raises ``LookupError`` for a number of arguments that it does not take."""
    match function, values:
        case "pow", (base, exponent):
            return Binary("^", base, exponent)
        case "square", (value,):
            return Binary("^", value, Number("2"))
        case "radians", (value,):
            return Binary("/", Binary("*", value, Name("pi")), Number("180"))
        case "degrees", (value,):
            return Binary("/", Binary("*", value, Number("180")), Name("pi"))
        case (("log2" | "log10"), (value,)):
            return Call("log", (value, Number(function.removeprefix("log"))))
        case "log1p", (value,):
            return Call("log", (Binary("+", Number("1"), value),))
        case "expm1", (value,):
            return Binary("-", Call("exp", (value,)), Number("1"))
        case "hypot", (first, second):
            squares = (Binary("^", each, Number("2")) for each in (first, second))
            return Call("sqrt", (Binary("+", *squares),))
        case "isqrt", (value,):
            return Call("floor", (Call("sqrt", (value,)),))
        case "perm", (n, k):
            return Binary("/", Call("factorial", (n,)), Call("factorial", (Binary("-", n, k),)))
        case "float", (value,):
            return value
        case (("pow" | "square" | "radians" | "degrees" | "log2" | "log10" | "log1p" | "expm1" | "hypot" | "isqrt"), _):
            raise LookupError(function)
        case (("perm" | "float" | "sum" | "product" | "where"), _):
            raise LookupError(function)
    try:
        return checked_call(function, values)
    except ExpressionError:
        raise LookupError(function) from None


def cases(value: Expression, condition: Expression, other: Expression | None) -> Expression:
    """``value`` where the condition holds, else ``other``, cases of which are put behind it."""
    if value == other:
        return value
    if isinstance(other, Call) and other.function == "cases":
        return within_limits(Call("cases", (value, condition, *other.arguments)))
    return Call("cases", (value, condition) if other is None else (value, condition, other))


def both(first: Expression, second: Expression) -> Expression:
    """What holds where both conditions do."""
    sides = [
        each.arguments if isinstance(each, Call) and each.function == "all" else (each,) for each in (first, second)
    ]
    return Call("all", (*sides[0], *sides[1]))


def negation(condition: Expression) -> Expression:
    """What holds where the condition does not."""
    match condition:
        case Call("all" | "any" as function, parts):
            return Call("any" if function == "all" else "all", tuple(map(negation, parts)))
        case Relation((operator,), operands):
            return Relation((_NEGATED[operator],), operands)
        case Relation():
            links = [Relation((_NEGATED[operator],), (left, right)) for left, operator, right in condition.links]
            return Call("any", tuple(links))
    raise ExpressionError("A condition must be a relation such as x < 0; correct that.")


def writable(name: str) -> str:
    """The name itself. Raises ``ExpressionError`` for one that is no name in mathematical text."""
    if not name.isascii() or not name[0].isalpha():
        raise ExpressionError(f"The name {name} cannot stand in a formula; begin it with a Latin letter.")
    return name


def one_less(end: Expression) -> Expression:
    """Where a range ends; ``n + 1`` less 1 is ``n``."""
    if isinstance(end, Binary) and end.operator == "+" and end.right == Number("1"):
        return end.left
    if isinstance(end, Number) and end.text.isdigit() and int(end.text) > 0:
        return Number(str(int(end.text) - 1))
    return Binary("-", end, Number("1"))
