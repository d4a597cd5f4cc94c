"""A problem in words or symbols → its answer, by derivations that do not know of each other and computer algebra.

    the model reasons freely ──▶ what it boxed
            └─ the same as assignments, under a grammar ──▶ computed
    the model writes assignments at once, under a grammar ──▶ computed
    where these disagree: it reasons again, otherwise ──▶ what it boxed

Numbers are never the model's own where they can be computed. What two independent derivations come to is
*cross-checked*. An equation or an expression needs no model: it is solved, and each solution is put in again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.speaker import Style
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.resources import read_text
from codeslm_lsp.values import Answer, Badge, Check, ExpressionError, InputError

MAX_CHARACTERS = 4000
"""Of a problem."""

N_AGREEING = 2
"""So many independent derivations have to come to the same."""

N_MORE = 2
"""So often the model reasons again where they do not: four derivations of which two agree by chance are rare."""

TEMPERATURE, TOP_P = 0.7, 0.9
"""Of reasoning again: enough for another way through the problem (arXiv 2203.11171 used 0.5 to 0.7)."""

_BOX = re.compile(r"\\boxed\s*\{")
_LAST_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?%?")


@dataclass(frozen=True, slots=True)
class Derivation:
    """One way to an answer, which is empty where it led nowhere. Those of the same ``origin`` are not independent."""

    origin: str
    how: str
    answer: str
    text: str


async def solve(question: Question, means: Means) -> Answer:
    """Solve the problem that was typed, or that is selected. Raises ``InputError`` where there is none."""
    problem = problem_of(question)
    if (directly := await _directly(problem, means.mathematician)) is not None:
        means.listen(directly.text)
        return directly
    return await solve_in_words(problem, means)


def problem_of(question: Question) -> str:
    """What was typed, or what is selected, without comment marks. Raises ``InputError``."""
    selected = question.document.text[question.start : question.end] if question.document is not None else ""
    problem = question.words.strip() or _without_marks(selected)
    if not problem:
        raise InputError("There is no problem; type one, or select it.")
    if len(problem) > MAX_CHARACTERS:
        raise InputError(f"The problem has {len(problem)} characters; select at most {MAX_CHARACTERS}.")
    return problem


async def solve_in_words(problem: str, means: Means) -> Answer:
    """Solve a problem by several derivations; the answer that most independent ones came to is given."""
    derivations, groups = await derive(problem, means)
    if not groups:
        text = derivations[0].text
        return Answer("solve", text, Badge.UNVERIFIED, (Check("derivations", False, "None came to an answer."),))
    best = groups[0]
    agreeing = {each.origin for each in best}
    badge = Badge.CROSS_CHECKED if len(agreeing) >= N_AGREEING else Badge.UNVERIFIED
    n_all = len({each.origin for each in derivations})
    checks = tuple(
        Check("derivation", each in best, f"{each.how}: {each.answer or 'no answer'}", each.text)
        for each in derivations
    )
    summary = f"{len(agreeing)} of {n_all} independent derivations come to this."
    shown = f"**{best[0].answer}**\n\n{summary}\n\n{_reasoning(best)}"
    return Answer("solve", shown, badge, checks)


async def derive(problem: str, means: Means) -> tuple[list[Derivation], list[list[Derivation]]]:
    """Derivations until two independent ones agree, or there are enough of them; and the same by their answers."""
    free = await _reason(problem, means, "reasoning", Style(), listen=True)
    found = [free]
    restated = await _computed(
        "solve_restate", {"problem": problem, "solution": free.text}, means, "reasoning", "its steps, computed"
    )
    found.append(restated)
    found.append(await _computed("solve_derive", {"problem": problem}, means, "calculation", "a calculation, computed"))
    groups = await by_answer(found, means.mathematician)
    for number in range(N_MORE):
        if groups and len({each.origin for each in groups[0]}) >= N_AGREEING:
            break
        style = Style(temperature=TEMPERATURE, top_p=TOP_P, seed=1 + number)
        found.append(await _reason(problem, means, f"reasoning again ({number + 1})", style, listen=False))
        groups = await by_answer(found, means.mathematician)
    return found, groups


async def _reason(problem: str, means: Means, origin: str, style: Style, *, listen: bool) -> Derivation:
    messages = conversation("solve", {"problem": problem})
    said = await means.speaker.say(messages, style, means.listen if listen else None)
    return Derivation(origin, f"{origin}, in words", boxed(said), said.strip())


async def _computed(template: str, values: dict[str, str], means: Means, origin: str, how: str) -> Derivation:
    style = Style(max_tokens=600, grammar=read_text("grammars/output/derivation.gbnf"))
    said = await means.speaker.say(conversation(template, values), style)
    try:
        result = await means.mathematician.compute(said)
    except InputError as error:
        return Derivation(origin, f"{how} ({error})", "", said.strip())
    return Derivation(origin, how, result.answer, said.strip())


async def by_answer(derivations: Sequence[Derivation], mathematician: Mathematician) -> list[list[Derivation]]:
    """Derivations by their answers: those that most independent ones came to first, computed answers leading."""
    groups: list[list[Derivation]] = []
    for each in derivations:
        if not each.answer:
            continue
        for group in groups:
            if await _is_same(group[0].answer, each.answer, mathematician):
                group.append(each)
                break
        else:
            groups.append([each])
    return sorted(groups, key=lambda group: (-len({each.origin for each in group}), -len(group)))


async def _is_same(left: str, right: str, mathematician: Mathematician) -> bool:
    """Answers that cannot be compared, such as a page of digits, are different ones: no reason to end the command."""
    try:
        return await mathematician.equal(left, right)
    except ExpressionError:
        return False


def _reasoning(best: Sequence[Derivation]) -> str:
    """The text to show with the answer: reasoning in words that came to it, else the calculation."""
    in_words = next((each for each in best if each.how.endswith("in words")), None)
    return in_words.text if in_words is not None else f"```\n{best[0].text}\n```"


def boxed(text: str) -> str:
    """What stands in the last ``\\boxed{}``; without one, the last number of the text."""
    starts = list(_BOX.finditer(text))
    if starts:
        start, depth = starts[-1].end(), 1
        for position in range(start, len(text)):
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            if not depth:
                return text[start:position].strip()
    numbers = _LAST_NUMBER.findall(text)
    return str(numbers[-1]) if numbers else ""


async def _directly(problem: str, mathematician: Mathematician) -> Answer | None:
    """The answer to what is an equation or an expression as it stands, with nothing asked of the model."""
    if re.search(r"[A-Za-z]{3,}\s+[A-Za-z]{2,}", problem):
        return None  # Words.
    try:
        result = await mathematician.compute(problem)
    except InputError:
        return None
    shown = result.answer if result.decimal in ("", result.answer) else f"{result.answer} ≈ {result.decimal}"
    names = {name for name, _ in result.values}
    if len(names) == 1:  # All solutions of one unknown.
        shown = " or ".join(f"{name} = {value}" for name, value in result.values)
    values = "".join(f"\n- {name} = {value}" for name, value in result.values) if len(names) > 1 else ""
    check = Check("computed", True, "Solved by computer algebra, from the statement as it stands.", problem)
    return Answer("solve", f"**{shown}**\n{values}".rstrip(), Badge.PROVED, (check,))


def _without_marks(text: str) -> str:
    """Lines of a comment or a docstring as text."""
    lines = [re.sub(r"^\s*(?:#+|//+|\*+|--|;+|%+)\s?", "", line) for line in text.strip().split("\n")]
    return "\n".join(lines).strip().strip("\"'`").strip()
