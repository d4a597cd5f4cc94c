"""Commands about formulas and the code that computes them: no model is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codeslm_lsp.reasoning import sampled
from codeslm_lsp.reasoning.edits import applied
from codeslm_lsp.reasoning.question import Question
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.outcome import EndReason
from codeslm_lsp.values import Badge, ExpressionError, InputError
from tests.support.asking import asking, at

ROOTS = '''import math

G = 6.67e-11


class Quadratic:
    def root(self, a, b, c):
        """The larger root."""
        ‸d = b**2 - 4 * a * c
        if d < 0:
            raise ValueError("no root")
        return (-b + math.sqrt(d)) / (2 * a)


def force(m: float, r: float) -> float:
    ✂return G * m / r**2✂
'''


@pytest.mark.parametrize(
    ("question", "latex"),
    [
        (
            at(ROOTS.replace("✂", "")),
            r"\operatorname{root}\left(a, b, c\right) = \begin{cases} "
            r"\frac{-b + \sqrt{b^{2} - 4 a c}}{2 a} & \text{if } b^{2} - 4 a c \geq 0 \end{cases}",
        ),
        (
            at(ROOTS.replace("‸", "").replace("✂return", "‸return").replace("✂", "")),
            r"\operatorname{force}\left(m, r\right) = \frac{G m}{r^{2}}",
        ),
        (at(ROOTS.replace("‸", "").replace("✂", "‸").replace("‸return ", "return ‸")), r"\frac{G m}{r^{2}}"),
        (Question("a = x + 1\ny = a**2"), r"y = \left(x + 1\right)^{2}"),
        (at("‸E = m * c**2‸\n"), "E = m c^{2}"),
        (Question("1e-3 * x + 2e3"), r"10^{-3} x + 2 \cdot 10^{3}"),
    ],
)
async def test_code_is_written_as_latex_that_was_read_back(question: Question, latex: str) -> None:
    async with asking() as asker:
        answer = await asker.ask("latex", question)
        assert answer.text == f"```latex\n{latex}\n```"
        assert answer.badge is Badge.PROVED
        assert not asker.engine.requests


@pytest.mark.parametrize(
    ("question", "error", "words"),
    [
        (Question(""), InputError, "no code"),
        (at("x = ‸1\n"), InputError, "no Python function here"),
        (at("def f(x):\n    ‸while x:\n        x -= 1\n    return x\n"), ExpressionError, "Line 2 has a while"),
        (at("\n\ndef f(x):\n    y = 1\n    return ‸open(x)‸\n"), ExpressionError, "Line 5 calls open"),
        (Question("__import__('os').system('true')"), ExpressionError, "calls __import__"),
    ],
)
async def test_code_that_is_no_formula_is_named(question: Question, error: type[Exception], words: str) -> None:
    async with asking() as asker:
        with pytest.raises(error, match=words):
            await asker.ask("latex", question)


IN_COMMENT = """import os

# The distance to the origin is ‸$\\sqrt{x^2 + y^2}$‸.
print(os)
"""
IN_FUNCTION = """import numpy as np


def wave(t, omega):
    # ‸y = \\sin(\\omega t)‸
    return y
