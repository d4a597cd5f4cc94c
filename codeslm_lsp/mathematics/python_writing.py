"""An expression → Python that computes it, with ``math`` or with numpy, as an expression or as a function."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from codeslm_lsp.mathematics.expressions import (
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
    renamed,
)
from codeslm_lsp.values import ExpressionError

_CONDITION, _OR, _AND, _COMPARED, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(9)
_LEVELS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}
_TRIGONOMETRIC = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
_BOTH = {
    **{name: name for name in (*_TRIGONOMETRIC, "exp", "sqrt", "cbrt", "log", "floor", "ceil", "gcd", "lcm")},
    "ln": "log",
}
_INVERTED = {"cot": "tan", "sec": "cos", "csc": "sin", "coth": "tanh", "sech": "cosh", "csch": "sinh"}
_CONSTANTS = {"pi": "pi", "e": "e", "oo": "inf"}
_RELATIONS = {"=": "=="}
_SIMPLE = re.compile(r"-?[\w.]+")
"""What stands close to ``**``."""


@dataclass(frozen=True, slots=True)
class Library:
    """``prefix`` is by what name the file has the module."""

    module: str
    prefix: str
    functions: Mapping[str, str]

    @property
    def is_numpy(self) -> bool:
        """Whether values may be arrays."""
        return self.module == "numpy"


def math_as(prefix: str = "math") -> Library:
    """The standard library's functions of numbers."""
    own = {f"a{name}": f"a{name}" for name in _TRIGONOMETRIC}
    return Library(
        "math",
        prefix,
        MappingProxyType({**_BOTH, **own, "atan2": "atan2", "factorial": "factorial", "binomial": "comb"}),
    )


def numpy_as(prefix: str = "np") -> Library:
    """numpy's functions, which take arrays as well."""
    own = {f"a{name}": f"arc{name}" for name in _TRIGONOMETRIC}
    return Library(
        "numpy", prefix, MappingProxyType({**_BOTH, **own, "atan2": "arctan2", "sign": "sign", "abs": "abs"})
    )


def as_identifiers(node: Expression, variables: Collection[str]) -> tuple[Expression, dict[str, str]]:
    """The same with names that Python allows, and which they are: ``lambda`` → ``lambda_``, ``x'`` → ``x_prime``."""
    names = {each: each.replace("'", "_prime") for each in variables}
    names = {each: f"{name}_" if keyword.iskeyword(name) else name for each, name in names.items()}
    return renamed(node, names), names


def python_expression(node: Expression, library: Library, variables: Collection[str] = ()) -> str:
    """``sqrt(x)/2`` → ``math.sqrt(x) / 2``. ``variables`` are no constants, whatever their names.

    Raises ``ExpressionError`` for what the library does not have, such as an integral.
    """
    return _Writing(library, frozenset(variables)).at(node, _CONDITION)


def python_function(name: str, parameters: Collection[str], node: Expression, library: Library, docstring: str) -> str:
    """A function that returns the expression; with ``math`` cases are ``if`` statements. Raises ``ExpressionError``."""
    writing = _Writing(library, frozenset(parameters))
    raw = "r" if "\\" in docstring else ""
    lines = [f"def {name}({', '.join(parameters)}):", f'    {raw}"""{docstring}"""']
    if isinstance(node, Call) and node.function == "cases" and not library.is_numpy:
        for value, condition in zip(node.arguments[::2], node.arguments[1::2], strict=False):
            lines += [f"    if {writing.at(condition, _CONDITION)}:", f"        return {writing.at(value, _CONDITION)}"]
        if len(node.arguments) % 2:
            lines.append(f"    return {writing.at(node.arguments[-1], _CONDITION)}")
        else:
            lines.append(f'    raise ValueError("{name} is not defined there")')
    else:
        lines.append(f"    return {writing.at(node, _CONDITION)}")
    return "\n".join(lines) + "\n"


