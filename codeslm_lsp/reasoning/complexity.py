"""A Python function → how its work grows with its input: by its syntax, and by counting. The model words it only."""

from __future__ import annotations

import re

from codeslm_lsp.reasoning.estimate import Estimate, estimate
from codeslm_lsp.reasoning.measure import Measured, measure
from codeslm_lsp.reasoning.python_ast import functions_of
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.room import room_for
from codeslm_lsp.reasoning.speaker import Style
from codeslm_lsp.reasoning.target import Target, target_of
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.values import Answer, Badge, Check

MAX_FACTS = 12
"""Lines that say something of the growth; a function of more is not explained in a paragraph."""

_ORDER = re.compile(r"O\(([^()]*(?:\([^()]*\)[^()]*)*)\)")


async def complexity(question: Question, means: Means) -> Answer:
    """How the Python function at the cursor grows. Raises ``InputError`` where there is none that parses."""
    target = target_of(question, "look at")
    node = target.parsed()
    found = estimate(node, functions_of(target.document.text))
    first = target.document.text.count("\n", 0, target.start) + node.lineno
    shift = first - (1 if target.code[:1] in (" ", "\t") else 0)
    facts = [f"line {shift + line - 1}: {sentence}" for line, sentence in found.facts[:MAX_FACTS]]
    measured, refusal = await _measured(target, means)
    checks = [Check("syntax", not found.growth.unknown, f"By its syntax {found.growth}.", "; ".join(facts))]
    agrees = measured is not None and measured.agrees_with(found.growth)
    replay = f"codeslm complexity {target.document.path}:{target.line} --run"
    if measured is None:
        checks.append(Check("counted", False, refusal))
    else:
        differs = "" if agrees or not measured.is_enough else " That is not what the syntax says"
        hint = _hint(found, measured) if differs else ""
        checks.append(Check("counted", agrees, measured.sentence() + differs + hint, replay))
    values = {
        "growth": str(found.growth),
        "facts": "\n".join(f"- {each}" for each in facts) or "- There is no loop over its input and no recursion.",
        "counted": measured.sentence() if measured is not None and measured.is_enough else "It was not counted.",
        "code": fenced(target.code, "python"),
    }
    said = (await means.speaker.say(conversation("complexity", values), Style(max_tokens=300))).strip()
    if others := _other_orders(said, found):
        detail = f"Its explanation speaks of {', '.join(others)}, which the syntax does not say; it is left out."
        checks.append(Check("explanation", False, detail, said))
        said = ""
    lines = "".join(f"\n- {each}" for each in facts)
    shown = f"**{found.growth}** by its syntax, where n is the size of what it is given.\n{lines}\n\n{said}".strip()
    means.listen(shown)
    return Answer("complexity", shown, Badge.CROSS_CHECKED if agrees else Badge.UNVERIFIED, tuple(checks))


async def _measured(target: Target, means: Means) -> tuple[Measured | None, str]:
    """What was counted, or why nothing was."""
    room = await room_for(target.document, means, "Nothing was counted")
    if isinstance(room, str):
        return None, room
    return await measure(target.function, target.document.path, room), ""


def _hint(found: Estimate, measured: Measured) -> str:
    """Why syntax and counts may differ."""
    if found.growth.unknown:
        return ", which does not tell how often something is repeated."
    expected = 99.0 if found.growth.exponential else float(found.growth.power)
    if measured.is_exponential or measured.exponent > expected:
        return ": something that it calls grows as well."
    return ", which is an upper estimate: loops may end sooner, or the inputs that were made are easy ones."


def _other_orders(said: str, found: Estimate) -> list[str]:
    """Orders of growth that an explanation names and that neither the estimate nor a fact has."""
    known = {_plain(str(found.growth)), "1"} | {_plain(each) for _, fact in found.facts for each in _orders(fact)}
    return sorted({f"O({each})" for each in _ORDER.findall(said) if _plain(each) not in known})


def _orders(fact: str) -> list[str]:
    return [*_ORDER.findall(fact), *re.findall(r"runs (\S.*?) times", fact)]


def _plain(order: str) -> str:
    """One way to write it: ``n^2``, ``n**2``, ``n*n`` and ``n²`` are the same."""
    text = order.removeprefix("O(").removesuffix(")") if order.startswith("O(") else order
    text = text.lower().replace("**", "^").replace("²", "^2").replace("³", "^3").replace("2ⁿ", "2^n")
    text = re.sub(r"\bn\s*[*·×]\s*n\b", "n^2", text).replace("sqrt(n)", "√n")
    return re.sub(r"[\s*·×$\\()]", "", text)
