"""Two expressions in the same variables → whether they are the same function of them, as a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from codeslm_lsp.mathematics.answers import Verdict
from codeslm_lsp.mathematics.conditions import domain_of
from codeslm_lsp.mathematics.domains import Domain, Range
from codeslm_lsp.mathematics.expressions import (
    Expression,
    Relation,
    free_names,
)
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
    return where_defined(relation, Domain(ranges, domain.conditions))
