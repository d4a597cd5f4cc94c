"""A calculation as the model wrote it → the same with names spelled as they were where they were defined."""

from __future__ import annotations

import difflib
import re

ALIKE = 0.8
"""Names that are as alike as this (difflib's ratio) are one name misspelt: ``clothes_cost`` and ``cloths_cost``."""

_STEP = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*)")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*\b(?!\s*\()")


def respelled(calculation: str) -> str:
    """Where a step uses a name that no step defines, the one name defined above that is nearly the same is meant.

    Steps are lines ``name = expression``; other lines, such as remarks, stay as they are.

    >>> respelled("cloths = 8\\nanswer = clothes * 5")
    'cloths = 8\\nanswer = cloths * 5'
    """
    lines = calculation.split("\n")
    steps = [_STEP.fullmatch(line) for line in lines]
    defined = {step[1] for step in steps if step}
    above: list[str] = []
    for number, step in enumerate(steps):
        if step is None:
            continue

        def meant(name: re.Match[str], above: list[str] = above) -> str:
            if name[0] in defined:
                return name[0]
            alike = difflib.get_close_matches(name[0], above, n=1, cutoff=ALIKE)
            return alike[0] if alike else name[0]

        lines[number] = f"{step[1]} = {_NAME.sub(meant, step[2])}"
        above.append(step[1])
    return "\n".join(lines)
