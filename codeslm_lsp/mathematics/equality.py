r"""Two final answers as people and models write them → whether they say the same.

``\frac12``, ``0.5`` and ``50\%`` do; ``3.14`` and ``\pi`` do not. Order counts in tuples, not in sets and lists.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from codeslm_lsp.mathematics.domains import Domain, Range
from codeslm_lsp.mathematics.expressions import (
    MAX_CHARS,
    Binary,
    Collection,
    Expression,
    Name,
    Relation,
    Unary,
    free_names,
)
from codeslm_lsp.mathematics.functions import CONSTANTS
from codeslm_lsp.mathematics.latex import is_latex, plain_text
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.patience import Clock, attempted
from codeslm_lsp.mathematics.proving import method_of_equality
from codeslm_lsp.mathematics.searching import search
from codeslm_lsp.mathematics.symbolic import symbols_of, to_sympy
from codeslm_lsp.values import ExpressionError

MAX_ITEMS = 40
"""Of a set; each is compared with each."""

_INTRODUCTION = re.compile(r"^\s*(?:the\s+)?(?:final\s+)?answer\s*(?:is|:|=)\s*", re.I)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{(.*)\}\s*\.?\s*\$?$", re.DOTALL)
_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mbox|textit)\s*\{([^{}]*)\}")
_MIXED = re.compile(r"(?<![\d.)}])(\d+)\s*\\[dt]?frac\s*(?:\{\s*(\d+)\s*\}|(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))")
_BASED = re.compile(r"(?<![\w.])(\d+)\s*_\s*(?:\{\s*(\d+)\s*\}|(\d+))")
_MATRIX = re.compile(r"\\begin\{[pbv]?matrix\}(.*?)\\end\{[pbv]?matrix\}", re.DOTALL)
_UNIT = re.compile(
    r"^(?P<number>.*[\d)}])(?:\s*(?=(?:[cmk]m|k?g|m[gls]|mL|in|ft|mi|hr|Hz|Pa|oz|lbs?|yd)\b)|\s+(?=[A-Za-z]{3}|[mgsLhNJKVW]\b))"
    r"(?P<unit>[A-Za-z]+(?:[ /][A-Za-z]+)*\.?(?:\s*\^?\s*(?:\{[23]\}|[23²³]))?)$"
)
"""Letters without a space, or single ones, are units only if they are known: ``2xy`` and ``2 x`` are products."""
_NUMERIC_COMMAND = re.compile(r"\\(?:[dt]?frac|sqrt|pi|cdot|times|left|right)|base|pi|sqrt")
_WORDS = re.compile(r"[A-Za-z][A-Za-z' -]*")
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


@dataclass(frozen=True, slots=True)
class _Read:
    """``unit`` has the words behind a number, ``mark`` a ``%`` or ``°``."""

    node: Expression | None
    words: str
    unit: str = ""
    mark: str = ""


def equal(left: str, right: str, limit_s: float) -> bool:
    """Whether both answers say the same. What cannot be read is compared letter by letter."""
    for text in (left, right):
        if len(text) > MAX_CHARS:
            raise ExpressionError(f"The answer is longer than {MAX_CHARS:,} characters; shorten it.")
    first, second = _read(left), _read(right)
    if first.node is None or second.node is None:
        return first.words != "" and first.words == second.words
    if first.unit and second.unit and first.unit != second.unit:
        from codeslm_lsp.mathematics.measuring import same_quantity

        return same_quantity(left, right) or False  # 90 minutes are 1.5 hours.
    clock = Clock(limit_s)
    if _same(first.node, second.node, clock):
        return True
    for one, other in ((first, second), (second, first)):
        if one.mark == "%" and not other.mark and isinstance(one.node, Unary) and other.node is not None:
            return _same(one.node.operand, other.node, clock)
    return False


def _read(text: str) -> _Read:
    text = _INTRODUCTION.sub("", text.strip().rstrip(".").strip())
    boxed = _BOXED.search(text)
    if boxed is not None:
        text = boxed[1]
    text = text.strip().strip("$").strip() if text.count("$") >= 2 or text.startswith("$\\") else text.strip()
    words = " ".join(_TEXT.sub(lambda found: f" {found[1]} ", text).replace("\\", " ").lower().split()).strip(" .$(){}")
    try:
        return _parsed(text, words)
    except ExpressionError:
        return _Read(None, words)


def _parsed(text: str, words: str) -> _Read:
    if "\\begin" in text:
        return _Read(_matrix(text), words)
    unit = ""
    text = re.sub(r"\\[,;!: ]", " ", text)
    text = re.sub(r"\^\s*(?:\\circ|\{\s*\\circ\s*\})|\\degree|°", "", text)
    text = _MIXED.sub(lambda m: f"({m[1]}+{m[2] or m[3]}/{m[4] or m[5]})", text)
    plain_mixed = re.fullmatch(r"\s*(-?)(\d+)\s+(\d+)/(\d+)\s*", text)
    if plain_mixed is not None:
        text = f"{plain_mixed[1]}({plain_mixed[2]}+{plain_mixed[3]}/{plain_mixed[4]})"
    text = _BASED.sub(lambda m: f" base({m[1]}, {m[2] or m[3]}) ", text)
    text = re.sub(r"\\\$", "", text)
    bare = _TEXT.sub(lambda found: f" {found[1].strip()} ", text).strip()
    found = _UNIT.match(bare)
    if found is not None and not re.search(r"[A-Za-z]", _NUMERIC_COMMAND.sub("", found["number"])):
        text, unit = found["number"], _singular(found["unit"])
    elif _WORDS.fullmatch(bare) and len(bare) > 1 and bare not in CONSTANTS:
        return _Read(None, words)
    plain = plain_text(text) if is_latex(text) else text
    if plain.count("±") == 1:
        plain = "{" + plain.replace("±", "+") + ", " + plain.replace("±", "-") + "}"
    node = _value(parse_plain(plain))
    mark = "%" if isinstance(node, Unary) and node.operator == "%" else ""
    return _Read(node, words, unit, mark)


def _singular(unit: str) -> str:
    """``Meters.`` → ``meter``."""
    unit = unit.lower().strip(" .")
    return unit[:-1] if len(unit) > 3 and unit.endswith("s") and not unit.endswith("ss") else unit


def _matrix(text: str) -> Expression:
    found = _MATRIX.fullmatch(text.strip().removeprefix("\\left").strip())
    if found is None:
        raise ExpressionError("The matrix cannot be read; write \\begin{pmatrix} … \\end{pmatrix} alone.")
    rows = [row for row in found[1].split("\\\\") if row.strip()]
    read = [tuple(parse_plain(plain_text(cell)) for cell in row.split("&")) for row in rows]
    return Collection("matrix", tuple(Collection("row", row) for row in read))


def _value(node: Expression) -> Expression:
    """Without ``x =`` or ``x in`` before it; bounds of one name are an interval."""
    if not isinstance(node, Relation):
        return node
    names = [each for each in node.operands if isinstance(each, Name) and each.name not in CONSTANTS]
    if node.operators in (("in",), ("=",)) and isinstance(node.operands[0], Name):
        return node.operands[1]
    if len(node.operands) == 2 and node.operators[0] in _FLIPPED and len(names) == 1:
        left, operator, right = node.links[0]
        if isinstance(right, Name) and right in names:
            left, operator, right = right, _FLIPPED[operator], left
        infinity = Name("oo")
        if operator in (">", ">="):
            return Collection("()" if operator == ">" else "[)", (right, infinity))
        return Collection("()" if operator == "<" else "(]", (Unary("-", infinity), right))
    if len(node.operands) == 3 and isinstance(node.operands[1], Name):
        low, _, high = node.operands
        operators = node.operators
        if all(each in (">", ">=") for each in operators):
            low, high, operators = high, low, (_FLIPPED[operators[1]], _FLIPPED[operators[0]])
        if all(each in ("<", "<=") for each in operators):
            brackets = ("[" if operators[0] == "<=" else "(") + ("]" if operators[1] == "<=" else ")")
            return Collection(brackets, (low, high))
    return node


def _same(left: Expression, right: Expression, clock: Clock) -> bool:
    match left, right:
        case (Binary("∪", _, _), _) | (_, Binary("∪", _, _)):
            return _same_sets(_members(left), _members(right), clock)
        case Collection(), Collection():
            unordered = ("", "{}")
            if left.brackets in unordered and right.brackets in unordered:
                return _same_sets(list(left.items), list(right.items), clock)
            is_alike = left.brackets == right.brackets or "" in (left.brackets, right.brackets)
            return (
                is_alike
                and len(left.items) == len(right.items)
                and all(_same(a, b, clock) for a, b in zip(left.items, right.items, strict=True))
            )
        case (Collection(brackets="{}" | "", items=(only,)), other) | (
            other,
            Collection(brackets="{}" | "", items=(only,)),
        ):
            return _same(only, other, clock)
        case (Collection(), _) | (_, Collection()):
            return False
        case Relation(), Relation():
            return _same_relations(left, right, clock)
        case (Relation(), _) | (_, Relation()):
            return False
    return _same_numbers(left, right, clock)


def _members(node: Expression) -> list[Expression]:
    if isinstance(node, Binary) and node.operator == "∪":
        return [*_members(node.left), *_members(node.right)]
    return [node]


def _same_sets(left: list[Expression], right: list[Expression], clock: Clock) -> bool:
    if len(left) != len(right) or len(left) > MAX_ITEMS:
        return False
    rest = list(right)
    for each in left:
        match = next((other for other in rest if _same(each, other, clock)), None)
        if match is None:
            return False
        rest.remove(match)
    return True


def _same_relations(left: Relation, right: Relation, clock: Clock) -> bool:
    if left.operators == right.operators == ("=",):
        first, second = (Binary("-", *each.operands) for each in (left, right))
        return _same_numbers(first, second, clock) or _same_numbers(first, Unary("-", second), clock)
    if left.operators == right.operators:
        return all(_same(a, b, clock) for a, b in zip(left.operands, right.operands, strict=True))
    return (
        len(right.operators) == 1
        and right.operators[0] in _FLIPPED
        and left == replace(right, operators=(_FLIPPED[right.operators[0]],), operands=right.operands[::-1])
    )


def _same_numbers(left: Expression, right: Expression, clock: Clock) -> bool:
    """Exactly, or where both are closed forms that agree to all digits, or by a proof."""
    if left == right:
        return True
    names = (free_names(left) | free_names(right)) - CONSTANTS
    domain = Domain(dict.fromkeys(names, Range()))
    has_i = bool((free_names(left) | free_names(right)) & {"i", "I"})
    found = search(left, "=", right, domain, has_i=has_i, clock=Clock(clock.share_s(clock.left_s / 2)))
    if found.counterexample is not None or not found.n_points:
        return False
    if not names and not found.is_rough:
        return True
    symbols = symbols_of(domain)
    sides = attempted(lambda: tuple(to_sympy(each, symbols, has_i=has_i) for each in (left, right)), clock.share_s(2.0))
    return sides is not None and method_of_equality(sides[0], sides[1], clock) is not None
