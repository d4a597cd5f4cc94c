"""An expression → LaTeX in the shape that it has: nothing is worked out or put in another order on the way.

What is written is what ``latex`` reads; names that LaTeX has another spelling for come back as ``spelled`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from codeslm_lsp.mathematics.expressions import (
    Binary,
    Call,
    Collection,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
    renamed,
    walk,
)
from codeslm_lsp.mathematics.functions import CONSTANTS, GREEK
from codeslm_lsp.values import ExpressionError

_SIGNS = {"=": "=", "!=": r"\neq", "<": "<", "<=": r"\leq", ">": ">", ">=": r"\geq", "in": r"\in"}
_SUM, _SERIES, _PRODUCT, _SIGN, _POWER, _ATOM = range(6)
_COMMANDS = {
    **{name: rf"\{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth")},
    **{f"a{name}": rf"\arc{name}" for name in ("sin", "cos", "tan")},
    **{"ln": r"\ln", "gcd": r"\gcd", "min": r"\min", "max": r"\max"},
}
_SUBSCRIPTED = re.compile(r"([A-Za-z]+?)_?(\d+)|([A-Za-z]+)_([A-Za-z0-9]+)")


def latex_of(node: Expression) -> str:
    """``Call("sqrt", …)`` → ``\\sqrt{…}``. Raises ``ExpressionError`` for what has no LaTeX here."""
    names = sorted({each.name for each in _names(node)} - CONSTANTS)
    return _Writing({name: name_of(name, names) for name in names}).of(node)


def name_of(name: str, others: Iterable[str] = ()) -> str:
    """``theta_1`` → ``\\theta_{1}``, ``radius`` → ``\\mathit{radius}``; so is ``x1`` beside ``x_1``."""
    base, index = _parts(name)
    same = [each for each in others if each != name and _parts(each) == (base, index)]
    symbol = rf"\{base}" if base in GREEK.values() else base if len(base) == 1 else ""
    if not symbol or same:
        return r"\mathit{" + name.replace("_", r"\_") + "}"
    return f"{symbol}_{{{index}}}" if index else symbol


def spelled(node: Expression, names: Iterable[str]) -> Expression:
    """What was read of LaTeX, with the names that it was written from: ``x_1`` may have been ``x1``."""
    own = sorted(names)
    read = {"_".join(filter(None, _parts(each))): each for each in own if "mathit" not in name_of(each, own)}
    return renamed(node, read)


def _parts(name: str) -> tuple[str, str]:
    """A letter and its index; the whole name and nothing where it is a word."""
    found = _SUBSCRIPTED.fullmatch(name)
    base, index = ((found[1] or found[3], found[2] or found[4])) if found is not None else (name, "")
    is_symbol = len(base) == 1 or base in GREEK.values()
    return (base, index) if is_symbol else (name, "")


def _names(node: Expression) -> Iterable[Name]:
    return (each for each in walk(node) if isinstance(each, Name))


class _Writing:
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def of(self, node: Expression) -> str:
        match node:
            case Number(text):
                mantissa, _, exponent = text.lower().partition("e")
                power = f"10^{{{int(exponent)}}}" if exponent else ""
                return power if mantissa == "1" and power else rf"{mantissa} \cdot {power}" if power else mantissa
            case Name(name):
                return self._names.get(name) or {"oo": r"\infty", "pi": r"\pi"}.get(name, name)
            case Unary("-", operand):
                return f"-{self._at(operand, _PRODUCT)}"
            case Unary(operator, operand):
                mark = {"%": r"\%", "°": r"^{\circ}"}.get(operator, operator)
                return f"{self._at(operand, _ATOM)}{mark}"
            case Binary():
                return self._binary(node)
            case Call("cases", arguments):
                return self._cases(arguments)
            case Call("all" | "any" as function, parts):
                word = r" \text{ and } " if function == "all" else r" \text{ or } "
                return word.join(self._bracketed(p) if isinstance(p, Call) else self.of(p) for p in parts)
            case Call():
                return self._call(node)
            case Relation(operators, operands):
                shown = [self.of(operands[0])]
                for operator, operand in zip(operators, operands[1:], strict=True):
                    shown.append(f"{_SIGNS[operator]} {self.of(operand)}")
                return " ".join(shown)
            case Collection():
                raise ExpressionError("A list is not written as LaTeX here; select one formula.")
        raise AssertionError(node)

    def _binary(self, node: Binary) -> str:
        match node:
            case Binary("/", left, right):
                return rf"\frac{{{self.of(left)}}}{{{self.of(right)}}}"
            case Binary("^", Call(function, (value,)), Number(text)) if function in _COMMANDS and text.isdigit():
                return f"{_COMMANDS[function]}^{{{text}}}{self._bracketed(value)}"
            case Binary("^", left, right):
                return f"{self._at(left, _ATOM)}^{{{self.of(right)}}}"
            case Binary("*", left, right):
                is_fraction = isinstance(right, Binary) and right.operator == "/"
                first, second = self._at(left, _PRODUCT), self._at(right, _PRODUCT if is_fraction else _POWER)
                needs_dot = second[0].isdigit() or second.startswith((r"\frac{", "-")) or first.endswith("}!")
                is_number = isinstance(left, Number) and not isinstance(right, Number)
                if needs_dot and not (is_number and second[0] == "\\"):
                    return rf"{first} \cdot {second}"
                return f"{first} {second}"
        behind = self._at(node.right, _SERIES if node.operator == "-" else _SUM)
        behind = self._bracketed(node.right) if behind.startswith("-") else behind
        return f"{self._at(node.left, _SUM)} {node.operator} {behind}"

    def _cases(self, arguments: tuple[Expression, ...]) -> str:
        rows = [
            rf"{self.of(value)} & \text{{if }} {self.of(condition)}"
            for value, condition in zip(arguments[::2], arguments[1::2], strict=False)
        ]
        if len(arguments) % 2:
            rows.append(rf"{self.of(arguments[-1])} & \text{{otherwise}}")
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def _call(self, node: Call) -> str:
        match node.function, node.arguments:
            case (("sum" | "product"), (body, variable, low, high)):
                sign = r"\sum" if node.function == "sum" else r"\prod"
                ends = f"_{{{self.of(variable)} = {self.of(low)}}}^{{{self.of(high)}}}"
                return f"{sign}{ends} {self._at(body, _PRODUCT)}"
            case "sqrt", (value,):
                return rf"\sqrt{{{self.of(value)}}}"
            case "cbrt", (value,):
                return rf"\sqrt[3]{{{self.of(value)}}}"
            case "root", (value, degree):
                return rf"\sqrt[{self.of(degree)}]{{{self.of(value)}}}"
            case "exp", (value,) if "e" not in self._names:
                return f"e^{{{self.of(value)}}}"
            case "abs", (value,):
                return rf"\left|{self.of(value)}\right|"
            case "floor" | "ceil", (value,):
                return rf"\left\l{node.function} {self.of(value)} \right\r{node.function}"
            case "binomial", (above, below):
                return rf"\binom{{{self.of(above)}}}{{{self.of(below)}}}"
            case "factorial", (value,):
                return f"{self._at(value, _ATOM)}!"
            case "log", (value,):
                return rf"\ln{self._bracketed(value)}"
            case "log", (value, base):
                return rf"\log_{{{self.of(base)}}}{self._bracketed(value)}"
            case "mod", (value, divisor):
                return rf"{self._at(value, _PRODUCT)} \bmod {self._at(divisor, _SIGN + 1)}"
            case "integrate" | "diff" | "limit" | "base", _:
                raise ExpressionError(f"{node.function} is not written as LaTeX here; code has none.")
        command = _COMMANDS.get(node.function, rf"\operatorname{{{node.function}}}")
        return rf"{command}\left({', '.join(self.of(each) for each in node.arguments)}\right)"

    def _bracketed(self, node: Expression) -> str:
        return rf"\left({self.of(node)}\right)"

    def _at(self, node: Expression, level: int) -> str:
        return self._bracketed(node) if _level(node) < level else self.of(node)


def _level(node: Expression) -> int:
    match node:
        case Unary("-", _):
            return _SIGN
        case Number(text) if "e" in text.lower():
            return _POWER if text.lower().startswith("1e") else _PRODUCT
        case Binary("+" | "-", _, _) | Relation() | Call("cases", _):
            return _SUM
        case Binary("*" | "/", _, _):
            return _PRODUCT
        case Binary("^", _, _) | Unary() | Call("factorial" | "exp", _):
            return _POWER
        case Call("sum" | "product" | "mod", _):
            return _SERIES
        case _:
            return _ATOM
