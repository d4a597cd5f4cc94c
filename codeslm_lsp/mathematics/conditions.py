"""The clause behind a statement, ``for all real x > 0 and integers n >= 1``, → what its variables may be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction

from codeslm_lsp.mathematics.domains import Domain, Range
from codeslm_lsp.mathematics.expressions import (
    Call,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
    free_names,
    walk,
)
from codeslm_lsp.mathematics.functions import CONSTANTS
from codeslm_lsp.mathematics.numeric import Evaluator, Undefined
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.values import ExpressionError

_FILLERS = frozenset(
    [
        "for",
        "all",
        "every",
        "any",
        "each",
        "a",
        "an",
        "the",
        "is",
        "are",
        "be",
        "number",
        "numbers",
        "value",
        "values",
        "of",
        "that",
        "both",
        "when",
        "where",
        "if",
        "with",
        "given",
        "assuming",
        "provided",
        "such",
        "let",
        "as",
        "long",
        "so",
        "only",
        "it",
        "holds",
        "then",
        "on",
        "over",
        "and",
    ]
)
_KINDS: dict[str, tuple[str, ...]] = {
    "real": ("real",), "reals": ("real",), "rational": ("real",), "rationals": ("real",),
    "integer": ("integer",), "integers": ("integer",), "whole": ("integer",),
    "natural": ("integer", "positive"), "naturals": ("integer", "positive"),
    "positive": ("positive",), "negative": ("negative",), "nonnegative": ("nonnegative",),
    "non-negative": ("nonnegative",),
    "nonzero": ("nonzero",), "non-zero": ("nonzero",), "odd": ("integer", "odd"), "even": ("integer", "even"),
}  # fmt: skip
"""Words for what a variable is. Natural numbers start at 1 here: what holds from 0 on holds from 1 on, not the reverse,
so the sentence that is told says where they start."""

_SETS = {
    "R": ("real",), "ℝ": ("real",), "Z": ("integer",), "ℤ": ("integer",), "N": ("integer", "positive"),
    "ℕ": ("integer", "positive"), "Q": ("real",), "ℚ": ("real",),
}  # fmt: skip
_MEMBER = re.compile(r"^(?P<names>[A-Za-zα-ω_\d\s,]+?)\s*(?:∈|\bin\b)\s*(?P<set>[RZNQℝℤℕℚ])(?P<sign>[+⁺]|\^\+)?$")
_WORD = re.compile(r"non-?[a-z]+|[A-Za-z]\w*|[α-ω]\w*|\S")
_NAME = re.compile(r"[A-Za-zα-ω](?:_?\d+)?")


def domain_of(relation: Expression, clause: str) -> Domain:
    """What the variables of ``relation`` may be if ``clause`` holds. Raises ``ExpressionError``.

    Without a clause they are real; what occurs as a bound of a sum, in a factorial or in a binomial is an integer >= 0.
    """
    facts: dict[str, list[str]] = {}
    relations: list[Relation] = []
    for piece, names in _pieces(clause):
        if isinstance(piece, Relation):
            relations.append(piece)
        else:
            for name in names:
                facts.setdefault(name, []).extend(piece)
    declared = set(facts) | {name for each in relations for name in free_names(each) - CONSTANTS}
    variables = {name for name in free_names(relation) if name not in CONSTANTS or name in declared} | declared
    ranges = {name: _range(facts.get(name, []), name in _counting(relation)) for name in variables}
    conditions: list[Expression] = []
    for each in relations:
        for left, operator, right in each.links:
            if not _bounded(ranges, left, operator, right):
                conditions.append(Relation((operator,), (left, right)))
    for name, words in facts.items():
        if "nonzero" in words:
            conditions.append(Relation(("!=",), (Name(name), Number("0"))))
        for word, rest in (("odd", "1"), ("even", "0")):
            if word in words:
                conditions.append(Relation(("=",), (Call("mod", (Name(name), Number("2"))), Number(rest))))
    return Domain(ranges, tuple(conditions))


def _pieces(clause: str) -> Iterable[tuple[Relation | tuple[str, ...], list[str]]]:
    """Relations, and words with the names they are about."""
    waiting: list[str] = []
    before: tuple[str, ...] = ()
    for part in re.split(r"[,;]|\band\b|\b(?=for all\b|for every\b)", clause):
        text = part.strip(" .\t\n")
        if not text:
            continue
        member = _MEMBER.match(_without_fillers(text))
        if member is not None:
            names = [*waiting, *_NAME.findall(member["names"])]
            yield _SETS[member["set"]] + (("positive",) if member["sign"] else ()), names
            waiting = []
        elif re.search(r"[<>=≤≥≠∈]", text):
            kinds, rest = _kinds_and_rest(text)
            relation = parse_plain(rest)
            if not isinstance(relation, Relation):
                raise ExpressionError(f"The condition {text!r} is not understood; write it like 'for x > 0'.")
            first = relation.operands[0]
            if kinds and isinstance(first, Name):
                yield kinds, [*waiting, first.name]
            yield relation, []
            for name in waiting:
                yield Relation(relation.operators, (Name(name), *relation.operands[1:])), []
            waiting, before = [], ()
        else:
            kinds, rest = _kinds_and_rest(text)
            names = rest.split()
            if not all(_NAME.fullmatch(name) for name in names):
                raise ExpressionError(f"The condition {text!r} is not understood; write it like 'for x > 0'.")
            leads = (
                bool(kinds)
                and bool(names)
                and not (set(text.split()) & {"is", "are", "be"})
                and (
                    text.split().index(names[0])
                    > next(i for i, word in enumerate(text.split()) if word.lower() in _KINDS)
                )
            )
            if leads:  # "integers m, n": what follows without a word of its own is of the same kind.
                before = kinds
                yield kinds, names
                waiting = [*waiting, *names] if kinds == ("real",) else waiting
            elif kinds:
                yield kinds, [*waiting, *names]
                waiting, before = [], ()
            elif before and names:
                yield before, names
            else:
                waiting += names
    for name in waiting:
        yield (), [name]


def _without_fillers(text: str) -> str:
    return " ".join(word for word in text.split() if word.lower() not in _FILLERS and word.lower() not in _KINDS)


def _kinds_and_rest(text: str) -> tuple[tuple[str, ...], str]:
    kinds: list[str] = []
    rest: list[str] = []
    for word in text.split():
        lower = word.lower()
        if lower in _KINDS:
            kinds += _KINDS[lower]
        elif lower not in _FILLERS or (
            len(word) == 1
            and any(each in text.split() for each in (f"{word} <", f"{word}"))
            and word == "a"
            and _is_variable(text)
        ):
            rest.append(word)
    return tuple(kinds), " ".join(rest)


def _is_variable(text: str) -> bool:
    """Whether ``a`` is a name in it, not the article: no word like "integer" follows."""
    return re.search(r"\ba\s+(?:non-?)?[a-z]{3,}", text) is None


def _counting(node: Expression) -> frozenset[str]:
    """Names that count: bounds of sums, and what factorials and binomials are of."""
    found: set[str] = set()
    for each in walk(node):
        match each:
            case Unary("!", operand):
                found |= free_names(operand)
            case Call("factorial" | "binomial", arguments):
                found |= frozenset().union(*map(free_names, arguments))
            case Call("sum" | "product", (_, _, *bounds)):
                found |= frozenset().union(*map(free_names, bounds))
    bound = {
        each.arguments[1].name
        for each in walk(node)
        if isinstance(each, Call)
        and each.function in ("sum", "product", "integrate", "limit")
        and isinstance(each.arguments[1], Name)
    }
    return frozenset(found - CONSTANTS - bound)


def _range(words: list[str], is_counting: bool) -> Range:
    is_integer = "integer" in words or (is_counting and "real" not in words)
    zero = Fraction(0)
    if "positive" in words:
        return Range(is_integer, zero, None, True)
    if "nonnegative" in words or (is_counting and not words):
        return Range(is_integer, zero)
    if "negative" in words:
        return Range(is_integer, None, zero, False, True)
    return Range(is_integer)


def _bounded(ranges: dict[str, Range], left: Expression, operator: str, right: Expression) -> bool:
    """Whether the relation is a bound of one variable, which is then put into ``ranges``."""
    if operator in ("=", "!=", "in"):
        return False
    if isinstance(right, Name) and right.name in ranges:
        left, right = right, left
        operator = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}[operator]
    value = exact_value(right)
    if not (isinstance(left, Name) and left.name in ranges) or value is None:
        return False
    is_open = operator in ("<", ">")
    is_low = operator in (">", ">=")
    before = ranges[left.name]
    if before.is_integer and before.low == 0 and not before.low_is_open and is_low:
        before = Range(True, None, before.high, False, before.high_is_open) if value < 0 else before
    ranges[left.name] = before.within(value if is_low else None, None if is_low else value, (is_open, is_open))
    return True


def exact_value(node: Expression) -> Fraction | None:
    """The value of an expression without variables if it is rational."""
    try:
        value = Evaluator(has_i=False).value(node, {})
    except Undefined:
        return None
    return Fraction(value) if isinstance(value, int | Fraction) else None
