"""A calculation as the model wrote it → the same with names spelled as they were defined; what it leaves out."""

from __future__ import annotations

import difflib
import math
import re

ALIKE = 0.8
"""Names that are as alike as this (difflib's ratio) are one name misspelt: ``clothes_cost`` and ``cloths_cost``."""

CONVERSIONS = (1.0, 0.01, 100.0, 60.0, 1 / 60, 3600.0, 1 / 3600, 7.0, 1 / 7, 12.0, 1 / 12, 24.0, 1 / 24, 1000.0, 0.001)
"""By which a number may have been changed in the head: per cent and cents, minutes, weeks, dozens, days, kilograms."""

_STEP = re.compile(r"\s*([A-Za-z_]\w*)\s*=\s*(.*)")
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(%?)")
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


def left_out(problem: str, calculation: str) -> list[str]:
    """The numbers written in a problem that no step of a calculation uses, as they are or converted.

    Small models pass over what does not fit into their first idea. 1 may be left out of any calculation.

    >>> left_out("A bill of $40 plus a 25% fee and a $3 tip.", "# 25% fee\\nanswer = 40 + 3")
    ['25%']
    """
    steps = "\n".join(line for line in calculation.split("\n") if _STEP.fullmatch(line))
    used = [_value(number) for number in _NUMBER.finditer(steps)]
    return [number[0] for number in _NUMBER.finditer(problem) if _value(number) != 1 and not _is_used(number, used)]


def _is_used(number: re.Match[str], used: list[float]) -> bool:
    value = _value(number)
    meant = [value * each for each in CONVERSIONS]
    if number[1]:  # 15% more, or off.
        meant += [1 + value / 100, 1 - value / 100, 100 + value, 100 - value]
    return any(math.isclose(one, other, rel_tol=1e-9) for one in meant for other in used)


def _value(number: re.Match[str]) -> float:
    return float(number[0].rstrip("%").replace(",", ""))
