"""What people and models write becomes the same tree however it is written; what cannot be read is one error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeslm_lsp.mathematics.expressions import MAX_CHARS, Binary, Call, Collection, Expression, Name, Number, Unary
from codeslm_lsp.mathematics.latex import is_latex, plain_text
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.values import ExpressionError

SAME = [
    ("2x", "2*x"),
    ("3(x+1)", "3*(x + 1)"),
    ("x**2", "x^2"),
    ("x²", "x^2"),
    ("x⁻¹", "x^-1"),
    ("√x", "sqrt(x)"),
    ("|x|", "abs(x)"),
    ("|x - 1| |x + 1|", "abs(x - 1)*abs(x + 1)"),
    ("5!", "5!"),
    ("sin x", "sin(x)"),
    ("sin 2x", "sin(2*x)"),
    ("sin x cos x", "sin(x)*cos(x)"),
    ("sin^2 x", "sin(x)^2"),
    ("cos^-1 x", "acos(x)"),
    ("π", "pi"),
    ("∞", "oo"),
    ("a − b × c ÷ d · e", "a - b*c/d*e"),
    ("1,234.5", "1234.5"),
    ("5%", "5%"),
    ("25% of 80", "25%*80"),
    ("10 % 3", "mod(10, 3)"),
    ("$5", "5"),
    ("-x^2", "-x^2"),
    ("2^-x", "2^-x"),
    ("2^3^2", "2^3^2"),
    ("d/dx (x^2)", "diff(x^2, x)"),
    ("d^2/dx^2 x^3", "diff(x^3, x, 2)"),
    ("sum(k, (k, 1, n))", "sum(k, k, 1, n)"),
    ("log_2(8)", "log(8, 2)"),
    ("x + y + xy", "x + y + x*y"),
    ("sinx", "sin(x)"),
    ("sinx^2 + cosx^2", "sin(x^2) + cos(x^2)"),
    ("3x^2y + y", "3*x^2*y + y"),
    ("7 // 2", "floor(7/2)"),
    ("0 < x <= 1", "0 < x <= 1"),
    ("x == y", "x = y"),
    ("x ≠ y", "x != y"),
    ("[1, 2)", "[1, 2)"),
    ("{1, 2}", "{1, 2}"),
]

LATEX = [
    (r"\frac{1}{2}", "1/2"),
    (r"\dfrac12", "1/2"),
    (r"\sqrt[3]{x}", "root(x, 3)"),
    (r"\sqrt2", "sqrt(2)"),
    (r"x^{n+1}", "x^(n + 1)"),
    (r"a \cdot b \times c", "a*b*c"),
    (r"\left( \frac{a}{b} \right)^2", "(a/b)^2"),
    (r"\sin^2\theta", "sin(theta)^2"),
    (r"\sum_{k=1}^{n} k^2", "sum(k^2, k, 1, n)"),
    (r"\sum_{k=1}^n k + 1", "sum(k, k, 1, n) + 1"),
    (r"\prod_{k=1}^{n} k", "product(k, k, 1, n)"),
    (r"\int_0^1 x^2 \, dx", "integrate(x^2, x, 0, 1)"),
    (r"\int x e^x \, dx", "integrate(x*e^x, x)"),
    (r"\lim_{x \to 0} \frac{\sin x}{x}", "limit(sin(x)/x, x, 0)"),
    (r"\lim_{x \to 0^+} \ln x", "limit(ln(x), x, 0, 1)"),
    (r"\binom{n}{k}", "binomial(n, k)"),
    (r"\frac{d}{dx} x^2", "diff(x^2, x)"),
    (r"\log_2 8", "log(8, 2)"),
    (r"\boxed{42}", "42"),
    (r"90^\circ", "90°"),
    (r"5 \text{ apples}", "5"),
    (r"x \in (-\infty, 2]", "x in (-oo, 2]"),
    (r"\pi r^2", "pi*r^2"),
    (r"$x \le 1$", "x <= 1"),
    (r"|x|", "abs(x)"),
    (r"\left| x - 1 \right|", "abs(x - 1)"),
]

UNREADABLE = [
    "",
    "1 +",
    "(1",
    "1)",
    "f(x)",
    "sin()",
    "log(1, 2, 3)",
    "sum(k, 1, n)",
    "1/2x",
    "e^2x",
    "2^2x",
    "n!=1",
    "a ? b",
    "__import__('os')",
    "x; y",
    "lambda: 1",
    "[1, 2",
    "(" * 60 + "1" + ")" * 60,
    "-" * 60 + "1",
    "1" * 400,
    "x+" * MAX_CHARS + "x",
    "1e999",
    r"\frac{1}",
    r"\unknown{1}",
    r"{1",
    r"\int x",
    "{" * 60 + "1" + "}" * 60,
]


def parsed(text: str) -> Expression:
    return parse_plain(plain_text(text) if is_latex(text) else text)


@pytest.mark.parametrize(("text", "same"), SAME + LATEX)
def test_reads(text: str, same: str) -> None:
    assert to_text(parsed(text)) == same
    assert parse_plain(same) == parsed(text)


@pytest.mark.parametrize("text", UNREADABLE)
def test_refuses_with_one_sentence(text: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parsed(text)
    assert str(raised.value).endswith(".")


NUMBERS = st.integers(0, 999).map(lambda n: Number(str(n))) | st.decimals(
    min_value=0, max_value=99, places=2, allow_nan=False
).map(lambda d: Number(f"{d:f}"))
NAMES = st.sampled_from(["x", "y", "theta", "pi", "a_1", "n"]).map(Name)


def larger(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return (
        st.builds(Binary, st.sampled_from("+-*/^"), inner, inner)
        | st.builds(Unary, st.sampled_from(["-", "!", "°"]), inner)
        | st.builds(Call, st.sampled_from(["sin", "ln", "sqrt", "abs", "floor"]), st.tuples(inner))
        | st.builds(Call, st.sampled_from(["binomial", "mod", "root", "min"]), st.tuples(inner, inner))
        | st.builds(lambda body, low, high: Call("sum", (body, Name("k"), low, high)), inner, inner, inner)
    )


NODES = st.recursive(NUMBERS | NAMES, larger, max_leaves=12)
LISTS = st.builds(Collection, st.sampled_from(["()", "[]", "{}", "", "[)"]), st.tuples(NODES, NODES))
PIECES = st.sampled_from([*"xyksin12.,+-*/^()[]{}|!%°=<>π√²∞ \\_$\n", "\\frac", "\\sum", "\\int", "dx", "sum(", "for "])


@settings(deadline=None, max_examples=300)
@given(NODES | LISTS)
def test_what_is_printed_is_read_as_the_same(node: Expression) -> None:
    assert parse_plain(to_text(node)) == node


def answered(text: str) -> str:
    """What is printed of it, or the sentence that says why it cannot be read."""
    try:
        return to_text(parsed(text))
    except ExpressionError as error:
        return str(error)


@settings(deadline=None, max_examples=500)
@given(st.lists(PIECES).map("".join))
def test_nearly_mathematical_text_is_read_or_refused(text: str) -> None:
    assert answered(text)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert answered(text)
