"""Python code as formulas, and those as LaTeX that says the same."""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import Any

import pytest

from codeslm_lsp.mathematics.expressions import Name, walk
from codeslm_lsp.mathematics.latex import plain_text
from codeslm_lsp.mathematics.latex_writing import latex_of, spelled
from codeslm_lsp.mathematics.naming import canonical, declaration
from codeslm_lsp.mathematics.numeric import Evaluator, Undefined
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.mathematics.python_formulas import Formula, formula_at, formula_in
from codeslm_lsp.mathematics.python_writing import (
    as_identifiers,
    math_as,
    numpy_as,
    python_expression,
    python_function,
)
from codeslm_lsp.mathematics.stated import find_stated, read_stated
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import ExpressionError

AREA = '''
import math

def area(radius: float) -> float:
    """The area of a circle."""
    square = radius**2  # of the radius
    return math.pi * square
'''

FORMULAS = {
    AREA: "pi*radius^2",
    "def f(a, b):\n    c = a + b\n    c *= 2\n    return c / b\n": "(a + b)*2/b",
    "def f(x):\n    a, b = x, 2 * x\n    a, b = b, a\n    return a - b\n": "2*x - x",
    "def f(n):\n    return sum(k**2 for k in range(1, n + 1))\n": "sum(k^2, k, 1, n)",
    "def f(n):\n    return sum([k for k in range(n)])\n": "sum(k, k, 0, n - 1)",
    "import math\ndef f(n):\n    return math.prod(k for k in range(1, 6))\n": "product(k, k, 1, 5)",
    "def f():\n    t = 0.0\n    for k in range(9):\n        s = k\n        t += s\n    return t\n": "sum(k, k, 0, 8)",
    "def f(n):\n    t = 2\n    for k in range(n):\n        t *= k\n    return t\n": "2*product(k, k, 0, n - 1)",
    "def f(n, k):\n    return math.comb(n, k) % 7 + n // 2\n": "mod(binomial(n, k), 7) + floor(n/2)",
    "def f(x):\n    return math.log(x, 2) + math.log10(x) + abs(-x)\n": "log(x, 2) + log(x, 10) + abs(-x)",
    "class A:\n    def f(self, x, *, y=2):\n        return max(x, y) * self.rate\n": "max(x, y)*rate",
    "from math import sqrt as root, pi\ndef f(x):\n    return root(x) * pi + 0x10\n": "sqrt(x)*pi + 16",
    "import numpy as n\ndef f(x):\n    return n.where(x > 0, n.arcsin(x), 0)\n": "cases(asin(x), x > 0, 0)",
    "G = 6.7e-11\ndef f(m, r):\n    return G * m / r**2\n": "6.7e-11*m/r^2",
    "def f(x):\n    if x < 0:\n        return -x\n    return x\n": "cases(-x, x < 0, x)",
    "def f(x):\n    if not x:\n        y = 1\n    elif x > 1:\n        y = 2\n    else:\n        y = x\n    return y": (
        "cases(1, x = 0, 2, x > 1, x)"
    ),
    "def f(x):\n    if x < 0 or x > 9:\n        raise ValueError\n    return x\n": "cases(x, all(x >= 0, x <= 9))",
    "def f(x):\n    assert 0 <= x < 1, 'no'\n    return x\n": "cases(x, 0 <= x < 1)",
    "def f(x):\n    return 1 if x == 0 else 2\n": "cases(1, x = 0, 2)",
}


def formula_of(source: str) -> Formula:
    return formula_at(parse(source, languages()["python"]), source.index("def f" if "def f" in source else "def "))


