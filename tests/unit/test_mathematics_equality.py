"""Final answers that say the same, and such as only look alike."""

from __future__ import annotations

import pytest

from codeslm_lsp.mathematics.equality import equal
from codeslm_lsp.mathematics.expressions import MAX_CHARS
from codeslm_lsp.values import ExpressionError

LIMIT_S = 8.0

SAME = [
    ("1/2", "0.5"),
    (r"\frac{1}{2}", r"\dfrac12"),
    (r"\frac{1}{2}", r"50\%"),
    (r"50\%", "50"),
    ("$1,234.50", "1234.5"),
    (r"\$5", "5 dollars"),
    ("12,000", "12000"),
    ("10 cm", "10"),
    (r"10\text{ cm}^2", "10"),
    ("5 apples", "5"),
    ("3 meters", "3 meter"),
    (r"\text{east}", "East"),
    (r"\text{(B)}", "B"),
    ("{1, 2}", "{2, 1}"),
    ("1, 2", "2,1"),
    (r"x \in [1, 2]", "[1,2]"),
    ("1 < x <= 2", "(1, 2]"),
    ("x > 2", r"(2, \infty)"),
    (r"(-\infty, 2) \cup (3, \infty)", r"(3,\infty)\cup(-\infty,2)"),
    (r"1110_2", r"1110_{2}"),
    (r"1110_2", "14"),
    (r"90^\circ", "90"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    (r"\sqrt{2} + \sqrt{3}", r"\sqrt{5 + 2\sqrt{6}}"),
    (r"\frac{1}{\sqrt{2}}", r"\frac{\sqrt{2}}{2}"),
    ("x^2 + 2x + 1", "(x+1)^2"),
    (r"\sin^2 x", r"1 - \cos^2 x"),
    ("y = 2x + 3", "y = 3 + 2x"),
    ("x = 5", "5"),
    (r"1\frac{1}{2}", "3/2"),
    ("2 1/2", "5/2"),
    (r"2 \pm \sqrt{3}", r"2 - \sqrt 3, 2 + \sqrt 3"),
    (r"\boxed{5}", "5"),
    ("The answer is 5.", "5"),
    (r"$\frac{3}{4}$", "0.75"),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\begin{pmatrix}1&2\\3&\frac{8}{2}\end{pmatrix}"),
    ("11", "11.0"),
    ("(1, 2)", "(1, 4/2)"),
    ("3 + 4i", "4i + 3"),
]

DIFFERENT = [
    ("3.14", "pi"),
    ("0.333", "1/3"),
    ("1/3", "0.333333333333333333333"),
    (r"\frac{\pi}{4}", "0.785398163397448"),
    ("10 cm", "10 m"),
    ("(1, 2)", "(2, 1)"),
    ("[1, 2)", "[1, 2]"),
    ("{1, 2}", "{1, 2, 3}"),
    ("{1, 1}", "{1, 2}"),
    ("1110_2", "1110"),
    ("5", "-5"),
    ("yes", "no"),
    ("A", "B"),
    ("x^2", "x^3"),
    ("|x|", "x"),
    ("sqrt(x^2)", "x"),
    ("x > 2", "x < 2"),
    ("5%", "6%"),
    ("", ""),
    ("2xy", "2"),
    ("2 x", "2"),
    (r"\sin^2 x", r"\sin^2 y"),
    ("y = 2x + 3", "y = 2x - 3"),
    ("1e-40", "0"),
    ("2^100 + 1", "2^100"),
]


@pytest.mark.parametrize(("left", "right"), SAME)
def test_same(left: str, right: str) -> None:
    assert equal(left, right, LIMIT_S)
    assert equal(right, left, LIMIT_S)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different(left: str, right: str) -> None:
    assert not equal(left, right, LIMIT_S)
    assert not equal(right, left, LIMIT_S)


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(ExpressionError):
        equal("1" * (MAX_CHARS + 1), "1", LIMIT_S)
