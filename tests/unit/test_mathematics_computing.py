"""Statements as a model writes them, and the exact answer or the sentence that says what is wrong."""

from __future__ import annotations

import pytest

from codeslm_lsp.mathematics.computing import compute
from codeslm_lsp.values import ExpressionError

LIMIT_S = 8.0

ANSWERS = [
    ("a = 3\nb = a*2  # twice\nanswer = b/4", "3/2", "1.5"),
    ("price = $1,200\ndiscount = 25%\nanswer = price*(1 - discount)", "900", "900"),
    ("apples_per_day = 3\ndays = 7\nanswer = apples_per_day*days", "21", "21"),
    ("total = 5\ntotal = total + 3\nanswer = total", "8", "8"),
    ("answer = b\nb = c\nc = 4", "4", "4"),
    ("x + y = 10\nx - y = 4\nanswer = x*y", "21", "21"),
    ("x^2 = 9\nanswer = x", "3", "3"),
    ("x < 0\nx^2 = 9\nanswer = x", "-3", "-3"),
    ("l*w = 24\nl = w + 2\nanswer = 2*(l + w)", "20", "20"),
    ("x^2 = 2\nanswer = x", "sqrt(2)", "1.41421356237"),
    ("answer = 1/3 + 1/6", "1/2", "0.5"),
    ("answer = 0.1 + 0.2", "3/10", "0.3"),
    ("answer = 2^100", str(2**100), str(2**100)),
    ("answer = sqrt(2)*sqrt(8)", "4", "4"),
    ("answer = sum(k^2, k, 1, 10)", "385", "385"),
    ("answer = integrate(x^2, x, 0, 3)", "9", "9"),
    ("answer = binomial(10, 3)", "120", "120"),
    ("answer = gcd(12, 18) + lcm(4, 6)", "18", "18"),
    ("answer = 17 mod 5", "2", "2"),
    ("answer = 25% of 80", "20", "20"),
    ("answer = (3, 1/2)", "(3, 1/2)", "(3, 0.5)"),
    (r"answer = \frac{3}{4} + \frac{1}{4}", "1", "1"),
    ("2x + 3 = 11", "4", "4"),
    ("solve(x^2 - 5x + 6 = 0)", "3", "3"),
    ("solve(3t = 12, t)", "4", "4"),
    ("3*4", "12", "12"),
    ("r = 3\nanswer = pi*r^2", "9*pi", "28.2743338823"),
    ("x = 5\nx = 10/2\nanswer = x", "5", "5"),
    ("```\na = 1\nanswer = a\n```", "1", "1"),
]

COMPLAINTS = [
    ("answer = y + 1", "y is not defined"),
    ("a = b\nb = a\nanswer = a", "circle"),
    ("x + y = 10\nanswer = x", "not determined"),
    ("x + y = 10\nx + y = 11\nanswer = x", "contradict"),
    ("x = 5\nx = 6\nanswer = x", "two values"),
    ("x = x + 1\nanswer = x", "contradict"),
    ("x^2 = -1\nanswer = x", "no real solution"),
    ("answer = 1/0", "divided by zero"),
    ("answer = 9^9^9", "digits"),
    ("answer = 100000000!", "Factorials"),
    ("answer = binomial(10^9, 10^8)", "Binomials"),
    ("answer = (1 + sqrt(2))^(10^6)", "digits"),
    ("a = 1\nanswer = a +", "Statement 2"),
    ("", "no statements"),
    ("# nothing", "no statements"),
    ("answer = __import__('os')", "Statement 1"),
]


@pytest.mark.parametrize(("text", "answer", "decimal"), ANSWERS)
def test_computes(text: str, answer: str, decimal: str) -> None:
    computed = compute(text, LIMIT_S)
    assert (computed.answer, computed.decimal) == (answer, decimal)


@pytest.mark.parametrize(("text", "part"), COMPLAINTS)
def test_says_what_is_wrong(text: str, part: str) -> None:
    with pytest.raises(ExpressionError, match=part) as raised:
        compute(text, LIMIT_S)
    assert str(raised.value).endswith(".")


def test_all_solutions_are_told() -> None:
    assert compute("x^2 = 9\nanswer = x + 1", LIMIT_S).values == (
        ("x", "3"),
        ("answer", "4"),
        ("x", "-3"),
        ("answer", "-2"),
    )
