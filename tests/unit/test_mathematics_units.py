"""Quantities with units: what is worked out, what does not fit together, and what is no unit."""

from __future__ import annotations

import pytest

from codeslm_lsp.mathematics.computing import compute
from codeslm_lsp.mathematics.equality import equal
from codeslm_lsp.mathematics.units import unit_named
from codeslm_lsp.values import ExpressionError, UnitsError

LIMIT_S = 8.0


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 km + 200 m", "3.2 km"),
        ("60 km/h * 2.5 h in km", "150 km"),
        ("60 km/h * 2.5 h", "150 km"),
        ("5 m / 2 s", "2.5 m/s"),
        ("5 km/h in m/s", "25/18 m/s"),
        ("20% of 50 kg", "10 kg"),
        ("100 °C in °F", "212 °F"),
        ("1,500 g to kg", "1.5 kg"),
        ("2 m^2 in cm²", "20000 cm²"),
        ("1/2 hour in s", "1800 s"),
        ("9 square feet in square yards", "1 square yards"),
        ("60 miles per hour in mph", "60 mph"),
        ("1 GiB in MiB", "1024 MiB"),
        ("10 N m in J", "10 J"),
        ("12 in in cm", "30.48 cm"),
        ("5 m * 3 cm", "0.15 m^2"),
        ("5 km / 200 m", "25"),
        ("2 J/(kg K) * 3 kg * 5 K", "30 J"),
        ("9.81 m/s^2 * (3 s)^2 / 2", "44.145 m"),
        ("10^6 m - -2 km", "1002000 m"),
        ("1 year in days", "365.25 days"),
        ("5 kilometers in miles", "78125/25146 miles"),
        ("100 km / (8 l / 100 km)", "1250 km^2/l"),
        ("v = 60 km/h; t = 90 min; answer = v*t in km", "90 km"),
        ("1 parsec in km", "3.08567758147e+13 km"),
    ],
)
def test_quantities_are_worked_out(text: str, answer: str) -> None:
    assert compute(text, LIMIT_S).answer == answer


def test_values_of_names_have_units_too() -> None:
    computed = compute("v = 60 km/h\nt = 100 min\nanswer = v*t", LIMIT_S)
    assert computed.values == (("v", "60 km/h"), ("t", "100 min"), ("answer", "100 km"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("5 km + 3 s", "s cannot be added to km"),
        ("3 km + 200", "a plain number cannot be added to km"),
        ("5 km in s", "A quantity in km cannot be converted to s"),
        ("5 in m", "A plain number cannot be converted to m"),
        ("20 °C + 5 °C", "in kelvins"),
        ("3 km/(2 h - 2 h)", "divided by zero"),
    ],
)
def test_units_that_do_not_fit_are_told(text: str, words: str) -> None:
    with pytest.raises(UnitsError) as told:
        compute(text, LIMIT_S)
    assert words in str(told.value)


@pytest.mark.parametrize(
    "text",
    [
        "3 apples + 2 apples",
        "5 cats",
        "5 __class__",
        "5 m^99",
        "9^9^9 km",
        "(" * 60 + "3 km" + ")" * 60,
        "5 m; import os",
        "3 km + y",
        "3 km 'x'",
    ],
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError) as told:
        compute(text, LIMIT_S)
    assert not isinstance(told.value, UnitsError)


def test_equations_come_before_units() -> None:
    assert compute("2 m = 10", LIMIT_S).values == (("m", "5"),)
    assert compute("m = 3\nanswer = 2 m", LIMIT_S).answer == "6"


@pytest.mark.parametrize("name", ["people", "dollars", "cats", "price", "x", "km.to", "_units", "answer", ""])
def test_other_words_are_no_units(name: str) -> None:
    assert unit_named(name) is None


@pytest.mark.parametrize(
    ("left", "right", "is_equal"),
    [
        ("90 min", "1.5 h", True),
        ("90 min", "1.5 hours", True),
        ("90 min", "90 m", False),
        ("3 apples", "3 pears", False),
    ],
)
def test_answers_are_compared_with_their_units(left: str, right: str, is_equal: bool) -> None:
    assert equal(left, right, LIMIT_S) is is_equal
