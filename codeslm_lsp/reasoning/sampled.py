"""A function and what it should give at some points → whether it does, by running it in the sandbox."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from codeslm_lsp.mathematics.answers import Sample
from codeslm_lsp.reasoning.project import module_of
from codeslm_lsp.reasoning.room import Room
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.syntax.python_function import Function
from codeslm_lsp.values import Document

TOLERANCE = 1e-9
"""Relative, and absolute for values below 1: a thousand roundings of doubles by 1e-16 each stay below 1e-12."""

RUN = Limits(wall_s=20.0)

_SCRIPT, _GIVEN = "codeslm_sampled.py", "codeslm_sampled.json"
_RUN = f"""import importlib, json, sys

sys.path[:0] = [".", "src"]
with open({_GIVEN!r}) as file:
    given = json.load(file)
function = importlib.import_module(given["module"])
for name in given["names"]:
    function = getattr(function, name)
for place, point in enumerate(given["points"]):
    try:
        said = repr(float(function(**point)))
    except Exception as error:
        said = type(error).__name__
    print("codeslm", place, said, flush=True)
"""


@dataclass(frozen=True, slots=True)
class Sampled:
    """``n_equal`` points agreed; at ``n_raised`` the function raised. ``error`` is why nothing was found out.

    ``counterexample``: the point, what the function gave there and what it should give.
    """

    n_equal: int = 0
    n_raised: int = 0
    counterexample: tuple[Sample, str] | None = None
    error: str = ""


async def sampled(function: Function, document: Document, samples: Sequence[Sample], room: Room) -> Sampled:
    """Run the function at each point."""
    points = [{name: json.loads(value) for name, value in each.point} for each in samples]
    names = [each for each in (function.owner, function.name) if each]
    given = json.dumps({"module": module_of(document.path), "names": names, "points": points})
    outcome = await room.run_python([_SCRIPT], {_SCRIPT: _RUN, _GIVEN: given}, RUN)
    said = dict(_said(outcome.stdout.decode("utf-8", "replace")))
    if not said:
        reason = outcome.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return Sampled(error=reason or f"the run was ended ({outcome.ended.value})")
    n_equal = n_raised = 0
    for place, each in enumerate(samples):
        value = _number(said.get(place, ""))
        if value is None:
            n_raised += 1
        elif math.isclose(value, float(each.value), rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            n_equal += 1
        else:
            return Sampled(n_equal, n_raised, (each, said[place]))
    return Sampled(n_equal, n_raised)


def _said(output: str) -> list[tuple[int, str]]:
    lines = [line.split(" ") for line in output.splitlines() if line.startswith("codeslm ")]
    return [(int(line[1]), line[2]) for line in lines if len(line) == 3 and line[1].isdigit()]


def _number(text: str) -> float | None:
    """None for an exception's name, and for what is no number: there the function has no value."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