@pytest.mark.parametrize("source", FORMULAS)
def test_a_function_is_read_as_a_formula(source: str) -> None:
    assert to_text(formula_of(source).expression) == FORMULAS[source]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(x):\n    while x:\n        x -= 1\n    return 1\n", "Line 2 has a while"),
        ("def f(x):\n    for i in x:\n        pass\n    return 1\n", "Line 2 goes over something else"),
        ("def f(x):\n    t = 1\n    for k in range(x):\n        t = t + k\n    return t\n", "Line 3 has a loop"),
        ("def f(x):\n    t = 1\n    for k in range(x):\n        t *= t + k\n    return t\n", "Line 4 uses t"),
        ("def f(x):\n    try:\n        return 1\n    finally:\n        pass\n", "Line 2 has a try"),
        ("def f(x):\n    pass\n", "without a return"),
        ("def f(x):\n    if x > 0:\n        return 1\n", "without a return"),
        ("def f(x):\n    raise ValueError\n", "only raises"),
        ("def f(x):\n    return g(x)\n", "Line 2 calls g"),
        ("def f(x):\n    return sqrt(x)\n", "Line 2 calls sqrt"),
        ("def sqrt(x):\n    return x\ndef f(x):\n    return sqrt(x)\n", "Line 4 calls sqrt"),
        ("from my.maths import sqrt\ndef f(x):\n    return sqrt(x)\n", "Line 3 calls sqrt"),
        ("def abs(x):\n    return 1\ndef f(x):\n    return abs(x)\n", "Line 4 calls abs"),
        ("import other as math\ndef f(x):\n    return math.sin(x)\n", "Line 3 calls math.sin"),
        ("def f(x, math):\n    return math.sin(x)\n", "calls math.sin"),
        ("def f(x):\n    return os.system(x)\n", "Line 2 calls os.system"),
        ("def f(x):\n    return y\n", "Line 2 uses y"),
        ("A = B\nB = A\ndef f(x):\n    return A\n", "uses A"),
        ("def f(*x):\n    return 1\n", "no formula"),
        ("def f(x: str):\n    return x * 2\n", "no number"),
        ("@twice\ndef f(x):\n    return x\n", "decorator twice"),
        ("async def f(x):\n    return x\n", "async"),
        ("def f(x):\n    return x[0]\n", "Line 2 has 'x[0]'"),
        ("def f(x):\n    return x is None\n", "comparison operator"),
        ("def f(x):\n    return 1 if x in (1, 2) else 3\n", "compares by 'in'"),
        ("def f(x):\n    return (x\n", "syntax error"),
        ("def f(x):\n    return 1j\n", "not real"),
        ("def f(x):\n    return math.sin(x, 2)\n", "arguments that are not understood"),
        ("class A:\n    def f(self, x):\n        return self.e * x\n", "constant in formulas"),
        ("import math\ndef f(e):\n    return e * math.e\n", "rename"),
        ("def f(x):\n    return sum(x for x in range(x))\n", "counts in x"),
        ("def f(ä):\n    return ä\n", "Latin letter"),
        ("def f(x):\n    return " + "(" * 150 + "x" + ")" * 150 + "\n", "nested"),
        ("def f(x):\n    return " + "+".join("x" * 400) + "\n", "nested"),
        ("def f(x):\n" + "    x = x * x\n" * 40 + "    return x\n", "parts"),
        ("def f(x):\n" + "    if x > 1:\n        x += 1\n" * 12 + "    return x\n", "split"),
    ],
)
def test_what_is_no_formula_is_told(source: str, words: str) -> None:
    with pytest.raises(ExpressionError) as told:
        formula_of(source)
    assert words in str(told.value)


