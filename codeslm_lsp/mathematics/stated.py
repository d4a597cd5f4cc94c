"""``A(r) = \\pi r^2``, or prose with such a formula in it → what is defined, in which variables, and how."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from codeslm_lsp.mathematics.expressions import (
    Call,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
    bound_name,
    children,
    free_names,
    values_in,
)
from codeslm_lsp.mathematics.expressions import Collection as Listed
from codeslm_lsp.mathematics.functions import CONSTANTS, PREFIX_FUNCTIONS, function_named
from codeslm_lsp.mathematics.latex import is_latex, plain_text
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.values import ExpressionError

CLAUSE = re.compile(
    r"[,;(]?\s*\b(?:for(?=\s)|where|when(?:ever)?|if|with|given|assuming|provided(?:\s+that)?|such\s+that|as\s+long\s+as)\b"
)
"""Where the condition of a claim begins."""

_LEFT = re.compile(r"\s*(?P<name>[A-Za-z]\w*)\s*(?:\((?P<parameters>[\w\s,]*)\))?\s*:?=(?!=)")
_UPRIGHT = re.compile(r"\\(?:mathrm|text|operatorname|mathsf|texttt)\s*\{\s*([A-Za-z]\w*)\s*\}")
_WORDS = frozenset({"for", "where", "when", "if", "with", "and", "or", "otherwise", "else", "given", "d", "all"})
_AFTER_NUMBER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)([a-z]{2,4})(?![\w(])")

_MARKED = re.compile(
    r"\$\$(?P<display>.+?)\$\$|\$(?P<inline>[^$\n]+)\$|:math:`(?P<role>[^`]+)`|\\\[(?P<block>.+?)\\\]"
    r"|\\\((?P<span>.+?)\\\)|`{1,2}(?P<code>[^`\n]+)`{1,2}",
    re.DOTALL,
)
_VERB = re.compile(r"^(?:returns?|computes?|calculates?|evaluates?|formula|it is|equals?)\b\s*:?\s*(?:the\s+)?", re.I)
_BULLET = re.compile(r"^\s*(?:[-*•>#]+\s+|\d+[.)]\s+|\.\.\s+math::)?\s*")
_PROSE = re.compile(r"(?<![\\\w])(?!for\b|where\b|and\b|if\b)[A-Za-z]{2,}\s+(?!for\b|where\b|if\b|mod\b)[A-Za-z]{2,}")
"""Two words behind each other are no product."""


@dataclass(frozen=True, slots=True)
class Stated:
    """``name(parameters) = expression`` for ``clause``; ``parameters`` is None where they are not listed.

    ``name`` is empty of an expression alone. ``text`` is what was read. ``is_result``: it is no remark in a sentence.
    """

    name: str
    parameters: tuple[str, ...] | None
    expression: Expression
    clause: str
    text: str
    is_result: bool = False

    @property
    def variables(self) -> tuple[str, ...]:
        """All in the order of the list, or of reading."""
        if self.parameters is not None:
            return self.parameters
        return tuple(dict.fromkeys(each for each in _in_order(self.expression, frozenset()) if each not in CONSTANTS))


def read_stated(text: str, names: Collection[str] = ()) -> Stated:
    """A formula that stands alone. ``names`` are variables. Raises ``ExpressionError``."""
    said = text.strip().rstrip(".,;").strip()
    is_tex = is_latex(said)
    plain = plain_text(_UPRIGHT.sub(_italic, said)) if is_tex else said
    left = _LEFT.match(plain)
    name, listed = (left["name"], left["parameters"]) if left is not None else ("", None)
    parameters = tuple(re.findall(r"[A-Za-z]\w*", listed)) if listed is not None else None
    right = plain[left.end() :] if left is not None else plain
    clause = CLAUSE.search(right)
    right, condition = (right[: clause.start()], right[clause.end() :]) if clause is not None else (right, "")
    declared = {*names, *(parameters or ())}
    if parameters is None and not names:
        declared |= _letters(right) if is_tex or _is_mathematical(right) else set()
    if not is_tex:
        right = _AFTER_NUMBER.sub(lambda m: m[0] if m[2] in declared else f"{m[1]} {' '.join(m[2])}", right)
    node = parse_plain(right.strip().rstrip(".,;"), declared)
    if any(isinstance(each, Relation | Listed) for each in values_in(node)):
        raise ExpressionError("The formula is a relation or a list; give one expression, or one behind 'name ='.")
    strangers = free_names(node) - CONSTANTS - set(parameters) if parameters is not None else frozenset()
    if strangers:
        raise ExpressionError(
            f"The formula of {name} uses {min(strangers)}, which is not among its parameters; add it."
        )
    return Stated(name, parameters, node, condition.strip(), said)


def find_stated(text: str, names: Collection[str] = ()) -> Iterator[Stated]:
    """Formulas in a comment or a docstring, the likeliest first. With ``names`` only those that use no others."""
    seen: set[str] = set()
    for candidate, is_result in _candidates(text):
        said = candidate.strip().rstrip(".,;").strip()
        if said in seen or not said:
            continue
        seen.add(said)
        try:
            stated = replace(read_stated(said, names), is_result=is_result)
        except ExpressionError:
            continue
        if _says_something(stated, names):
            yield stated


def _says_something(stated: Stated, names: Collection[str]) -> bool:
    """Whether something is worked out from variables, of ``names`` alone if there are any."""
    used = free_names(stated.expression) - CONSTANTS
    match stated.expression:
        case Name() | Number() | Unary(_, Name() | Number()):
            return False
    return bool(used) and (not names or used <= set(names))


def _candidates(text: str) -> Iterator[tuple[str, bool]]:
    """Marked as mathematics, then lines, and parts of lines, that may be; and whether these are said to be a value."""
    lines = _without_examples(text.strip().strip("\"'"))
    for line in lines:
        is_result = _is_result(line)
        yield from ((said, is_result or "=" in said) for said in _marked(line))
    yield from ((said, True) for said in _marked("\n".join(lines)) if "\n" in said)
    for line in lines:
        bare = _BULLET.sub("", line).strip()
        parts = [bare, _VERB.sub("", bare), bare.rpartition(": ")[2]]
        for part in dict.fromkeys(parts):
            for each in (part, re.split(r"[.,;](?:\s|$)", part)[0]):
                if not _PROSE.search(each):
                    yield each, True


def _marked(text: str) -> Iterator[str]:
    return (found[found.lastgroup or 0] for found in _MARKED.finditer(text))


def _without_examples(text: str) -> list[str]:
    """Lines but those of doctests, which reach to the next blank line."""
    lines: list[str] = []
    is_example = False
    for line in text.split("\n"):
        is_example = bool(line.strip()) and (is_example or line.lstrip().startswith((">>>", "...")))
        if not is_example:
            lines.append(line)
    return lines


def _is_result(line: str) -> bool:
    """Whether the line says what is returned."""
    return _VERB.match(_BULLET.sub("", line).strip()) is not None


def _italic(found: re.Match[str]) -> str:
    """Upright words are names, unless they belong to a sentence."""
    is_word = found[1] in _WORDS or function_named(found[1]) is not None or found[1] in PREFIX_FUNCTIONS
    return found[0] if is_word else rf"\mathit{{{found[1]}}}"


def _letters(text: str) -> set[str]:
    """LaTeX sets variables of one letter: a run of them is a product."""
    runs = re.findall(r"(?<![A-Za-z_])[a-zA-Z]{1,4}(?![\w(])", text)
    return {letter for run in runs if run not in CONSTANTS and function_named(run) is None for letter in run}


def _is_mathematical(text: str) -> bool:
    """Whether ``mc^2`` is m times c^2: there are no signs of multiplication, and no words."""
    runs = [each for each in re.findall(r"[A-Za-z]+", text) if each not in CONSTANTS and function_named(each) is None]
    return "*" not in text and all(len(each) <= 2 for each in runs)


def _in_order(node: Expression, bound: frozenset[str]) -> Iterator[str]:
    if isinstance(node, Name):
        if node.name not in bound:
            yield node.name
        return
    own = bound_name(node) if isinstance(node, Call) else None
    for place, each in enumerate(children(node)):
        if own is None or place != 1:
            yield from _in_order(each, bound | {own} if own is not None and place == 0 else bound)
