"""Two versions of a function → whether they do the same on inputs made from its signature, run in the sandbox.

Hypothesis makes the inputs (``differ_inside``): it knows values for almost every annotation, and makes what it found
small. The versions run in one process, on copies of the same inputs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codeslm_lsp.reasoning.project import module_of
from codeslm_lsp.reasoning.python_ast import future_imports
from codeslm_lsp.reasoning.room import Room
from codeslm_lsp.reasoning.target import Target
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.outcome import EndReason
from codeslm_lsp.settings import CommandsSettings
from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.syntax.python_function import Function
from codeslm_lsp.values import Badge, Check

N_EXAMPLES = CommandsSettings().examples
"""Five seconds for a function that takes no time itself. A mistake that one input in 300 shows is found with 96 %."""

N_SHOWN = 200
"""Examples for another language."""

MAX_EXAMPLES = 1_000_000

MAX_SKIPPED = 20
"""Inputs that take too long or too much: ten seconds. Then the others are not tried."""

BASE_S, EXAMPLE_S = 60.0, 0.02
"""Limits of processor time: Python's and Hypothesis' start and the probes, and what each slow example takes."""

PATIENCE = 3.0
"""So much longer it may take beside other programs."""

LEAST_RETURNED = 0.01
"""Share of inputs for which the function has to return something for the comparison to say anything."""

_SCRIPT = "codeslm_differ.py"


@dataclass(frozen=True, slots=True)
class Comparison:
    """On ``n`` inputs the versions were compared; for ``n_returned`` the old one returned, for the others it raised.

    ``difference`` has "input", "before" and "after", or is ``None``; ``unsteady`` is an input for which the old version
    differs from itself. ``stopped``: so many inputs took too long that the others were not tried. ``error`` is why
    nothing was compared.
    """

    n: int = 0
    n_returned: int = 0
    n_skipped: int = 0
    stopped: bool = False
    raised: Mapping[str, int] = field(default_factory=dict)
    difference: Mapping[str, str] | None = None
    unsteady: str = ""
    error: str = ""
    examples: tuple[Any, ...] = ()


async def compare(target: Target, after: str, room: Room, n_examples: int) -> Comparison:
    """Run both. ``after`` is the new version's source at the old one's margin."""
    copies = {
        _SCRIPT: Path(__file__).with_name("differ_inside.py").read_text(encoding="utf-8"),
        "codeslm_before.py": _alone(target, target.code),
        "codeslm_after.py": _alone(target, after),
    }
    job = {
        "module": module_of(target.document.path),
        "owner": target.function.owner,
        "name": target.function.name,
        "n_examples": n_examples,
        "max_skipped": MAX_SKIPPED,
        "compare": True,
    }
    cpu_s = BASE_S + EXAMPLE_S * n_examples
    limits = Limits(wall_s=PATIENCE * cpu_s, cpu_s=int(cpu_s))
    for small in (False, True):  # A huge number may keep a call busy where no signal reaches it.
        outcome = await room.run_python([_SCRIPT, json.dumps({**job, "small": small})], copies, limits)
        if outcome.ended is EndReason.EXITED and outcome.exit_code == 0:
            break
    try:
        return Comparison(**json.loads(outcome.stdout))
    except (ValueError, TypeError):
        said = outcome.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        ended = outcome.ended.value if outcome.exit_code is None else "it took too long"
        return Comparison(error=said or f"the run was ended ({ended})")


async def python_examples(function: Function, path: str, text: str, room: Room) -> tuple[list[dict[str, Any]], str]:
    """Arguments by position and what a function returns for them, as far as JSON can say it; or why there are none."""
    code = text[line_start(text, function.start) : function.end]
    head = "".join(f"{line}\n" for line in future_imports(text))
    script = Path(__file__).with_name("differ_inside.py").read_text(encoding="utf-8")
    copies = {_SCRIPT: script, "codeslm_before.py": f"{head}{code}\n"}
    job = {"module": module_of(path), "owner": "", "name": function.name, "n_examples": N_SHOWN}
    arguments = json.dumps({**job, "max_skipped": MAX_SKIPPED, "small": True, "compare": False})
    outcome = await room.run_python([_SCRIPT, arguments], copies, Limits(wall_s=PATIENCE * BASE_S))
    try:
        told = json.loads(outcome.stdout)
        return list(told["examples"]), str(told["error"])
    except (ValueError, TypeError, KeyError):
        return [], f"the run was ended ({outcome.ended.value})"


def verdict(comparison: Comparison, name: str, replay: str) -> tuple[Badge, Check]:
    """What a comparison says of the new version."""
    found = comparison
    if found.difference is not None:
        each = found.difference
        detail = f"For {name}({each['input']}) the old version {each['before']}, the new one {each['after']}."
        return Badge.REFUTED, Check("compared", False, detail, replay)
    if found.error:
        return Badge.UNVERIFIED, Check("compared", False, f"They could not be compared: {found.error}.", replay)
    if found.unsteady:
        detail = f"'{name}' is not deterministic: for {found.unsteady} two calls of the old version differ."
        return Badge.UNVERIFIED, Check("compared", False, detail, replay)
    if found.stopped:
        detail = (
            f"Most inputs take too long or too much memory; of others {found.n:,} were compared, without a difference."
        )
        return Badge.UNVERIFIED, Check("compared", False, detail, replay)
    raised = ", ".join(f"{kind} {count}" for kind, count in list(found.raised.items())[:3])
    told = f"{found.n_returned:,} returned" + (f", others raised {raised}" if raised else "")
    if found.n_returned <= LEAST_RETURNED * found.n:
        why = f"of {found.n:,} inputs {told}" if found.n else "no input could be tried"
        return Badge.UNVERIFIED, Check("compared", False, f"The comparison proves nothing: {why}.", replay)
    skipped = f"; {found.n_skipped:,} that took too long or too deep were left out" if found.n_skipped else ""
    detail = f"No difference for {found.n:,} inputs ({told}): result, exception, arguments afterwards, output{skipped}."
    return Badge.TESTED, Check("compared", True, detail, replay)


def _alone(target: Target, code: str) -> str:
    """A file with one version, in a class of its class's name where it is a method, so that private names are right."""
    head = "".join(f"{line}\n" for line in future_imports(target.document.text))
    if not target.function.owner:
        return f"{head}{code}\n"
    return f"{head}class {target.function.owner}:\n{code}\n"
