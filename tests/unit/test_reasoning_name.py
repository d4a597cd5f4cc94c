"""Better names: clashes are refused, and what was renamed is held against Python's own symbol tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codeslm_lsp.reasoning.edits import applied
from codeslm_lsp.reasoning.renaming import wrong_with_renaming
from codeslm_lsp.values import Answer, Badge, InputError
from tests.support.asking import asking, at

LOAN = """def cost(a, rate):
    ‸x = a * rate
    months = [x for _ in range(12)]
    return sum(months) + x
"""


async def named(marked: str, *replies: str, words: str = "") -> tuple[Answer, str]:
    async with asking(*(("names would be better", reply) for reply in replies)) as asker:
        question = replace(at(marked), words=words)
        answer = await asker.ask("name", question)
        assert question.document is not None
        return answer, applied(question.document.text, answer.edits)


async def test_the_best_name_that_clashes_with_nothing_is_taken() -> None:
    reply = "Sure, here are some:\n1. `months`\n2. sum\n3. **for**\n4. monthlyCost: what a month costs\n5. interest\n"
    answer, after = await named(LOAN, reply)
    assert after == LOAN.replace("‸x", "monthly_cost").replace(" x", " monthly_cost").replace("[x ", "[monthly_cost ")
    assert answer.badge is Badge.CROSS_CHECKED
    lines = answer.text.split("\n")
    assert lines[0] == "1. `months` (not possible: that name is used there already)"
    assert "hide a builtin" in lines[1]
    assert lines[3] == "4. `monthly_cost`"


async def test_a_name_that_was_typed_needs_no_model() -> None:
    answer, after = await named(LOAN, words="fee")
    assert "fee = a * rate" in after
    assert answer.badge is Badge.CROSS_CHECKED
    for name, reason in (("months", "used there"), ("list", "builtin"), ("a b", "no name"), ("x", "already")):
        with pytest.raises(InputError, match=reason):
            await named(LOAN, words=name)


@pytest.mark.parametrize("reply", ["", "I would keep it.\n", "months\nsum\n", "\n" * 500])
async def test_without_a_name_there_is_no_edit(reply: str) -> None:
    answer, _ = await named(LOAN, reply)
    assert (answer.edits, answer.badge) == ((), Badge.UNVERIFIED)
    assert "No better name" in answer.text


async def test_parameters_are_renamed_in_the_calls_of_the_file() -> None:
    answer, after = await named("def f(‸x):\n    return x\n\n\nf(x=1)\nq.f(x=2)\n", words="count")
    assert after == "def f(count):\n    return count\n\n\nf(count=1)\nq.f(x=2)\n"
    assert answer.badge is Badge.UNVERIFIED
    assert "line 6 means it" in answer.checks[2].detail


async def test_what_others_may_use_is_unverified() -> None:
    answer, _ = await named("‸x = 1\n__all__ = ['x']\n", words="count")
    assert answer.badge is Badge.UNVERIFIED
    assert [check.kind for check in answer.checks if not check.passed] == ["strings", "elsewhere"]


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        ("class A:\n    def ‸f(self):\n        pass\n", "belongs to a class"),
        ("from a import ‸b\n", "another module calls it"),
        ("def f(‸self):\n    pass\n", "by custom"),
        ("a.‸b\n", "No variable"),
    ],
)
async def test_what_is_not_renamed_is_said(marked: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        await named(marked, words="other")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("x = 1\nprint(x)\n", "y = 1\nprint(y)\n", ""),
        ("x = 1\nprint(x)\n", "y = 1\nprint(x)\n", "left over"),
        ("x = 1\ndef f():\n    return x\n", "y = 1\ndef f():\n    return x\n", "something else"),
        ("def f():\n    x = 1\n    return y\n", "def f():\n    y = 1\n    return y\n", "something else"),
        ("def f():\n    x = 1\n    def g(y): return x\n", "def f():\n    y = 1\n    def g(y): return y\n", "something"),
        ("x = 1\ndef f():\n    return y\n", "y = 1\ndef f():\n    return y\n", "something else"),
        ("x = 1\na.x\n", "y = 1\na.y\n", "More than"),
        ("x = 1\n", "y = 2\n", "More than"),
        ("x = 1\n", "y = (\n", "not parse"),
        ("x = 'x'\n", "y = 'y'\n", "More than"),
    ],
)
def test_renaming_is_checked_by_pythons_own_tables(before: str, after: str, said: str) -> None:
    found = wrong_with_renaming(before, after, "x", "y")
    assert said in found
    assert bool(said) == bool(found)
