"""How work grows: syntax and counting agree on textbook functions, and say so where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeslm_lsp.values import Answer, Badge, InputError
from tests.support.asking import asking, at

SEARCH = """import bisect


def ‸search(items: list[int], x: int) -> int:
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low
"""
PAIRS = "def ‸pairs(items):\n    return [(a, b) for a in items for b in items if a < b]\n"
FIBONACCI = "def ‸fibonacci(n):\n    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)\n"
SORT = "def ‸least(items):\n    return sorted(items)[:3]\n"
WINDOW = (
    "def ‸widest(items, k):\n    low = 0\n    for high in range(len(items)):\n"
    "        while low < high and items[high] - items[low] > k:\n            low += 1\n    return low\n"
)
MATRIX = (
    "def ‸product(a, b, n):\n    c = [[0] * n for _ in range(n)]\n    for i in range(n):\n        for j in range(n):\n"
    "            for k in range(n):\n                c[i][j] += a[i][k] * b[k][j]\n    return c\n"
)


async def explained(marked: str, said: str, *, folder: Path, may_run: bool = True) -> Answer:
    async with asking(("Explain it", said), folder=folder, may_run=may_run) as asker:
        return await asker.ask("complexity", at(marked, "grows.py"))


@pytest.mark.parametrize(
    ("marked", "growth"),
    [
        (SEARCH, "O(log n)"),
        (PAIRS, "O(n²)"),
        (FIBONACCI, "O(2ⁿ)"),
        (SORT, "O(n log n)"),
        (MATRIX, "O(n³)"),
        ("def ‸add(a, b):\n    return a + b\n", "O(1)"),
    ],
)
async def test_syntax_and_counting_agree(marked: str, growth: str, tmp_path: Path) -> None:
    answer = await explained(marked, f"It is {growth}.", folder=tmp_path)
    assert answer.text.startswith(f"**{growth}**")
    assert answer.badge is Badge.CROSS_CHECKED, answer.checks
    assert answer.text.endswith(f"It is {growth}.")
    assert answer.edits == ()


async def test_an_upper_estimate_that_is_too_high_is_unverified(tmp_path: Path) -> None:
    answer = await explained(WINDOW, "Each item is passed once.", folder=tmp_path)
    assert answer.badge is Badge.UNVERIFIED
    assert "n^1.00. That is not what the syntax says, which is an upper estimate" in answer.checks[1].detail


async def test_the_model_does_not_decide(tmp_path: Path) -> None:
    answer = await explained(PAIRS, "It is linear: O(n log n), trust me.", folder=tmp_path, may_run=False)
    assert "trust me" not in answer.text
    assert "speaks of O(n log n)" in answer.checks[-1].detail
    answer = await explained(PAIRS, "The loops are O(n^2), each step O(1).", folder=tmp_path, may_run=False)
    assert answer.text.endswith("each step O(1).")


async def test_facts_name_their_lines_and_nothing_runs_without_consent(tmp_path: Path) -> None:
    method = "class Searcher:\n    def ‸find(self, items):\n        for each in items:\n            print(each)\n"
    answer = await explained(method, "", folder=tmp_path, may_run=False)
    assert "line 3: The loop over `items` runs n times." in answer.text
    assert answer.badge is Badge.UNVERIFIED
    assert "codeslm allow" in answer.checks[1].detail


async def test_what_cannot_be_counted_says_so(tmp_path: Path) -> None:
    answer = await explained("import nowhere_at_all\n\n\ndef ‸f(n):\n    return n\n", "", folder=tmp_path)
    assert answer.badge is Badge.UNVERIFIED
    assert "ModuleNotFoundError" in answer.checks[1].detail


async def test_without_a_function_it_says_so() -> None:
    async with asking() as asker:
        with pytest.raises(InputError, match="no Python function here"):
            await asker.ask("complexity", at("x = ‸1\n"))