@pytest.mark.parametrize(
    ("code", "latex"),
    [
        ("x**2 + sqrt(y)", r"x^{2} + \sqrt{y}"),
        ("radius * theta1 * x1 - v_max/(2*a)", r"\mathit{radius} \theta_{1} x_{1} - \frac{v_{max}}{2 a}"),
        ("x1 + x_1 + a_b_c", r"\mathit{x1} + \mathit{x\_1} + \mathit{a\_b\_c}"),
        ("sin(x)**2 * 2 - (a - b) * (c/d)**2", (
            r"\sin^{2}\left(x\right) \cdot 2 - \left(a - b\right) \left(\frac{c}{d}\right)^{2}"
        )),
        ("sum(k for k in range(3)) * 2 - (7 % x) * y", (
            r"\left(\sum_{k = 0}^{2} k\right) \cdot 2 - \left(7 \bmod x\right) y"
        )),
        ("abs(abs(x) - 1) * factorial(n)", r"\left|\left|x\right| - 1\right| n!"),
        ("cbrt(y) * log(x, 2) / log(x)", r"\frac{\sqrt[3]{y} \log_{2}\left(x\right)}{\ln\left(x\right)}"),
        ("6.67e-11 * m * 1e3", r"6.67 \cdot 10^{-11} m \cdot 10^{3}"),
        ("n // 2 + ceil(x)", r"\left\lfloor \frac{n}{2} \right\rfloor + \left\lceil x \right\rceil"),
        ("2**-x * (-1)**n - -x", r"2^{-x} \left(-1\right)^{n} - \left(-x\right)"),
        ("1 if x < 0 and (y < 0 or z > 2) else exp(x)", (
            r"\begin{cases} 1 & \text{if } x < 0 \text{ and } \left(y < 0 \text{ or } z > 2\right) \\ "
            r"e^{x} & \text{otherwise} \end{cases}"
        )),
        ("atan2(y, x) * asinh(x) * min(x, 2*pi)", (
            r"\operatorname{atan2}\left(y, x\right) \operatorname{asinh}\left(x\right) \min\left(x, 2 \pi\right)"
        )),
        ("a = b + 1\na**2", r"\left(b + 1\right)^{2}"),
    ],
)  # fmt: skip
def test_code_as_latex_that_is_read_as_the_same(code: str, latex: str) -> None:
    expression = formula_in(code).expression
    assert latex_of(expression) == latex
    names = {each.name for each in walk(expression) if isinstance(each, Name)}
    read = spelled(parse_plain(plain_text(latex), names - {"pi"}), names)
    assert canonical(read) == canonical(expression)


@pytest.mark.parametrize("source", FORMULAS)
def test_a_formula_comes_back_from_its_text(source: str) -> None:
    formula = formula_of(source)
    assert set(declaration([formula.expression], formula.whole, formula.variables).split()) >= {
        name for name in formula.variables if name in to_text(formula.expression).split("*")
    }


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        (r"f(x, y) = \frac{\sqrt{x^2+y^2}}{2}", "math.sqrt(x**2 + y**2) / 2"),
        (r"E = mc^2", "m * c**2"),
        (r"\frac{-b + \sqrt{b^2-4ac}}{2a}", "(-b + math.sqrt(b**2 - 4 * a * c)) / (2 * a)"),
        ("area = base*height/2", "base * height / 2"),
        (r"\lambda e^{-\lambda x}", "lambda_ * math.exp(-lambda_ * x)"),
        (r"\mathrm{BMI} = \frac{m}{h^2}", "m / h**2"),
        (r"\sum_{k=1}^{n} k^2", "sum(k**2 for k in range(1, n + 1))"),
        (r"\prod_{k=0}^{m-1} k", "math.prod(k for k in range(0, m))"),
        (r"|x| + \lfloor n/2 \rfloor", "abs(x) + n // 2"),
        (r"\binom{n}{k} p^k (1-p)^{n-k}", "math.comb(n, k) * p**k * (1 - p) ** (n - k)"),
        ("-x^2 + (-x)^2 - x^-y", "-x**2 + (-x) ** 2 - x**-y"),
        ("a - (b - c) - (a/b)/(c/a)", "a - (b - c) - a / b / (c / a)"),
        ("25% of x + 90°", "25 / 100 * x + math.radians(90)"),
        ("cases(1, all(x > 0, any(y > 0, y = -1)), 2)", "1 if x > 0 and (y > 0 or y == -1) else 2"),
        ("cases(1, 0 < x < 1) + 2", "(1 if 0 < x < 1 else math.nan) + 2"),
        ("f(e, i) = e i", "e * i"),
        ("a mod b + sec(x)", "a % b + 1 / math.cos(x)"),
    ],
)  # fmt: skip
def test_a_formula_as_python_that_is_read_as_the_same(formula: str, code: str) -> None:
    stated = read_stated(formula)
    expression, names = as_identifiers(stated.expression, stated.variables)
    variables = [names[each] for each in stated.variables]
    assert python_expression(expression, math_as(), variables) == code
    read = formula_in(python_function("f", variables, expression, math_as(), "")).expression
    rewritten = ("25%", "a mod b", r"|x|", "-x^2", "25% of")  # Equal, as another expression.
    assert canonical(read) == canonical(expression) or formula.startswith(rewritten)


