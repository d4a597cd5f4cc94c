"""Expressions on their way to another process, or back from LaTeX: which names they have, and one way to write each.

Needs no SymPy.
"""

from __future__ import annotations

from collections.abc import Collection

from codeslm_lsp.mathematics.expressions import (
    MAX_DIGITS,
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
    children,
    walk,
    with_children,
)
from codeslm_lsp.mathematics.functions import CONSTANTS
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.values import ExpressionError


def declaration(sides: Collection[Expression], whole: Collection[str] = (), variables: Collection[str] = ()) -> str:
    """All names of two expressions but the constants, ``n:int`` for integers.

    ``variables`` are none of the constants, whatever they are called. Raises ``ExpressionError`` for an expression that
    does not come back from its text as the same.
    """
    names = {each.name for side in sides for each in walk(side) if isinstance(each, Name)}
    names = (names - CONSTANTS) | (names & set(variables))
    for side in sides:
        if parse_plain(to_text(side), names) != side:
            raise ExpressionError(f"The formula {to_text(side)[:80]} is not written in a way that can be checked.")
    return " ".join(f"{name}:int" if name in whole else name for name in sorted(names))


def canonical(node: Expression) -> Expression:
    """The same where what can be written in several ways is written in one: ``cbrt``, ``!``, ``exp``, ``ln``, signs.

    Only to be compared: a number may be a fraction in it.
    """
    match with_children(node, tuple(map(canonical, children(node)))):
        case Call("cbrt", (value,)):
            return Call("root", (value, Number("3")))
        case Call("factorial", (value,)):
            return Unary("!", value)
        case Call("exp", (value,)):
            return Binary("^", Name("e"), value)
        case Call("ln", (value,)):
            return Call("log", (value,))
        case Binary("*" | "/" as operator, Unary("-", left), right):
            return Unary("-", Binary(operator, left, right))
        case Binary("+", left, Binary("+" | "-" as operator, middle, right)):
            return canonical(Binary(operator, Binary("+", left, middle), right))
        case Relation(operators, operands) if len(operators) > 1:
            pairs = zip(operators, operands, operands[1:], strict=False)
            return Call("all", tuple(Relation((sign,), (left, right)) for sign, left, right in pairs))
        case Call("all" | "any" as function, parts):
            inner = [
                each.arguments if isinstance(each, Call) and each.function == function else (each,) for each in parts
            ]
            return Call(function, tuple(each for group in inner for each in group))
        case Number(text):
            return Number(str(Number(text).value))
        case Binary("^", Number("10"), Number(text)) if text.isdigit() and int(text) <= MAX_DIGITS:
            return Number(str(10 ** int(text)))
        case Binary("^", Number("10"), Unary("-", Number(text))) if text.isdigit() and int(text) <= MAX_DIGITS:
            return Number(f"1/{10 ** int(text)}")
        case Binary("*", Number() as first, Number() as second):
            return Number(str(first.value * second.value))
        case other:
            return other
