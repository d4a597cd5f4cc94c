"""What a mathematical text says, as a small tree of frozen nodes; and the limits on its size.

Numbers keep their digits, so nothing is rounded. Names mean what who reads them says: ``pi``, ``e``, ``i`` and ``oo``
are constants unless they are bound or declared as variables (see ``meaning``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from codeslm_lsp.values import ExpressionError

MAX_CHARS = 2_000
"""A formula that is written by hand or by a small model has some hundred."""

MAX_NESTING = 40
"""Brackets, exponents and signs inside each other while a text is read: each takes a dozen of Python's 1,000 frames."""

MAX_DEPTH = 150
"""Of the finished tree; a sum of 150 terms is so deep. What walks over a tree takes two or three frames a level."""

MAX_NODES = 2_000
"""More than ``MAX_CHARS`` usually give."""

MAX_DIGITS = 300
"""Of one number: twice what the largest number of a double has before its point."""


@dataclass(frozen=True, slots=True)
class Number:
    """Digits, with a point among them or not: ``12``, ``0.50``."""

    text: str

    @property
    def value(self) -> Fraction:
        """Exactly what is written."""
        return Fraction(self.text)


@dataclass(frozen=True, slots=True)
class Name:
    """A variable or a constant."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """``operator`` is ``-`` before, or ``!``, ``%`` or ``°`` behind."""

    operator: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary:
    """``operator`` is one of ``+ - * / ^``, or ``∪`` between sets and intervals."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call:
    """``function`` is a name of ``functions.FUNCTIONS``."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """``a < b = c``: one operator fewer than operands, each of ``= != < <= > >= in``."""

    operators: tuple[str, ...]
    operands: tuple[Expression, ...]

    @property
    def links(self) -> tuple[tuple[Expression, str, Expression], ...]:
        """Each operator with what stands on its two sides."""
        return tuple(zip(self.operands, self.operators, self.operands[1:], strict=False))


@dataclass(frozen=True, slots=True)
class Collection:
    """``brackets`` are ``()``, ``[]``, ``{}``, ``(]``, ``[)``, nothing for a bare list, ``matrix`` or ``row``."""

    brackets: str
    items: tuple[Expression, ...]


Expression: TypeAlias = Number | Name | Unary | Binary | Call | Relation | Collection

BINDERS: Mapping[str, int] = {"sum": 1, "product": 1, "integrate": 1, "limit": 1}
"""Functions that bind a variable in their first argument, and its place. ``diff`` binds none: its value
belongs to a point of its variable; nor does an indefinite integral."""


def children(node: Expression) -> tuple[Expression, ...]:
    """What a node is made of, in the order of reading."""
    match node:
        case Unary():
            return (node.operand,)
        case Binary():
            return (node.left, node.right)
        case Call():
            return node.arguments
        case Relation():
            return node.operands
        case Collection():
            return node.items
        case _:
            return ()


def with_children(node: Expression, parts: tuple[Expression, ...]) -> Expression:
    """The same node made of other parts, as many as ``children`` gives."""
    match node:
        case Unary(operator, _):
            return Unary(operator, parts[0])
        case Binary(operator, _, _):
            return Binary(operator, parts[0], parts[1])
        case Call(function, _):
            return Call(function, parts)
        case Relation(operators, _):
            return Relation(operators, parts)
        case Collection(brackets, _):
            return Collection(brackets, parts)
        case _:
            return node


def walk(node: Expression) -> Iterator[Expression]:
    """The node and all below it."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        yield each
        waiting.extend(children(each))


def values_in(node: Expression) -> Iterator[Expression]:
    """The node and all below it but the conditions of cases."""
    yield node
    is_cases = isinstance(node, Call) and node.function == "cases"
    for i, each in enumerate(children(node)):
        if not (is_cases and i % 2 == 1):
            yield from values_in(each)


def bound_name(node: Call) -> str | None:
    """The variable that a call binds in its first argument."""
    place = BINDERS.get(node.function)
    is_indefinite = node.function == "integrate" and len(node.arguments) == 2
    if place is None or is_indefinite or place >= len(node.arguments):
        return None
    variable = node.arguments[place]
    return variable.name if isinstance(variable, Name) else None


def free_names(node: Expression) -> frozenset[str]:
    """Names that nothing in it binds, constants among them."""
    if isinstance(node, Name):
        return frozenset({node.name})
    if isinstance(node, Call) and (bound := bound_name(node)) is not None:
        body, _, *bounds = node.arguments
        return (free_names(body) - {bound}).union(*map(free_names, bounds))
    return frozenset().union(*map(free_names, children(node)))


def put(node: Expression, old: Expression, new: Expression) -> Expression:
    """With ``new`` for every ``old`` that nothing binds."""
    if node == old:
        return new
    if isinstance(node, Call) and isinstance(old, Name) and bound_name(node) == old.name:
        body, variable, *bounds = node.arguments
        return Call(node.function, (body, variable, *(put(each, old, new) for each in bounds)))
    return with_children(node, tuple(put(each, old, new) for each in children(node)))


def renamed(node: Expression, names: Mapping[str, str]) -> Expression:
    """With other names, bound ones as well."""
    if isinstance(node, Name):
        return Name(names.get(node.name, node.name))
    return with_children(node, tuple(renamed(each, names) for each in children(node)))


def within_limits(node: Expression) -> Expression:
    """The node itself; raises ``ExpressionError`` where it is too large."""
    n_nodes, level, depth = 0, [node], 0
    while level:
        n_nodes += len(level)
        depth += 1
        if n_nodes > MAX_NODES:
            raise ExpressionError(f"The expression has more than {MAX_NODES:,} parts; split it.")
        if depth > MAX_DEPTH:
            raise ExpressionError(f"The expression is nested more than {MAX_DEPTH} deep; split it.")
        level = [child for each in level for child in children(each)]
    return node
