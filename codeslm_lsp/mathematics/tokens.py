"""Plain mathematical text → tokens. What is written in many ways (``**`` and ``^``, ``·`` and ``*``) is one token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from codeslm_lsp.mathematics.expressions import MAX_CHARS, MAX_DIGITS, Expression
from codeslm_lsp.mathematics.functions import GREEK
from codeslm_lsp.values import ExpressionError

_SPELLINGS = {
    **{"**": "^", "==": "=", "≠": "!=", "<>": "!=", "≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">="},
    **dict.fromkeys("−–—", "-"),
    **dict.fromkeys("×·⋅∙∗", "*"),
    **{"÷": "/", "∕": "/", "∈": "in", "√": "√", "º": "°", "∣": "|"},
}
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_GREEK = "".join(GREEK)

_TOKEN = re.compile(
    rf"""
    (?P<space>\s+)
    | (?P<grouped>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?(?![\d,.]))
    | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![\w.]))?)
    | (?P<name>[A-Za-z]\w*'*|[{_GREEK}](?:_?\d+)?)
    | (?P<raised>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ]+)
    | (?P<infinity>∞)
    | (?P<currency>\$)
    | (?P<operator>\*\*|//|==|!=|<>|<=|>=|[-+*/^=<>!%°|()\[\]{{}},≠≤≥⩽⩾−–—×·⋅∙∗÷∕∈√º∣∪⌊⌋⌈⌉])
    """,
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` is number, name, operator, end, or node: something that has been read already.

    ``tight``: there is no space before it.
    """

    kind: str
    text: str
    start: int
    tight: bool = True
    node: Expression | None = None
    big: bool = False
    """The node is a sum or the like whose first argument, the body, follows."""


def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of a plain text, with one of kind ``end`` behind them. Raises ``ExpressionError``."""
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"The expression is longer than {MAX_CHARS:,} characters; shorten it.")
    return tuple(_tokens(text))


def number_token(digits: str, start: int, tight: bool = True) -> Token:
    """A number within the limits. Raises ``ExpressionError``."""
    mantissa, _, exponent = digits.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent.lstrip("+-0")) > 3 or abs(int(exponent or "0")) > MAX_DIGITS:
        raise ExpressionError(f"The number at character {start + 1} has more than {MAX_DIGITS} digits; shorten it.")
    return Token("number", digits, start, tight)


def _tokens(text: str) -> Iterator[Token]:
    place, depth, tight = 0, 0, False
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is not None and found.lastgroup == "grouped" and depth:
            found = re.compile(r"(?P<number>\d+)").match(text, place)  # In brackets a comma parts two numbers.
        if found is None:
            raise ExpressionError(f"The character {text[place]!r} at {place + 1} is not mathematics; leave it out.")
        start, place = place, found.end()
        match found.lastgroup, found.group():
            case "space", _:
                tight = False
                continue
            case "grouped", digits:
                yield number_token(digits.replace(",", ""), start, tight)
            case "number", digits:
                yield number_token(digits, start, tight)
            case "name", name:
                yield Token("name", GREEK.get(name[0], name[0]) + name[1:], start, tight)
            case "raised", raised:
                yield Token("operator", "^", start, tight)
                yield from _exponent(raised.translate(_SUPERSCRIPTS), start)
            case "infinity", _:
                yield Token("name", "oo", start, tight)
            case "currency", _:
                continue
            case _, "!=" if tight and start and text[start - 1] not in "(,=<>+-*/^":
                raise ExpressionError(
                    f"'!=' at character {start + 1} may be a factorial or an inequality; write '! =' or ' != '."
                )
            case _, operator:
                depth += (operator in "([{") - (operator in ")]}")
                yield Token("operator", _SPELLINGS.get(operator, operator), start, tight)
        tight = True
    yield Token("end", "the end", len(text), False)


def _exponent(text: str, start: int) -> Iterator[Token]:
    if text[0] in "+-":
        yield Token("operator", text[0], start)
        text = text[1:]
    if text.isdigit():
        yield number_token(text, start)
    elif text == "n":
        yield Token("name", "n", start)
    else:
        raise ExpressionError(f"The exponent at character {start + 1} cannot be read; write it with '^'.")
