"""A relation with cases → the same without, once for each way in which their conditions may come out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from codeslm_lsp.mathematics.conditions import exact_value
from codeslm_lsp.mathematics.domains import Domain, Range
from codeslm_lsp.mathematics.expressions import (
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
    bound_name,
    children,
    put,
)
from codeslm_lsp.values import ExpressionError

MAX_BRANCHES = 32
"""Each is searched and proved on its own, in a share of the time."""

_NEGATED = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True, slots=True)
class Branch:
    """``relation`` has to hold where all ``conditions`` do, each of which has one operator."""

    relation: Relation
    conditions: tuple[Relation, ...] = ()


def branches_of(relation: Relation) -> tuple[Branch, ...]:
    """One branch without conditions where there are no cases. What has no value in some case claims nothing there.

    Cases within sums and the like stay. Raises ``ExpressionError`` where there are too many.
    """
    call = next(filter(None, map(_first, relation.operands)), None)
    if call is None:
        return (Branch(relation),)
    found: list[Branch] = []
    earlier: list[tuple[Relation, ...]] = [()]
    for value, condition in _cases(call):
        inner = branches_of(_put(relation, call, value))
        holding = [()] if condition is None else conjunctions(condition, holds=True)
        for before, now, each in product(earlier, holding, inner):
            conditions = tuple(dict.fromkeys((*before, *now, *each.conditions)))
            if not any(_negated(condition) in conditions for condition in conditions):
                found.append(Branch(each.relation, conditions))
        failing = [] if condition is None else conjunctions(condition, holds=False)
        earlier = [(*before, *now) for before, now in product(earlier, failing)]
        if len(found) > MAX_BRANCHES or len(earlier) > MAX_BRANCHES:
            raise ExpressionError(f"There are more than {MAX_BRANCHES} cases; split the formula.")
    return tuple(found)


def conjunctions(condition: Expression, *, holds: bool) -> list[tuple[Relation, ...]]:
    """The ways in which a condition comes out as ``holds``: in each of them all of its relations are true."""
    match condition:
        case Relation():
            links = [Relation((operator,), (left, right)) for left, operator, right in condition.links]
            return [tuple(links)] if holds else [(_negated(each),) for each in links]
        case Call("all" | "any" as function, parts):
            ways = [conjunctions(each, holds=holds) for each in parts]
            if (function == "all") == holds:
                return [tuple(each for way in chosen for each in way) for chosen in product(*ways)]
            return [each for way in ways for each in way]
    raise ExpressionError("A condition of cases must be a relation such as x < 0; correct that.")


def narrowed(branch: Branch, domain: Domain) -> tuple[Relation, Domain] | None:
    """The branch's relation, and the part of the domain in which its conditions hold; None where that is empty.

    A variable that is said to be a number is that number.
    """
    ranges: dict[str, Range] = dict(domain.ranges)
    relation, conditions = branch.relation, list(domain.conditions)
    for condition in branch.conditions:
        left, operator, right = condition.links[0]
        if isinstance(right, Name) and right.name in ranges and operator in _FLIPPED:
            left, operator, right = right, _FLIPPED[operator], left
        value = exact_value(right) if isinstance(left, Name) and left.name in ranges else None
        if value is None or operator == "!=" or not isinstance(left, Name):
            conditions.append(condition)
            continue
        low = value if operator in (">", ">=", "=") else None
        high = value if operator in ("<", "<=", "=") else None
        is_open = operator in ("<", ">")
        of = ranges[left.name] = ranges[left.name].within(low, high, (is_open, is_open))
        if _is_empty(of):
            return None
    for name, of in list(ranges.items()):
        if of.low is not None and of.low == of.high:
            number = _written(of.low)
            relation = _put(relation, Name(name), number)
            conditions = [_put(each, Name(name), number) for each in conditions if isinstance(each, Relation)]
            del ranges[name]
    return relation, Domain(ranges, tuple(conditions))


def _first(node: Expression) -> Call | None:
    """The first cases in reading order that depend on nothing bound."""
    if isinstance(node, Call) and node.function == "cases":
        return node
    if isinstance(node, Call) and (bound_name(node) is not None or node.function in ("diff", "integrate")):
        return None
    return next(filter(None, map(_first, children(node))), None)


def _cases(call: Call) -> list[tuple[Expression, Expression | None]]:
    pairs: list[tuple[Expression, Expression | None]] = list(
        zip(call.arguments[::2], call.arguments[1::2], strict=False)
    )
    return pairs if len(call.arguments) % 2 == 0 else [*pairs, (call.arguments[-1], None)]


def _put(node: Relation, old: Expression, new: Expression) -> Relation:
    """With ``new`` for every ``old``."""
    return Relation(node.operators, tuple(put(each, old, new) for each in node.operands))


def _negated(relation: Relation) -> Relation:
    return Relation((_NEGATED[relation.operators[0]],), relation.operands)


def _is_empty(of: Range) -> bool:
    if of.low is None or of.high is None:
        return False
    return of.low > of.high or (of.low == of.high and of.low not in of)


def _written(value: Fraction) -> Expression:
    number: Expression = Number(str(abs(value.numerator)))
    if value.denominator != 1:
        number = Binary("/", number, Number(str(value.denominator)))
    return Unary("-", number) if value < 0 else number
