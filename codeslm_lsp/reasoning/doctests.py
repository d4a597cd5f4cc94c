"""A Python function with examples in its docstring → whether they come out, run in the sandbox."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.reasoning.project import RUN, module_of
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.sandbox.workshop import Workshop
from codeslm_lsp.syntax.python_function import Function

_SCRIPT = "codeslm_doctests.py"


@dataclass(frozen=True, slots=True)
class Examples:
    """Of ``n`` examples ``n_failed`` did not come out; ``said`` is what doctest says of those, or why none was run."""

    n: int = 0
    n_failed: int = 0
    said: str = ""


async def run_examples(function: Function, path: str, files: Mapping[str, str], mechanism: Mechanism) -> Examples:
    """Run the examples of a function of the file ``path``, one of ``files``."""
    script = Path(__file__).with_name("doctests_inside.py").read_text(encoding="utf-8")
    async with Workshop({**files, _SCRIPT: script}, RUN, mechanism=mechanism) as shop:
        outcome = await shop.run([sys.executable, _SCRIPT, module_of(path), function.owner, function.name])
    try:
        return Examples(**json.loads(outcome.stdout))
    except (ValueError, TypeError):
        return Examples(said=f"The run was ended ({outcome.ended.value}).")
