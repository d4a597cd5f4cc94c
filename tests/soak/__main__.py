"""``python -m tests.soak MINUTES [--seed N] [--model NAME|FILE|tiny|replay]``: hours of typing, with faults.

``replay`` has a script in the place of the engine, and compares the server's whole text with the editor's; ``tiny`` has
a real engine with a model of random weights, which takes next to no time. Both leave the machine usable meanwhile. Ends
with 1, and a sentence, when something does not hold that must.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.soak.soak import Plan, soak
from tests.soak.world import REPLAY, enter_own_mounts


def main() -> None:
    parser = argparse.ArgumentParser(description="Types for hours while things go wrong.")
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default=REPLAY, help="a name of the catalogue, a file, 'tiny' or 'replay'")
    parser.add_argument("--files", type=int, default=50, help="how many files are typed in")
    parser.add_argument("--pause", type=float, default=20.0, help="the most seconds between two faults")
    parser.add_argument("--folder", type=Path, default=Path("build/soak"), help="where the report is written")
    arguments = parser.parse_args()
    enter_own_mounts()
    plan = Plan(arguments.minutes, arguments.seed, arguments.model, arguments.files, arguments.pause)
    found = asyncio.run(soak(plan, arguments.folder))
    for role, judged in found["memory"].items():
        if (fitted := judged["mb_per_10_minutes"]) is not None:
            print(
                f"Memory of the {role}: {fitted['growth']:+.2f} MB in 10 minutes "
                f"({fitted['low']:+.2f} to {fitted['high']:+.2f}), {fitted['verdict']} the limit."
            )
    if not found["plan"]["has_small_disk"]:
        print("No disk was filled: this system gives no mounts of one's own.")
    print(f"{len(found['faults'])} faults; the report is in {arguments.folder}.")
    if found["broken"]:
        sys.exit(found["broken"])


if __name__ == "__main__":
    main()