def test_numpy_has_functions_of_arrays() -> None:
    node = read_stated("cases(asin(x), 0 < x < 1, max(x, y, 2) + |x|)").expression
    written = python_expression(node, numpy_as("np"), ("x", "y"))
    assert written == (
        "np.where(np.logical_and(0 < x, x < 1), np.arcsin(x), np.maximum(np.maximum(x, y), 2) + np.abs(x))"
    )
    with pytest.raises(ExpressionError, match="numpy has no factorial"):
        python_expression(read_stated("n!").expression, numpy_as("np"))
    with pytest.raises(ExpressionError, match="math has no integrate"):
        python_expression(read_stated("integrate(x, x, 0, 1)").expression, math_as())


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("The area of a circle.\n\n    A = pi * r^2\n", ["pi*r^2"]),
        ("Return a/b.", ["a/b"]),
        ("Returns (a + b) / 2, the mean of both.", ["(a + b)/2"]),
        (r"Energy: :math:`E = m c^2`, by Einstein", ["m*c^2"]),
        (r"It is $\frac{a}{b}$ of $a$ and $b$.", ["a/b"]),
        ("Compute ``a + b`` quickly", ["a + b"]),
        ("Mean: (a + b) / 2", ["(a + b)/2"]),
        ("f(a, b) = a*b for a > 0", ["a*b"]),
        ("Add two numbers.", []),
        ("Uses q = a + z.", []),
        ("Wait for a.", []),
    ],
)
def test_formulas_are_found_in_prose(text: str, formulas: list[str]) -> None:
    names = ("a", "b", "m", "c", "r")
    assert [to_text(each.expression) for each in find_stated(text, names)][:1] == formulas


class Writer:
    """Random functions of the kinds of statements that are understood, all of them sums of small numbers."""

    def __init__(self, seed: int) -> None:
        self._source = random.Random(seed)
        self._names = ["x", "y"]

    def function(self) -> str:
        return "def f(x, y):\n" + self._block(1, 3) + f"    return {self._value(2)}\n"

    def _block(self, depth: int, n: int) -> str:
        return "".join(self._statement(depth) for _ in range(self._source.randint(1, n)))

    def _statement(self, depth: int) -> str:
        margin = "    " * depth
        name = self._source.choice(("x", "y", "t"))
        match self._source.randint(0, 9 if depth < 3 else 3):
            case 0 | 1 | 2 if name in self._names:
                return f"{margin}{name} {self._source.choice(('+', '-', '*'))}= {self._value(1)}\n"
            case 3 | 4 | 0 | 1 | 2:
                line = f"{margin}{name} = {self._value(2)}\n"
                self._names += [name] if depth == 1 and name not in self._names else []
                return line if name in self._names else f"{margin}x = {self._value(1)}\n"
            case 5:
                return f"{margin}if {self._condition()}:\n{margin}    return {self._value(1)}\n"
            case 6:
                return f"{margin}if {self._condition()}:\n{margin}    raise ValueError\n"
            case 7:
                return (
                    f"{margin}for k in range({self._source.randint(0, 2)}, 4):\n{margin}    x += k * {self._closed()}\n"
                )
            case 8:
                return f"{margin}x, y = y, {self._value(1)}\n"
            case _:
                text = f"{margin}if {self._condition()}:\n{self._block(depth + 1, 2)}"
                if self._source.random() < 0.5:
                    text += f"{margin}elif {self._condition()}:\n{self._block(depth + 1, 1)}"
                return text + f"{margin}else:\n{self._block(depth + 1, 2)}"

    def _condition(self) -> str:
        sign = self._source.choice(("<", "<=", ">", ">=", "==", "!="))
        plain = f"{self._value(1)} {sign} {self._value(0)}"
        return self._source.choice(
            (plain, plain, f"not {plain}", f"{plain} and x > -2", f"{plain} or y < x", "0 <= x < 3", "x")
        )

    def _closed(self) -> str:
        return self._source.choice(("y", "2", "(y - k)", "y**2"))

    def _value(self, depth: int) -> str:
        if depth == 0:
            return self._source.choice([*self._names, "1", "2", "0.5", "-3"])
        left, right = self._value(depth - 1), self._value(depth - 1)
        return self._source.choice(
            (
                f"{left} + {right}", f"({left}) * ({right})", f"{left} - ({right})", f"({left}) / ({right})",
                f"({left}) // 2", f"({left}) % 3", f"-({left})**2", f"abs({left})",
                f"max({left}, {right})",
                f"({left} if {left} > 1 else {right})", f"sum(({left}) + k for k in range(1, 3))", f"2**{right}",
            )
        )  # fmt: skip


