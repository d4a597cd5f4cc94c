"""``60 km/h * 2.5 h in km`` → the quantity. A unit binds closer to its number than a sign of multiplication.

What names mean is looked up one by one (``units``); nothing of the text is run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from codeslm_lsp.mathematics.answers import Computed
from codeslm_lsp.mathematics.expressions import MAX_CHARS, MAX_NESTING
from codeslm_lsp.mathematics.tokens import number_token
from codeslm_lsp.mathematics.units import (
    Quantity,
    Unit,
    added,
    converted,
    reduced,
    registry,
    shown_unit,
    unit_named,
)
from codeslm_lsp.values import ExpressionError, UnitsError

MAX_POWER = 9
"""Of a quantity or a unit."""

MAX_BITS = 4000
"""Of a number: a thousand digits."""

DECIMALS = 12
"""Significant digits of a decimal."""

MAX_EXACT_CHARACTERS = 40
"""A longer fraction comes of a unit that pint has as a decimal itself, such as the parsec."""

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?(?:/\d+(?=\s*[A-Za-zµΩ°]))?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<name>°[CF]|[A-Za-zµΩ_][A-Za-z0-9µΩ_]*)|(?P<raised>[²³])|(?P<operator>\*\*|[-+*/^()=%·×−]))"
)
_POWERS = {"²": 2, "³": 3, "squared": 2, "cubed": 3}
_BEFORE = {"square": 2, "cubic": 3}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def measured(text: str) -> Computed:
    """The value of statements with units, one a line; the last one counts, or ``answer``.

    Raises ``UnitsError`` where units do not fit together, ``ExpressionError`` where something is no quantity.
    """
    if len(text) > MAX_CHARS:
        raise ExpressionError(f"The statements are longer than {MAX_CHARS:,} characters; shorten them.")
    known: dict[str, tuple[Quantity, str]] = {}
    has_units = False
    last: tuple[Quantity, str] | None = None
    for line in re.split(r"\n|;", text):
        said = line.split("#")[0].strip().rstrip(".=?").strip()
        if not said:
            continue
        name, _, right = said.partition("=") if re.match(r"[A-Za-z]\w*\s*=", said) else ("", "", said)
        reader = _Reader(_tokens(right), {each: value for each, (value, _) in known.items()})
        last = reader.whole()
        has_units = has_units or reader.has_units
        if name:
            known[name.strip()] = last
    if last is None or not has_units:
        raise ExpressionError("There is no quantity to work out; write one such as 3 km + 200 m.")
    answer = known.get("answer", last)
    exact, decimal = _shown(*answer)
    values = tuple((name, _shown(*value)[0]) for name, value in known.items())
    return Computed(exact, decimal, values)


def same_quantity(first: str, second: str) -> bool | None:
    """Whether two quantities are the same; None where one of them is none, or has no unit."""
    try:
        one, other = (_Reader(_tokens(text), {}).whole()[0] for text in (first, second))
    except ExpressionError:
        return None
    if not one.dimensionality or not other.dimensionality:
        return None
    if one.dimensionality != other.dimensionality:
        return False
    return bool(one.to_base_units().magnitude == other.to_base_units().magnitude)


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ExpressionError(f"The character {text[place:].lstrip()[:1]!r} is not understood beside units.")
        place = found.end()
        tokens.append(_Token(found.lastgroup or "", found[found.lastgroup or 0]))
    return [*tokens, _Token("end", "the end")]


class _Reader:
    """Reads one expression; ``known`` are values of names, which are no units then."""

    def __init__(self, tokens: list[_Token], known: Mapping[str, Quantity]) -> None:
        self._tokens = tokens
        self._known = known
        self._place = 0
        self._n_deep = 0
        self.has_units = False

    def whole(self) -> tuple[Quantity, str]:
        """The quantity, and the unit that it is to be written in, which may be none."""
        value = self._sum()
        shown = ""
        if self._next.kind == "name" and self._next.text in ("in", "to", "as"):
            self._place += 1
            start = self._place
            unit = self._unit()
            value = converted(value, unit)
            shown = "".join(_spaced(self._tokens[start : self._place]))
        if self._next.kind != "end":
            raise ExpressionError(f"{self._next.text!r} is not expected beside units; check what stands there.")
        return value, shown

    @property
    def _next(self) -> _Token:
        return self._tokens[self._place]

    def _takes(self, *texts: str) -> str | None:
        if self._next.kind in ("operator", "name") and self._next.text in texts:
            self._place += 1
            return self._tokens[self._place - 1].text
        return None

    def _sum(self) -> Quantity:
        self._n_deep += 1
        if self._n_deep > MAX_NESTING:
            raise ExpressionError(f"Brackets are nested more than {MAX_NESTING} deep; split it.")
        value = self._product()
        while (sign := self._takes("+", "-", "−")) is not None:
            other = self._product()
            value = _limited(added(value, other if sign == "+" else -other))
        self._n_deep -= 1
        return value

    def _product(self) -> Quantity:
        value = self._signed()
        while (sign := self._takes("*", "·", "×", "/", "of", "per")) is not None:
            other = self._signed()
            if sign in ("/", "per") and other.magnitude == 0:
                raise UnitsError("Something is divided by zero; correct that.")
            value = _limited(value / other if sign in ("/", "per") else value * other)
        return value

    def _signed(self) -> Quantity:
        if self._takes("-", "−") is not None:
            return -self._signed()
        value = self._primary()
        if self._takes("^", "**") is not None:
            value = _limited(value ** self._power())
            if not value.dimensionality and self._is_unit():  # 10^6 m
                value = value * registry().Quantity(Fraction(1), self._unit())
        return value

    def _primary(self) -> Quantity:
        token = self._next
        if token.kind == "number":
            self._place += 1
            return self._measure(_number(token.text))
        if self._takes("(") is not None:
            value = self._sum()
            if self._takes(")") is None:
                raise ExpressionError("A bracket is not closed; close it.")
            return value * registry().Quantity(Fraction(1), self._unit()) if self._is_unit() else value
        if token.kind == "name" and token.text in self._known:
            self._place += 1
            return self._known[token.text]
        raise ExpressionError(f"{token.text!r} has no number before it and no value; write a number with its unit.")

    def _measure(self, number: Fraction) -> Quantity:
        if self._takes("%") is not None:
            return registry().Quantity(number / 100)
        is_inch = self._next.text == "in" and not self._is_unit(1)
        return registry().Quantity(number, self._unit()) if is_inch or self._is_unit() else registry().Quantity(number)

    def _is_unit(self, ahead: int = 0) -> bool:
        """Whether a unit begins there. That ``in`` may be inches is looked at elsewhere."""
        token = self._tokens[min(self._place + ahead, len(self._tokens) - 1)]
        if token.kind != "name" or token.text in self._known or token.text == "in":
            return False
        return token.text in _BEFORE or unit_named(token.text) is not None

    def _unit(self) -> Unit:
        """``kg*m/s^2``, ``km per hour``, ``J/(kg K)``, up to what is no unit."""
        unit = self._factor()
        self.has_units = True
        while True:
            if self._next.text in ("*", "·", "/", "per") and self._is_unit(1):
                sign = self._tokens[self._place].text
                self._place += 1
                unit = unit / self._factor() if sign in ("/", "per") else unit * self._factor()
            elif self._next.text == "/" and self._tokens[self._place + 1].text == "(" and self._is_unit(2):
                self._place += 2
                unit = unit / self._unit()
                if self._takes(")") is None:
                    raise ExpressionError("A bracket of a unit is not closed; close it.")
            elif self._is_unit():
                unit = unit * self._factor()
            else:
                return unit

    def _factor(self) -> Unit:
        token = self._next
        power = _BEFORE.get(token.text, 1)
        self._place += power != 1
        token = self._next
        unit = unit_named(token.text) if token.kind == "name" else None
        if unit is None:
            raise ExpressionError(f"The unit {token.text!r} is not known; write it in units such as km/h.")
        self._place += 1
        if self._next.text in _POWERS:
            power = _POWERS[self._next.text]
            self._place += 1
        elif self._next.text in ("^", "**"):
            self._place += 1
            power = self._power()
        return unit**power

    def _power(self) -> int:
        sign = -1 if self._takes("-", "−") is not None else 1
        token = self._next
        if token.kind != "number" or not token.text.isdigit() or int(token.text) > MAX_POWER:
            raise ExpressionError(f"A power beside units is a whole number up to {MAX_POWER}; correct that.")
        self._place += 1
        return sign * int(token.text)


def _number(text: str) -> Fraction:
    digits = text.replace(",", "")
    top, _, bottom = digits.partition("/")
    number_token(top, 0)
    if bottom and not int(bottom):
        raise UnitsError("Something is divided by zero; correct that.")
    return Fraction(top) / int(bottom or 1)


def _limited(value: Quantity) -> Quantity:
    number = Fraction(value.magnitude)
    if max(abs(number.numerator).bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise ExpressionError("A number there has more than a thousand digits; use smaller ones.")
    return value


def _shown(value: Quantity, unit: str) -> tuple[str, str]:
    """Exactly and as a decimal, with the unit."""
    if not unit:
        value = reduced(value) if value.dimensionality else value.to_base_units()
        unit = shown_unit(value.units) if value.dimensionality else ""
    number = Fraction(value.magnitude)
    decimal = _decimal(number)
    is_short = Fraction(decimal) == number or len(str(number)) > MAX_EXACT_CHARACTERS
    exact = decimal if is_short else str(number)
    return f"{exact} {unit}".rstrip(), f"{decimal} {unit}".rstrip()


def _decimal(number: Fraction) -> str:
    if number.denominator == 1:
        return str(number)
    return f"{float(number):.{DECIMALS}g}"


def _spaced(tokens: list[_Token]) -> list[str]:
    """A unit as it was written."""
    said: list[str] = []
    for i, each in enumerate(tokens):
        is_apart = i > 0 and each.kind == "name" and tokens[i - 1].kind in ("name", "number")
        said.append(f" {each.text}" if is_apart else each.text)
    return said
