"""How input is damaged: values of JSON and bytes → such as nobody expects. And the frame of the scripts."""

from __future__ import annotations

import copy
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2**31 - 1, 2**31, -(2**31), 2**63, 10**40, 0.5, 1e308, float("nan"), float("inf")),
    *(
        "",
        "x",
        "\0",
        "\ud800",
        "\udfff\ud800",
        "é😀",
        "file://[",
        "file:///%ff%00",
        "../../..",
        "9" * 5000,
        "x" * 70_000,
    ),
    *("x" * 70_000, [], {}, [[]], [None], {"": None}, {"jsonrpc": "2.0"}, {"jsonrpc": "2.0", "id": 1, "method": "x"}),
)
"""Values of every type, at the ends of what they can be, and beyond what they may be."""


def damaged(value: Any, chance: random.Random, n_times: int = 1) -> Any:
    """A copy in which some part, chosen evenly, is missing, doubled, or something else."""
    whole = [copy.deepcopy(value)]
    for _ in range(n_times):
        holder, key = chance.choice(list(_places(whole)))
        match chance.randrange(6):
            case 0 if isinstance(holder, dict):
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[str(chance.choice(ODD))[:20]] = holder[key]
            case 2 if holder is not whole:
                holder[key] = [holder[key], holder[key]]
            case 3 if isinstance(holder[key], int | float):
                holder[key] = holder[key] * chance.choice((-1, 2, 1000, 2**32)) + chance.choice((-1, 0, 1))
            case _:
                holder[key] = copy.deepcopy(chance.choice(ODD))
    return whole[0]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every member of every object and list."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [(value, key) for key, _ in members]
    return found + [place for holder, key in tuple(found) for place in _places(holder[key])]


def run_script(once: Callable[[random.Random], str]) -> None:
    """Do something again and again for SECONDS, and print how often it came out how. What fails ends the script."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    print(f"seed {seed}, {seconds:g} s", flush=True)
    chance, tally = random.Random(seed), Counter[str]()
    slowest: dict[str, float] = {}
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            began = time.monotonic()
            outcome = once(chance)
            tally[outcome] += 1
            slowest[outcome] = max(slowest.get(outcome, 0.0), time.monotonic() - began)
    finally:
        print(f"{tally.total()} times; how often, the slowest, and how it came out:")
        for outcome, n in tally.most_common():
            print(f"{n:8} {slowest[outcome]:8.2f} s  {outcome}")
