"""What is proved of integers: by classes of remainders, by induction, by trying the integers between roots."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
import sympy as sp

from codeslm_lsp.mathematics.domains import Range
from codeslm_lsp.mathematics.induction import method_by_induction
from codeslm_lsp.mathematics.inequalities import method_of_sign
from codeslm_lsp.mathematics.patience import Clock
from codeslm_lsp.mathematics.remainders import classes_of
from codeslm_lsp.mathematics.verifying import verify

LIMIT_S = 10.0
N = sp.Symbol("n", integer=True)

TRUE = [
    "mod(n^3 - n, 3) = 0 for integer n",
    "mod(n^5 - n, 30) = 0 for integer n",
    "n^2 mod 8 = 1 for odd n",
    "n^2 mod 4 != 2 for integer n",
    "mod(a^2 + b^2, 4) != 3 for integers a, b",
    "mod(n(n + 1)/2, 3) != 2 for integer n",
    "n mod 3 <= 2 for integer n",
    "floor(n/2) + ceil(n/2) = n for integer n",
    "floor(n^2/4) = floor(n/2)*ceil(n/2) for integer n",
    "floor((n + 2)/3) + floor((n + 1)/3) + floor(n/3) = n for integer n",
    "(-1)^(n^2) = (-1)^n for integer n",
    "n^2 >= n for integer n",
    "(2n - 1)^2 >= 1 for integer n",
    "2^n > n for n natural",
    "2^n > n^2 for integer n >= 5",
    "n! >= 2^n for n >= 4",
    "(1 + x)^n >= 1 + n x for x >= -1 and integer n >= 1",
    "sum(1/k^2, k, 1, n) <= 2 - 1/n for integer n >= 1",
]


@pytest.mark.parametrize("claim", TRUE)
def test_what_is_true_of_integers_is_proved(claim: str) -> None:
    assert verify(claim, LIMIT_S).outcome == "proved"


@pytest.mark.parametrize(
    "claim",
    [
        "mod(n^5 - n, 7) = 0 for integer n",
        "n^2 mod 8 = 1 for integer n",
        "mod(n, 1001) != 1000 for integer n >= 0",
        "floor(n/2) = n/2 for integer n",
        "2^n > n^3 for integer n >= 9",
        "n^2 > n for integer n",
        "n^2 >= 2n for integer n",
        "2^n > n^2 - 1000000000 n for integer n >= 40",
        "1/(n - 700) < 1/2 for integer n >= 0",
        "(n - 250)^2 > 0 for integer n",
        "floor(x/2) >= x/2 - 1/2 for real x",
    ],
)
def test_what_is_false_of_integers_is_not_proved(claim: str) -> None:
    assert verify(claim, LIMIT_S).outcome != "proved"


@pytest.mark.parametrize("seed", range(40))
def test_classes_have_the_values_that_numbers_have(seed: int) -> None:
    source = random.Random(seed)
    modulus, divisor = source.randint(2, 9), source.choice((1, 1, 2, 3))
    poly = sum(source.randint(-5, 5) * N**k for k in range(4)) / sp.Integer(divisor)
    expression = sp.Mod(poly, modulus, evaluate=False) + sp.floor(N / 2) - N * source.choice((0, 1))
    found = classes_of(expression, [], Clock(LIMIT_S))
    if found is None:
        return
    of_modulus, cases = found
    for rest, case in enumerate(cases):
        for q in (-2, 0, 3):
            n = of_modulus * q + rest
            value = Fraction(sp.Rational(poly.subs(N, n)).p, sp.Rational(poly.subs(N, n)).q) % modulus + n // 2
            value -= n * (0 if expression.coeff(N) == 0 else 1)
            assert case.subs(dict.fromkeys(case.free_symbols, q)) == sp.Rational(value.numerator, value.denominator)


@pytest.mark.parametrize(
    ("difference", "low"),
    [
        (2**N - N**3, 9),
        (1 / (N - 7) + 2, 0),
        (1 / (N - sp.Rational(15, 2)) + 1, 0),
        (50 - N, 0),
        (2**N - 3**N, 0),
        ((-2) ** N + 1, 0),
        (N - sp.Sum(1, (N, 1, 3)), 0),
        (sp.sqrt(N - 9), 0),
        (sp.log(N - 9), 0),
        (sp.factorial(N) - 3**N, 1),
    ],
)
def test_induction_proves_nothing_false(difference: sp.Expr, low: int) -> None:
    ranges = {N: Range(True, Fraction(low))}
    assert method_by_induction(difference, ranges, Clock(LIMIT_S), strict=False) is None


@pytest.mark.parametrize("seed", range(60))
def test_signs_at_integers_are_those_of_the_values(seed: int) -> None:
    source = random.Random(seed)
    poly = sp.expand(sp.prod([N - source.choice((0, 1, 2, 5, sp.Rational(1, 2))) for _ in range(source.randint(1, 3))]))
    poly = sp.expand(poly * source.choice((1, -1)) + source.choice((0, 0, 1)))
    low, high = source.choice(((None, None), (2, None), (None, 0), (-3, 1), (1, 10**6), (-(10**6), 0)))
    of = Range(True, None if low is None else Fraction(low), None if high is None else Fraction(high))
    strict = source.random() < 0.5
    if method_of_sign(poly, {N: of}, Clock(LIMIT_S), strict=strict) is not None:
        values = [poly.subs(N, n) for n in (*range(-40, 41), -(10**6), 10**6) if Fraction(n) in of]
        assert all(value > 0 if strict else value >= 0 for value in values)
