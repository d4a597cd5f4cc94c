"""Two expressions in the same variables → whether they are the same function of them, as a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

from codeslm_lsp.mathematics.answers import Verdict
from codeslm_lsp.mathematics.conditions import domain_of, exact_value
from codeslm_lsp.mathematics.domains import Domain, Range
from codeslm_lsp.mathematics.expressions import Binary, Call, Expression, Name, Number, Relation, free_names, walk
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.patience import Clock
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.mathematics.statements import Statement, where_defined
from codeslm_lsp.mathematics.verifying import judged


def agree(left: str, right: str, variables: str, clause: str, limit_s: float) -> Verdict:
    """Whether both are equal wherever both are defined and ``clause``, such as ``x > 0``, holds.

    ``variables`` as ``declaration`` writes them. Raises ``ExpressionError``.
    """
    kinds = dict(each.partition(":")[::2] for each in variables.split())
    sides = (parse_plain(left, kinds), parse_plain(right, kinds))
    relation = Relation(("=",), sides)
    domain = domain_of_declared(sides, kinds, clause)
    described = f" for {domain.described()}" if domain.ranges else ""
    return judged(Statement(relation, domain, to_text(relation) + described, False), Clock(limit_s))


def domain_of_declared(sides: tuple[Expression, Expression], kinds: Mapping[str, str], clause: str) -> Domain:
    """What the variables may be: ``kinds`` says of each whether it is an ``int``. Raises ``ExpressionError``."""
    relation = Relation(("=",), sides)
    domain = domain_of(relation, clause)
    ranges = dict(domain.ranges)
    for name in frozenset().union(*map(free_names, sides)) & kinds.keys():
        of = ranges.get(name, Range())
        ranges[name] = replace(of, is_integer=of.is_integer or kinds[name] == "int")
    conditions = (*domain.conditions, *_counting_up(sides, ranges))
    return where_defined(relation, Domain(ranges, conditions))


def _counting_up(sides: tuple[Expression, Expression], ranges: dict[str, Range]) -> Iterator[Expression]:
    """Sums have no fewer terms than none. What says so of one variable is put into ``ranges``.

    Code that adds up over an empty range gives 0; the closed forms of sums mean something else where they count down.
    """
    for call in {each for side in sides for each in walk(side)}:
        if not (isinstance(call, Call) and call.function in ("sum", "product")):
            continue
        _, _, low, high = call.arguments
        if not free_names(low) | free_names(high) <= ranges.keys():
            continue  # Within another sum.
        first = exact_value(low)
        last = _shifted(high)
        if first is None or last is None:
            yield Relation((">=",), (Binary("+", high, Number("1")), low))
        else:
            name, shift = last
            ranges[name] = ranges[name].within(first - 1 - shift, None, (False, False))


def _shifted(node: Expression) -> tuple[str, Fraction] | None:
    """``n - 1 - 1`` as n and -2."""
    match node:
        case Name(name):
            return name, Fraction(0)
        case Binary("-" | "+" as sign, inner, Number() as step) if (found := _shifted(inner)) is not None:
            return found[0], found[1] + (step.value if sign == "+" else -step.value)
    return None
