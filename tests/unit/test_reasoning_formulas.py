"""Commands about formulas and the code that computes them: no model is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codeslm_lsp.reasoning.edits import applied
from codeslm_lsp.reasoning.question import Question
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