"""
IN_DOCSTRING = '''class Circle:
    def area(self, r):
        r"""The area.

        ‸$A = \\pi r^2$‸
        """
'''


@pytest.mark.parametrize(
    ("marked", "after"),
    [
        (
            IN_COMMENT,
            "import os\nimport math\n\n# The distance to the origin is $\\sqrt{x^2 + y^2}$.\ndef formula(x, y):\n"
            '    """formula(x, y) = sqrt(x^2 + y^2)"""\n    return math.sqrt(x**2 + y**2)\n\n\nprint(os)\n',
        ),
        (IN_FUNCTION, IN_FUNCTION.replace("‸", "").replace("    return", "    y = np.sin(omega * t)\n    return")),
        (IN_DOCSTRING, "import math\n\n" + IN_DOCSTRING.replace("‸", "") + "        return math.pi * r**2\n"),
    ],
)
async def test_a_formula_becomes_code_below_it(marked: str, after: str) -> None:
    async with asking() as asker:
        question = at(marked)
        answer = await asker.ask("formula", question)
        assert answer.badge is Badge.PROVED, answer
        assert question.document is not None
        assert applied(question.document.text, answer.edits) == after
        assert not asker.engine.requests


async def test_in_markdown_the_code_is_a_block_of_its_own() -> None:
    async with asking() as asker:
        question = at("Energy:\n\n‸$E = mc^2$‸\n\nMore.\n", "notes.md")
        assert question.document is not None
        question = replace(question, document=replace(question.document, language_id="markdown"))
        answer = await asker.ask("formula", question)
        [edit] = answer.edits
        assert edit.text.startswith("\n```python\ndef E(m, c):\n")


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ("f(x) = y", ExpressionError, "uses y"),
        (r"\int_0^1 x dx", ExpressionError, "math has no integrate"),
        ("x < 1", ExpressionError, "relation"),
        ("", InputError, "no problem"),
    ],
)
async def test_a_formula_that_is_no_code_is_told(words: str, error: type[Exception], said: str) -> None:
    async with asking() as asker:
        with pytest.raises(error, match=said):
            await asker.ask("formula", Question(words))


def documented(docstring: str, body: str, parameters: str = "a, b", above: str = "") -> Question:
    """A module with one function, the cursor in it."""
    return at(f'{above}def f({parameters}):\n    """{docstring}"""\n    ‸{body}\n', "shapes.py")


@pytest.mark.parametrize(
    ("question", "badge", "said"),
    [
        (documented("Return (a + b)/2.", "return a / 2 + b / 2"), Badge.PROVED, "computes `(a + b)/2`"),
        (documented("Return (a + b)/2.", "return a + b / 2"), Badge.REFUTED, "At a = 1, b = 1 it gives 3/2"),
        (documented("f(x, y) = x*y - y for y > 0", "return b * (a - 1)"), Badge.PROVED, "computes `a*b - b`"),
        (
            documented("The area.\n\n    :math:`\\\\pi r^2`", "return pi * r * r", "r", "from math import pi\n"),
            Badge.PROVED,
            "computes `pi*r^2`",
        ),
        (documented("Sum of $a^2$ and b: $a^2 + b$", "return b + a * a"), Badge.PROVED, "computes `a^2 + b`"),
        (
            documented("|a - b|", "if a < b:\n        return b - a\n    return a - b"),
            Badge.PROVED,
            "computes `abs(a - b)`",
        ),
        (
            documented("n*(n + 1)/2", "t = 0\n    for k in range(n + 1):\n        t += k\n    return t", "n: int"),
            Badge.PROVED,
            "for all integer n >= 0",
        ),
        (
            documented("Return n*(n + 1)/2", "t = 0\n    for k in range(n):\n        t += k\n    return t", "n: int"),
            Badge.REFUTED,
            "it gives 0 and the formula gives 1",
        ),
        (documented("a/b.", "while a > 0:\n        a -= 1\n    return a"), Badge.UNVERIFIED, "Line 3 has a while"),
        (documented("d = a*b\n\n    s = a + b\n", "return a - b"), Badge.UNVERIFIED, "does not say that this"),
        (documented("d = a*b\n\n    s = a + b\n", "return a + b"), Badge.PROVED, "computes `a + b`"),
        (documented("Uses ``a + b`` twice.", "return a * b"), Badge.UNVERIFIED, "does not say that this"),
        (documented("d = a*b\n\n    Return d/2.\n    Return a/2.\n", "return a / 3"), Badge.REFUTED, "`a/2`"),
        (documented("(n - 1)*(n - 2)/2", "return sum(k for k in range(1, n - 1))", "n"), Badge.PROVED, "n >= 2"),
        (documented("a^2", "import math\n    return math.pow(a, 2)", "a"), Badge.PROVED, "computes `a^2`"),
        (replace(documented("", "return a * b"), words="b a"), Badge.PROVED, "computes `b*a`"),
        (replace(documented("", "return a * b"), words="f(a, b) = a + b"), Badge.REFUTED, "does not compute"),
    ],
)  # fmt: skip
async def test_whether_a_function_computes_its_formula(question: Question, badge: Badge, said: str) -> None:
    async with asking() as asker:
        answer = await asker.ask("verify", question)
        assert answer.badge is badge, answer
        assert said in answer.text
        assert not asker.engine.requests


async def test_a_claim_typed_beside_a_function_is_a_claim() -> None:
    async with asking(("square is never negative", "x**2 >= 0\n")) as asker:
        beside = documented("a + b", "return a")
        answer = await asker.ask("verify", replace(beside, words="x^2 >= 0"))
        assert answer.text.startswith("**True.**")
        answer = await asker.ask("verify", replace(beside, words="A square is never negative."))
        assert "Understood as `x**2 >= 0`" in answer.text


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (documented("Add two numbers.", "return a + b"), "states no formula in its parameters"),
        (documented("Add.\n\n    >>> a = 3\n    >>> a*b\n    6\n    b = 2\n", "return a"), "states no formula in its"),
        (at("def f(a):\n    ‸return a\n"), "no docstring"),
        (at("x = ‸1\n"), "no Python function here"),
        (replace(documented("", "return a"), words="a + z"), "has no parameter z"),
    ],
)
async def test_a_function_without_a_formula_is_told(question: Question, said: str) -> None:
    async with asking() as asker:
        with pytest.raises(InputError, match=said):
            await asker.ask("verify", question)


COUNTED = "s = 0.0\n    while {test}:\n        s += n\n        n -= 1\n    return s"


@pytest.mark.parametrize(
    ("body", "badge", "said"),
    [
        (COUNTED.format(test="n > 0"), Badge.TESTED, "points, and gave the formula's value at each"),
        (COUNTED.format(test="n > 1"), Badge.REFUTED, "f(n=1) gives 0.0, and the formula 1.0"),
        ("raise OSError(os.sep)", Badge.UNVERIFIED, "too few"),
        ("return float('nan')", Badge.UNVERIFIED, "too few"),
    ],
)
async def test_a_function_that_is_no_formula_is_run(tmp_path: Path, body: str, badge: Badge, said: str) -> None:
    question = documented("f(n) = n*(n + 1)/2 for n >= 0", body, "n: int")
    async with asking(folder=tmp_path, may_run=True) as asker:
        answer = await asker.ask("verify", question)
        assert answer.badge is badge, answer
        assert said in answer.text


async def test_a_function_that_does_not_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "RUN", Limits(wall_s=2.0))
    question = documented("f(n) = n*(n + 1)/2 for n >= 0", COUNTED.format(test="True"), "n: int")
    async with asking(folder=tmp_path, may_run=True) as asker:
        answer = await asker.ask("verify", question)
        assert answer.badge is Badge.UNVERIFIED, answer
        assert "could not be run" in answer.text
        assert EndReason.TIMED_OUT.value in answer.text


async def test_without_consent_no_function_is_run(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    question = documented("Return n + 1.", f"open({str(planted)!r}, 'w')\n    return n + 1", "n: int")
    async with asking(folder=tmp_path) as asker:
        answer = await asker.ask("verify", question)
        assert (answer.badge, planted.exists()) == (Badge.UNVERIFIED, False)
        assert "codeslm allow" in answer.text