def formula_or_none(source: str) -> Formula | None:
    try:
        return formula_of(source)
    except ExpressionError:
        return None


def test_most_functions_of_such_statements_are_read() -> None:
    assert sum(formula_or_none(Writer(seed).function()) is not None for seed in range(150)) > 100


@pytest.mark.parametrize("seed", range(150))
def test_a_formula_has_the_values_that_the_code_gives(seed: int) -> None:
    source = Writer(seed).function()
    formula = formula_or_none(source)
    if formula is None:
        return  # Too many cases, or a name that counts twice; how many these are is another test.
    scope: dict[str, Any] = {}
    exec(compile(source, "f", "exec"), scope)  # The text is this test's own.
    for x, y in ((0, 0), (1, 2), (-1, 3), (2, 0.5), (0.25, -2), (3, 3), (-2.5, 1)):
        try:
            wanted = scope["f"](x, y)
        except ValueError:
            wanted = None
        except (ZeroDivisionError, OverflowError):
            continue  # It may be of a value that is not used, and in no formula.
        try:
            value = Evaluator(has_i=False).value(formula.expression, {"x": Fraction(x), "y": Fraction(y)})
        except Undefined:
            continue
        assert wanted is not None, (source, x, y)
        if not isinstance(wanted, complex) and abs(wanted) < 1e9:
            assert float(value) == pytest.approx(wanted, rel=1e-9, abs=1e-9), (source, x, y)


@pytest.mark.parametrize(
    "text",
    [
        "sqrt(x^2 + y^2)/2", "-x^2 + (-x)^2", "x^-y^2", "(x*y)/(x/y)", "x - (y - (x - 1))", "5! + C(5, 2)",
        "sum(k^2, k, 1, 5) + product(k, k, 1, 4)", "log(x, 2) + ln(y)", "|x - y| + max(x, y)", "25% of 80 + 90°",
        "root(x, 3)", "cases(1, x < y, 2, x = y, 3)", "cases(x, all(x > 0, any(y > 1, y < 1)), y) + 1",
        "x mod 2 + 7//2",
        "e^x + exp(y) + pi", "sec(x) + coth(y)", "atan2(y, x)",
    ],
)  # fmt: skip
def test_code_has_the_values_of_the_formula(text: str) -> None:
    node = read_stated(text).expression
    point = {"x": 1.5, "y": 0.75}
    written = python_expression(node, math_as(), point)
    value = eval(compile(written, "formula", "eval"), {"math": math}, dict(point))  # The text is this test's own.
    exact = {name: Fraction(each) for name, each in point.items()}
    assert value == pytest.approx(float(Evaluator(has_i=False).value(node, exact)))
