"""The text of a claim → the relation it says and what its variables may be."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from codeslm_lsp.mathematics.conditions import domain_of
from codeslm_lsp.mathematics.domains import Domain
from codeslm_lsp.mathematics.expressions import (
    MAX_CHARS,
    Binary,
    Call,
    Collection,
    Expression,
    Name,
    Relation,
    Unary,
    children,
    free_names,
    values_in,
    walk,
)
from codeslm_lsp.mathematics.latex import is_latex, plain_text
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.mathematics.stated import CLAUSE
from codeslm_lsp.values import ExpressionError


@dataclass(frozen=True, slots=True)
class Statement:
    """``relation`` is claimed at all points of ``domain``; ``text`` is how it was understood."""

    relation: Relation
    domain: Domain
    text: str
    has_i: bool


def read_statement(text: str) -> Statement:
    """``sqrt(x^2) = x for x > 0`` → a statement. Raises ``ExpressionError``."""
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"The statement is longer than {MAX_CHARS:,} characters; shorten it.")
    text = text.strip().rstrip(".").strip()
    if is_latex(text):
        text = plain_text(text)
    found = CLAUSE.search(text)
    main, clause = (text, "") if found is None else (text[: found.start()], text[found.end() :])
    if found is not None and found.group().lstrip().startswith("("):
        clause = clause.rstrip().removesuffix(")")
    if not main.strip() and "," in clause:
        clause, _, main = clause.rpartition(",")
    if not main.strip():
        raise ExpressionError("The condition comes behind the statement, as in 'x/x = 1 for x > 0'; write it so.")
    node = parse_plain(main.rstrip(" ,;"))
    if isinstance(node, Collection) and node.brackets == "" and isinstance(node.items[0], Relation):
        clause = ", ".join([*(to_text(each) for each in node.items[1:]), *([clause] if clause.strip() else [])])
        node = node.items[0]
    if not isinstance(node, Relation):
        raise ExpressionError("There is nothing claimed; write two expressions with =, <, <=, > or >= between them.")
    if "in" in node.operators:
        raise ExpressionError("That something is in a set cannot be checked; write it with < or >.")
    if any(isinstance(each, Collection | Relation) for side in node.operands for each in values_in(side)):
        raise ExpressionError("Only relations between numbers can be checked, not between lists or sets; split them.")
    domain = domain_of(node, clause)
    names = frozenset[str]().union(*map(free_names, node.operands))
    has_i = bool(names & {"i", "I"} - set(domain.ranges))
    if not has_i:
        domain = where_defined(node, domain)
    relation = without_indefinite(node)
    kept = names | {name for each in domain.conditions for name in free_names(each)}
    domain = Domain({name: each for name, each in domain.ranges.items() if name in kept}, domain.conditions)
    described = domain.described()
    return Statement(relation, domain, to_text(node) + (f" for {described}" if described else ""), has_i)


def without_indefinite(relation: Relation) -> Relation:
    """Where it has an integral without bounds: the derivatives of both sides, since they may differ by a constant."""
    variables = {
        str(each.arguments[1].name)
        for side in relation.operands
        for each in walk(side)
        if isinstance(each, Call) and each.function == "integrate" and len(each.arguments) == 2
        if isinstance(each.arguments[1], Name)
    }
    if not variables:
        return relation
    if len(variables) > 1 or set(relation.operators) != {"="}:
        raise ExpressionError(
            "Integrals without bounds can be checked in equations with one variable only; split them."
        )
    return Relation(relation.operators, tuple(_derivative(each, variables.copy().pop()) for each in relation.operands))


def _derivative(node: Expression, variable: str) -> Expression:
    match node:
        case Call("integrate", (body, Name(name))) if name == variable:
            return body
        case Binary("+" | "-" as operator, left, right):
            return Binary(operator, _derivative(left, variable), _derivative(right, variable))
        case Unary("-", operand):
            return Unary("-", _derivative(operand, variable))
        case Binary("*", left, right) if variable not in free_names(left):
            return Binary("*", left, _derivative(right, variable))
        case Binary("/", left, right) if variable not in free_names(right):
            return Binary("/", _derivative(left, variable), right)
    if any(isinstance(each, Call) and each.function == "integrate" and len(each.arguments) == 2 for each in walk(node)):
        raise ExpressionError(
            "An integral without bounds can only be added or multiplied by a constant here; rewrite it."
        )
    return Call("diff", (node, Name(variable)))


def where_defined(relation: Relation, domain: Domain) -> Domain:
    """Only where it can have real values: variables whose logarithm is taken are positive, whose root is not negative.

    What stands within a sum, integral or cases is left alone: an empty sum has a value whatever its terms are.
    """
    ranges = dict(domain.ranges)
    waiting = list(relation.operands)
    while waiting:
        node = waiting.pop()
        match node:
            case Call("log" | "ln" | "sqrt" as function, (Name(name), *_)) if name in ranges:
                ranges[name] = ranges[name].within(Fraction(0), None, (function != "sqrt", False))
            case Call("sum" | "product" | "integrate" | "limit" | "diff" | "cases", _):
                continue
        waiting.extend(children(node))
    return Domain(ranges, domain.conditions)
