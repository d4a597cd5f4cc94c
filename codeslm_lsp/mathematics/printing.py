"""An expression → text that ``parser`` reads as the same expression, with few brackets."""

from __future__ import annotations

from codeslm_lsp.mathematics.expressions import Binary, Call, Collection, Expression, Name, Number, Relation, Unary

_RELATION, _UNION, _SUM, _PRODUCT, _SIGN, _POWER, _POSTFIX, _ATOM = range(8)
_LEVELS = {"∪": _UNION, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "^": _POWER}


def to_text(node: Expression) -> str:
    """``Binary("*", Number("2"), …)`` → ``2*(x + 1)``."""
    return _text(node)


def _text(node: Expression) -> str:
    match node:
        case Number(text) | Name(text):
            return text
        case Unary("-", operand):
            return f"-{_at(operand, _SIGN)}"
        case Unary(operator, operand):
            return f"{_at(operand, _POSTFIX)}{operator}"
        case Binary("^", left, right):
            return f"{_at(left, _POSTFIX)}^{_at(right, _SIGN)}"
        case Binary(operator, left, right):
            level = _LEVELS[operator]
            space = "" if level == _PRODUCT else " "
            return f"{_at(left, level)}{space}{operator}{space}{_at(right, level + 1)}"
        case Call("cases" | "all" | "any" as function, arguments):
            return f"{function}({', '.join(map(_text, arguments))})"
        case Call(function, arguments):
            return f"{function}({', '.join(_at(each, _UNION) for each in arguments)})"
        case Relation(operators, operands):
            parts = [_at(operands[0], _UNION)]
            for operator, operand in zip(operators, operands[1:], strict=True):
                parts.append(f" {operator} {_at(operand, _UNION)}")
            return "".join(parts)
        case Collection("", items):
            return ", ".join(_text(each) for each in items)
        case Collection("matrix" | "row", items):
            return f"[{', '.join(_text(each) for each in items)}]"
        case Collection(brackets, items):
            return f"{brackets[0]}{', '.join(_text(each) for each in items)}{brackets[1]}"
    raise AssertionError(node)


def _at(node: Expression, level: int) -> str:
    """In brackets where it binds less tightly."""
    return f"({_text(node)})" if _level(node) < level else _text(node)


def _level(node: Expression) -> int:
    match node:
        case Relation():
            return _RELATION
        case Unary("-", _):
            return _SIGN
        case Unary():
            return _POSTFIX
        case Binary(operator, _, _):
            return _LEVELS[operator]
        case _:
            return _ATOM