class _Writing:
    def __init__(self, library: Library, variables: frozenset[str]) -> None:
        self._library = library
        self._variables = variables

    def at(self, node: Expression, level: int) -> str:
        """The text, in brackets where it binds less tightly."""
        text, own = self._written(node)
        return f"({text})" if own < level else text

    def _written(self, node: Expression) -> tuple[str, int]:
        match node:
            case Number(text):
                return (text.lstrip("0") or "0") if text.isdigit() else text, _ATOM
            case Name(name):
                return self._name(name), _ATOM
            case Unary("-", operand):
                return f"-{self.at(operand, _SIGN)}", _SIGN
            case Unary("!", operand):
                return self._call(Call("factorial", (operand,)))
            case Unary("%", operand):
                return f"{self.at(operand, _PRODUCT)} / 100", _PRODUCT
            case Unary(_, operand):
                return f"{self._library.prefix}.radians({self.at(operand, _CONDITION)})", _ATOM
            case Binary("^", Name("e"), right) if "e" not in self._variables:
                return self._call(Call("exp", (right,)))
            case Binary("^", left, right):
                sides = (self.at(left, _ATOM), self.at(right, _SIGN))
                return ("**" if all(map(_SIMPLE.fullmatch, sides)) else " ** ").join(sides), _POWER
            case Binary(operator, left, right) if operator in _LEVELS:
                own = _LEVELS[operator]
                return f"{self.at(left, own)} {operator} {self.at(right, own + 1)}", own
            case Relation():
                return self._relation(node)
            case Call("all" | "any" as function, parts):
                return self._joined(function, parts)
            case Call("cases", arguments):
                return self._cases(arguments)
            case Call():
                return self._call(node)
        raise ExpressionError("A list is not written as code; give one formula.")

    def _name(self, name: str) -> str:
        if name in self._variables:
            return name
        if name in ("i", "I"):
            raise ExpressionError("A formula with the imaginary unit is not written as code; use real numbers.")
        return f"{self._library.prefix}.{_CONSTANTS[name]}" if name in _CONSTANTS else name

    def _relation(self, node: Relation) -> tuple[str, int]:
        links = node.links
        if len(links) > 1 and self._library.is_numpy:
            parts = tuple(Relation((operator,), (left, right)) for left, operator, right in links)
            return self._joined("all", parts)
        shown = [self.at(node.operands[0], _SUM)]
        for operator, operand in zip(node.operators, node.operands[1:], strict=True):
            shown.append(f"{_RELATIONS.get(operator, operator)} {self.at(operand, _SUM)}")
        return " ".join(shown), _COMPARED

    def _joined(self, function: str, parts: tuple[Expression, ...]) -> tuple[str, int]:
        if self._library.is_numpy:
            name = f"{self._library.prefix}.logical_{'and' if function == 'all' else 'or'}"
            written = self.at(parts[0], _CONDITION)
            for each in parts[1:]:
                written = f"{name}({written}, {self.at(each, _CONDITION)})"
            return written, _ATOM
        level = _AND if function == "all" else _OR
        word = " and " if function == "all" else " or "
        return word.join(self.at(each, level + 1) for each in parts), level

    def _cases(self, arguments: tuple[Expression, ...]) -> tuple[str, int]:
        """From the last one: what stands nowhere is not a number."""
        other = self.at(arguments[-1], _CONDITION) if len(arguments) % 2 else f"{self._library.prefix}.nan"
        pairs = list(zip(arguments[::2], arguments[1::2], strict=False))
        for value, condition in reversed(pairs):
            if self._library.is_numpy:
                test, chosen = self.at(condition, _CONDITION), self.at(value, _CONDITION)
                other = f"{self._library.prefix}.where({test}, {chosen}, {other})"
            else:
                other = f"{self.at(value, _OR)} if {self.at(condition, _OR)} else {other}"
        return other, _ATOM if self._library.is_numpy else _CONDITION

    def _call(self, node: Call) -> tuple[str, int]:
        values = [self.at(each, _CONDITION) for each in node.arguments]
        prefix, functions = self._library.prefix, self._library.functions
        match node.function, values:
            case ("floor", _) if isinstance(of := node.arguments[0], Binary) and of.operator == "/":
                return f"{self.at(of.left, _PRODUCT)} // {self.at(of.right, _SIGN)}", _PRODUCT
            case ("min" | "max") as name, [first, *others] if self._library.is_numpy:
                for each in others:
                    first = f"{prefix}.{name}imum({first}, {each})"
                return first, _ATOM
            case ("min" | "max") as name, _:
                return f"{name}({', '.join(values)})", _ATOM
            case name, _ if name in functions:
                return f"{prefix}.{functions[name]}({', '.join(values)})", _ATOM
            case "abs", [value]:
                return f"abs({value})", _ATOM
            case "mod", _:
                return f"{self.at(node.arguments[0], _PRODUCT)} % {self.at(node.arguments[1], _SIGN)}", _PRODUCT
            case "root", [value, "3"]:
                return f"{prefix}.cbrt({value})", _ATOM
            case "root", _:
                return f"{self.at(node.arguments[0], _ATOM)} ** (1 / {self.at(node.arguments[1], _SIGN)})", _POWER
            case (("sum" | "product") as name, [body, variable, low, _]) if name == "sum" or not self._library.is_numpy:
                function = "sum" if name == "sum" else f"{prefix}.prod"
                return f"{function}({body} for {variable} in range({low}, {self._end(node.arguments[3])}))", _ATOM
            case name, [value] if name in _INVERTED:
                return f"1 / {prefix}.{_INVERTED[name]}({value})", _PRODUCT
        raise ExpressionError(f"{self._library.module} has no {node.function}; write the formula without it.")

    def _end(self, last: Expression) -> str:
        """Where a range ends behind ``last``."""
        match last:
            case Number(text) if text.isdigit():
                return str(int(text) + 1)
            case Binary("-", left, Number("1")):
                return self.at(left, _CONDITION)
        return f"{self.at(last, _SUM)} + 1"
