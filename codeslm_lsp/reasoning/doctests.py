"""A Python function with examples in its docstring → whether they come out, run in the sandbox."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.reasoning.project import module_of
from codeslm_lsp.reasoning.room import Room
from codeslm_lsp.syntax.python_function import Function

_SCRIPT = "codeslm_doctests.py"


@dataclass(frozen=True, slots=True)
class Examples:
    """Of ``n`` examples ``n_failed`` did not come out; ``said`` is what doctest says of those, or why none was run."""

    n: int = 0
    n_failed: int = 0
    said: str = ""


async def run_examples(function: Function, path: str, room: Room) -> Examples:
    """Run the examples of a function of the file ``path``, one of the room's."""
    script = Path(__file__).with_name("doctests_inside.py").read_text(encoding="utf-8")
    outcome = await room.run_python([_SCRIPT, module_of(path), function.owner, function.name], {_SCRIPT: script})
    try:
        return Examples(**json.loads(outcome.stdout))
    except (ValueError, TypeError):
        return Examples(said=f"The run was ended ({outcome.ended.value}).")
