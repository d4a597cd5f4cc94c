"""How work grows, by syntax: functions whose growth is known from textbooks."""

from __future__ import annotations

import ast

import pytest

from codeslm_lsp.reasoning.estimate import estimate
from codeslm_lsp.reasoning.growth import EXPONENTIAL, LOG, N_LOG_N, ONE, ROOT, N

CASES = {
    "O(1)": ["def f(a, b):\n    return a + b\n", "def f(x: list):\n    for i in range(10):\n        print(x[i])\n"],
    "O(log n)": [
        "def f(items, x):\n    lo, hi = 0, len(items)\n    while lo < hi:\n        mid = (lo + hi) // 2\n"
        "        if items[mid] < x:\n            lo = mid + 1\n        else:\n            hi = mid\n    return lo\n",
        "def f(n):\n    k = 0\n    while n > 1:\n        n //= 2\n        k += 1\n    return k\n",
        "def f(a, b):\n    while b:\n        a, b = b, a % b\n    return a\n",
        "def f(x, n):\n    if n == 0:\n        return 1\n    h = f(x, n // 2)\n    return h * h\n",
    ],
    "O(√n)": [
        "def f(n):\n    i = 2\n    while i * i <= n:\n        if n % i == 0:\n            return False\n"
        "        i += 1\n    return True\n",
        "def f(n):\n    return all(n % i for i in range(2, int(n ** 0.5) + 1))\n",
    ],
    "O(n)": [
        "def f(items):\n    total = 0\n    for x in items:\n        total += x\n    return total\n",
        "def f(items):\n    return sum(items) + max(items)\n",
        "def f(s):\n    return s == s[::-1]\n",
        "def f(items: list[int], x: int):\n    return x in items\n",
        "def f(items):\n    seen = set()\n    for x in items:\n        if x in seen:\n            return True\n"
        "        seen.add(x)\n    return False\n",
        "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\n",
        "import functools\n@functools.cache\ndef f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n",
        "def f(todo):\n    while todo:\n        print(todo.pop())\n",
        "def f(x):\n    for i in x:\n        for j in range(3):\n            print(i, j)\n",
    ],
    "O(n log n)": [
        "def f(items):\n    return sorted(items)[0]\n",
        "def f(items):\n    if len(items) < 2:\n        return items\n    m = len(items) // 2\n"
        "    return merge(f(items[:m]), f(items[m:]))\n",
        "def f(items):\n    heap = []\n    for x in items:\n        heapq.heappush(heap, x)\n    return heap\n",
    ],
    "O(n²)": [
        "def f(items):\n    for i in range(len(items)):\n        for j in range(i + 1, len(items)):\n"
        "            if items[i] == items[j]:\n                return True\n    return False\n",
        "def f(a: list[int], b: list[int]):\n    return [x for x in a if x in b]\n",
        "def f(items):\n    return items if not items else f(items[1:]) + [items[0]]\n",
        "def f(items):\n    while items:\n        items.pop(0)\n",
        "def f(items):\n    return [a for a, b in itertools.combinations(items, 2) if a == b]\n",
        "def g(x):\n    return sum(x)\ndef f(items):\n    return [g(items) for _ in items]\n",
    ],
    "O(n³)": [
        "def f(a, b, n):\n    c = [[0] * n for _ in range(n)]\n    for i in range(n):\n        for j in range(n):\n"
        "            for k in range(n):\n                c[i][j] += a[i][k] * b[k][j]\n    return c\n",
    ],
    "O(2ⁿ)": [
        "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)\n",
        "from itertools import permutations\ndef f(items):\n    for p in permutations(items):\n        print(p)\n",
    ],
    "O(?)": ["def f(n):\n    while not done(n):\n        n = step(n)\n", "def f(n):\n    return f(g(n))\n"],
}  # fmt: skip


@pytest.mark.parametrize(("growth", "source"), [(key, each) for key, sources in CASES.items() for each in sources])
def test_textbook_functions(growth: str, source: str) -> None:
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    found = estimate(functions["f"], functions)
    assert str(found.growth) == growth, found.facts


def test_growth_is_added_and_multiplied() -> None:
    assert str(N * N | N_LOG_N) == "O(n²)"
    assert [str(each) for each in (ONE, LOG, ROOT, N * ROOT, LOG * LOG, N * N * LOG, EXPONENTIAL * N)] == [
        *("O(1)", "O(log n)", "O(√n)", "O(n^(3/2))", "O(log² n)", "O(n² log n)", "O(2ⁿ)"),
    ]
    assert sorted([EXPONENTIAL, N, LOG, ONE, N_LOG_N, ROOT]) == [ONE, LOG, ROOT, N, N_LOG_N, EXPONENTIAL]
    assert N_LOG_N.at(8) == 24
