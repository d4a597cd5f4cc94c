"""A collection of claims: what is false is never proved, and a counterexample is one for SymPy too."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import sympy as sp

from codeslm_lsp.mathematics.statements import read_statement
from codeslm_lsp.mathematics.symbolic import to_sympy
from codeslm_lsp.mathematics.verifying import verify
from codeslm_lsp.values import ExpressionError

CLAIMS: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parents[1] / "data/mathematics/identities.toml").read_text(encoding="utf-8")
)

LIMIT_S = 8.0

NEVER_PROVED = [
    "x^x = x^x + 0*ln(x) + floor(x) - floor(x) + 1e-40",
    "sum(1/k, k, 1, oo) = 5",
    "sum((-1)^k, k, 0, oo) = 1/2",
    "integrate(1/x^2, x, -1, 1) = -2",
    "integrate(1/x, x, -1, 1) = 0",
    "limit(|x|/x, x, 0) = 1",
    "limit(sin(x), x, oo) = 0",
    "sqrt(x) = sqrt(x) + 1 for x < 0",
    "ln(-1) = 0",
    "0^x = 0",
    "n^2 - n + 41 != 1681",
    "sin(n pi) = 1e-30 for n integer",
    "atan(x) + atan(1/x) = pi/2",
    "atan(tan(x)) = x",
    "acos(cos(x)) = x",
    "ln(x^2) = 2ln(x) + 0*sqrt(-x^2)",
    "(-8)^(1/3) = -2",
    "e^x >= 1 + x + 1e-30",
    "e^x > 1 + x",
    "sin x < x",
    "sin x < x for x >= 0",
    "cos x > 1 - x^2/2",
    "ln x <= x - 1.000000000001",
    "a^2 + b^2 = 1 + 2a b if a + b = 1",
    "n^3 - n = 0 mod 7",
    "acos(x) + asin(x) = pi",
    "sqrt(a b) = sqrt(a) sqrt(b) + 0i",
    "(e^(i x))^(1/2) = e^(i x/2)",
    "ln(e^(i x)) = i x",
    "integrate(sin(m x) sin(n x), x, 0, pi) = 0 for m, n integers",
    "x^2 + y^2 >= 2x y + 1e-9",
    "x^4 - 10x^3 + 35x^2 - 50x + 24 >= 0",
    "x^2 - 2 > 0 for x > 1.4142",
    "(x^2 - 2)^2 > 0",
    "x^2 >= 0.0001 for x > 0",
    "(x - y)/(x - y) > 1",
    "(x - 1)(x - 2) != 0 for x > 0",
    "floor(x) = x - 1/2 + atan(cot(pi x))/pi",
    "sqrt(a - b) sqrt(b - a) = 1",
    "ln(x - 1) - ln(1 - x) = 0",
    "sqrt(x^2 - 1) = sqrt(x + 1) sqrt(x - 1) + 0*i",
    "max(a, b) = b for a <= b + 1",
    "|x - y| = x - y for x < y",
    "|x| = cases(x, x >= -1/10^9, -x)",
    "cases(1, x > 0) + cases(1, x < 0) = 2",
    "cases(x, x > 1, 1/x) = x",
]
"""False claims, or claims about nothing, at which a computer algebra system may stumble."""

NEVER_REFUTED = [
    r"\sum_{n=0}^{\infty} \frac{x^n}{n!} = e^x",
    "cosh^2 x - sinh^2 x = 1",
    "sin(10^20) = sin(10^20 + 2pi)",
    "d/dx (cosh^2 x - sinh^2 x) = 0",
    "integrate(cosh(t)^2 - sinh(t)^2, t, 0, x) = x",
    "sum((-1)^k x^(2k + 1)/(2k + 1)!, k, 0, oo) = sin x",
    "(1 + 1e-40)^(10^3) > 1",
    "tan(atan(x)) = x",
    "gcd(a, b) lcm(a, b) = a b for positive integers a, b",
    "(e^x - 1)(e^(-x) + 1) = e^x - e^(-x)",
    "floor(sqrt(x)^2) <= x",
    "sqrt(x + 1) - sqrt(x) = 1/(sqrt(x + 1) + sqrt(x))",
    "integrate(1/x, x, 1, y) = ln y",
    "limit((x^2 - a^2)/(x - a), x, a) = 2a",
    "2^n > n for n natural",
]
"""True claims at which numbers may stumble."""

MORE_TRUE = [
    "e^x >= 1 + x",
    "ln x <= x - 1",
    "sin x < x for x > 0",
    "sin x >= x - x^3/6 for x >= 0",
    "cos x >= 1 - x^2/2",
    "e^x > x for x > 0",
    "|sin x| <= 1",
    "cos(2x) >= 1 - 2sin^2 x",
    "asin(x) + acos(x) = pi/2",
    "a^2 + b^2 = 1 - 2a b if a + b = 1",
    "e^(i x) = cos x + i sin x",
    "(a + b + c)^2 <= 3(a^2 + b^2 + c^2)",
    "product(k, k, 1, n) = n!",
    "sqrt(1 + x) sqrt(1 - x) = sqrt(1 - x^2)",
    "ln(x + 1) + ln(x - 1) = ln(x^2 - 1)",
    "max(a, b) = b for a <= b",
    "sqrt((x - y)^2) = y - x for x <= y",
    "|x| = cases(x, x >= 0, -x)",
    "sign(x) = cases(1, x > 0, -1, x < 0, 0)",
    "sum((-1)^k/(2k + 1), k, 0, oo) = pi/4",
]

UNDERSTOOD = [
    ("a b = b a for positive integers a, b", "a*b = b*a for all integer a > 0 and integer b > 0"),
    ("a b = b a for integers a, b and real c", "a*b = b*a for all integer a and integer b"),
    ("a b = b a for real a, b > 0", "a*b = b*a for all real a > 0 and real b > 0"),
    ("n x = x n for integer n, x > 0", "n*x = x*n for all integer n and real x > 0"),
    ("x y = y x where x, y are integers", "x*y = y*x for all integer x and integer y"),
    ("sqrt(x^2) = x for all x > 0", "sqrt(x^2) = x for all real x > 0"),
    ("x/x = 1 for real x", "x/x = 1 for all real x"),
    ("n! >= n where n is a positive integer", "n! >= n for all integer n > 0"),
    ("n! >= 2^n, n >= 4", "n! >= 2^n for all integer n >= 4"),
    ("a b = b a for all a, b > 0", "a*b = b*a for all real a > 0 and real b > 0"),
    ("x^2 < 1 for -1 < x < 1", "x^2 < 1 for all real -1 < x < 1"),
    ("x + y = y + x for x in R and y ∈ ℝ", "x + y = y + x for all real x and real y"),
    ("2^n > n for n ∈ ℕ", "2^n > n for all integer n > 0"),
    ("for all x, x^2 >= 0", "x^2 >= 0 for all real x"),
    ("sum(k, k, 1, n) = n(n+1)/2", "sum(k, k, 1, n) = n*(n + 1)/2 for all integer n >= 0"),
    ("(-1)^n = 1 for even n", "(-1)^n = 1 for all integer n with mod(n, 2) = 0"),
    (r"x^2 \ge 0 \text{ for all real } x", "x^2 >= 0 for all real x"),
]


@pytest.mark.parametrize("claim", CLAIMS["true"])
def test_what_is_true_is_proved(claim: str) -> None:
    assert verify(claim, LIMIT_S).outcome == "proved"


@pytest.mark.parametrize("claim", CLAIMS["false"])
def test_what_is_false_is_refuted(claim: str) -> None:
    verdict = verify(claim, LIMIT_S)
    assert verdict.outcome == "refuted"
    assert is_false_at(claim, dict(verdict.counterexample))


@pytest.mark.parametrize("claim", NEVER_PROVED)
def test_is_never_proved(claim: str) -> None:
    assert verify(claim, LIMIT_S).outcome != "proved"


@pytest.mark.parametrize(
    ("claim", "outcome"),
    [("log(100) = 2", "proved"), ("log(e) = 1", "proved"), ("log(1000) = 2", "refuted"), ("ln(100) = 2", "refuted")],
)
def test_log_is_natural_or_to_base_ten(claim: str, outcome: str) -> None:
    verdict = verify(claim, LIMIT_S)
    assert verdict.outcome == outcome
    assert ("base 10" in verdict.detail) == (claim == "log(100) = 2")


@pytest.mark.parametrize("claim", MORE_TRUE)
def test_more_that_is_true_is_proved(claim: str) -> None:
    assert verify(claim, LIMIT_S).outcome == "proved"


@pytest.mark.parametrize("claim", NEVER_REFUTED)
def test_what_is_true_is_not_refuted(claim: str) -> None:
    assert verify(claim, LIMIT_S).outcome != "refuted"


@pytest.mark.parametrize(("text", "statement"), UNDERSTOOD)
def test_conditions_are_understood(text: str, statement: str) -> None:
    assert read_statement(text).text == statement


@pytest.mark.parametrize("text", ["x + 1", "x = 1 for nice x", "x in [1, 2]", "(1, 2) = (2, 1)", "", "for x > 0"])
def test_what_is_no_claim_is_told(text: str) -> None:
    with pytest.raises(ExpressionError):
        verify(text, LIMIT_S)


def test_there_are_as_many_as_there_should_be() -> None:
    assert {kind: len(set(claims)) for kind, claims in CLAIMS.items()} == {"true": 100, "false": 100}


def is_false_at(claim: str, point: dict[str, str]) -> bool:
    """By SymPy, which searching does not use."""
    statement = read_statement(claim)
    symbols = {name: sp.Symbol(name, real=True) for name in statement.domain.ranges}
    left, operator, right = statement.relation.links[0]
    values = {symbols[name]: sp.Rational(value) for name, value in point.items()}
    sides = [sp.N(to_sympy(each, symbols, has_i=statement.has_i).subs(values).doit(), 40) for each in (left, right)]
    difference = sp.re(sides[0] - sides[1])
    assert difference.is_finite
    if abs(difference) < 1e-30:
        return operator in ("<", ">", "!=")
    return {"=": True, "!=": False, "<": difference > 0, "<=": difference > 0}.get(
        operator, difference < 0
    ) is not False
