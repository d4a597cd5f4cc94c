"""A problem in words or symbols → its answer, by derivations that do not know of each other and computer algebra.

    the model reasons freely ──▶ what it boxed
    the model writes assignments at once, under a grammar ──▶ computed
    while words and calculation disagree, one after the other:
        what was reasoned as assignments, under the grammar ──▶ computed
        more calculations, drawn together ──▶ computed
        reasoning again, drawn ──▶ what it boxed

What both words and a calculation come to, and few others deny, is *cross-checked*. An equation or an expression needs
no model: it is solved, and each solution is put in again.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.calculation import respelled
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.speaker import Listener, Style
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.resources import read_text
from codeslm_lsp.values import Answer, Badge, Check, ExpressionError, InputError, UnitsError

MAX_CHARACTERS = 4000
"""Of a problem."""

N_CALCULATIONS = 4
"""So many more calculations are drawn where words and calculation disagree; they are short, and decoded together."""

TEMPERATURE, TOP_P = 0.7, 0.9
"""Of what is drawn: enough for another way through the problem (arXiv 2203.11171 used 0.5 to 0.7)."""

CALCULATIONS_WEIGHT = 1.5
"""What all calculations together count for, a reasoning in words counting for one: drawn from one prompt they make one
mistake again and again, so that five of them are not five witnesses."""

MAJORITY = 0.6
"""Of all that speaks for any answer, to call one cross-checked: more than half, so that no second is like it."""

REASONING_TOKENS, CALCULATION_TOKENS = 1024, 400
"""Of one derivation; the longest ones that are of any use have some 700 and 300."""

NO_ANSWER = "no answer"
"""What is said of a derivation that came to nothing."""

_QUANTITY = re.compile(r"[-(\s]*\d[\d.,/]*\s*[A-Za-zµΩ°][^.?!]*$")
"""``5 kilometers in miles``: one line that begins with a number and its unit."""

_BOX = re.compile(r"\\boxed\s*\{")
_LAST_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?%?")


class Origin(enum.StrEnum):
    """How a derivation was asked for. What only derivations of one origin come to may be one mistake, made again."""

    WORDS = "reasoning in words"
    CALCULATION = "a calculation, computed"


@dataclass(frozen=True, slots=True)
class Derivation:
    """One way to an answer, which is empty where it led nowhere. ``how`` says in which way.

    ``weight`` is what its answer counts for among those of its origin.
    """

    origin: Origin
    how: str
    answer: str
    text: str
    weight: float = 1.0


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
    """Solve a problem by several derivations; the answer that most speaks for is given."""
    derivations, groups = await derive(problem, means)
    checks = tuple(
        Check(
            "derivation",
            bool(groups) and each in groups[0],
            f"{each.how}: {each.answer or NO_ANSWER}",
            each.text,
        )
        for each in derivations
    )
    if not groups:
        none = Check("derivations", False, "None came to an answer.")
        return Answer("solve", derivations[0].text, Badge.UNVERIFIED, (*checks, none))
    best = groups[0]
    badge = Badge.CROSS_CHECKED if _agree(groups) else Badge.UNVERIFIED
    ways = " and ".join(dict.fromkeys(each.origin.value for each in best))
    summary = f"{len(best)} of {len(derivations)} derivations come to this: {ways}."
    shown = f"**{best[0].answer}**\n\n{summary}\n\n{_reasoning(best)}"
    return Answer("solve", shown, badge, checks, value=best[0].answer)


async def derive(problem: str, means: Means) -> tuple[list[Derivation], list[list[Derivation]]]:
    """Derivations until words and calculation agree, or there are enough of them; and the same by their answers."""
    found = await _reason(problem, means, Style(REASONING_TOKENS), means.listen)
    found += await _calculate("solve_derive", {"problem": problem}, means, Origin.CALCULATION, Style())
    groups = await _groups(found, means.mathematician)
    if not _agree(groups):  # What was reasoned may be right, and only calculated wrongly.
        values = {"problem": problem, "solution": found[0].text}
        [restated] = await _calculate("solve_restate", values, means, Origin.WORDS, Style())
        found.append(restated)
        if restated.answer:  # These are one witness: where they differ each is half a one.
            found[0], found[-1] = replace(found[0], weight=0.5), replace(restated, weight=0.5)
        groups = await _groups(found, means.mathematician)
    drawn = Style(REASONING_TOKENS, TEMPERATURE, TOP_P, seed=1)
    if not _agree(groups):
        found += await _calculate(
            "solve_derive", {"problem": problem}, means, Origin.CALCULATION, drawn, N_CALCULATIONS
        )
        groups = await _groups(found, means.mathematician)
    if not _agree(groups):
        found += await _reason(problem, means, drawn, None)
        groups = await _groups(found, means.mathematician)
    return found, groups


def _agree(groups: Sequence[Sequence[Derivation]]) -> bool:
    """Whether the answer that most speaks for is one that both words and a calculation came to."""
    if not groups or len({each.origin for each in groups[0]}) < len(Origin):
        return False
    votes = [_votes(group, groups) for group in groups]
    return votes[0] >= MAJORITY * sum(votes)


def _votes(group: Sequence[Derivation], groups: Sequence[Sequence[Derivation]]) -> float:
    """What speaks for the answer of a group: words one by one, calculations by their share of all that came to one."""
    n_calculations = sum(each.origin is Origin.CALCULATION for others in groups for each in others)
    n_own = sum(each.origin is Origin.CALCULATION for each in group)
    words = sum(each.weight for each in group if each.origin is Origin.WORDS)
    return words + (CALCULATIONS_WEIGHT * n_own / n_calculations if n_calculations else 0.0)


async def _reason(problem: str, means: Means, style: Style, listen: Listener | None) -> list[Derivation]:
    said = await means.speaker.say(conversation("solve", {"problem": problem}), style, listen)
    how = Origin.WORDS.value + (", again" if style.temperature else "")
    return [Derivation(Origin.WORDS, how, boxed(said), said.strip())]


async def _calculate(
    template: str, values: dict[str, str], means: Means, origin: Origin, style: Style, n_samples: int = 1
) -> list[Derivation]:
    grammar = read_text("grammars/output/derivation.gbnf")
    style = replace(style, max_tokens=CALCULATION_TOKENS, grammar=grammar)
    messages = conversation(template, values)
    if n_samples > 1:
        calculations = await means.speaker.say_samples(messages, style, n_samples)
    else:
        calculations = [await means.speaker.say(messages, style)]
    return [await _computed(each, origin, means.mathematician) for each in calculations]


async def _computed(calculation: str, origin: Origin, mathematician: Mathematician) -> Derivation:
    how = Origin.CALCULATION.value if origin is Origin.CALCULATION else "its steps, computed"
    calculation = respelled(calculation.strip())
    try:
        result = await mathematician.compute(calculation)
    except InputError as error:
        return Derivation(origin, f"{how} ({error})", "", calculation)
    return Derivation(origin, how, result.answer, calculation)


async def _groups(derivations: Sequence[Derivation], mathematician: Mathematician) -> list[list[Derivation]]:
    """Derivations by their answers: what most speaks for first, of equal ones that which was found earlier.

    Within a group those that were computed lead: their answers are exact, and without units.
    """
    groups: list[list[Derivation]] = []
    for each in derivations:
        if not each.answer:
            continue
        for group in groups:
            if await _same(group[0].answer, each.answer, mathematician):
                group.append(each)
                break
        else:
            groups.append([each])
    computed_first = [sorted(group, key=lambda each: each.how.startswith(Origin.WORDS.value)) for group in groups]
    return sorted(computed_first, key=lambda group: -_votes(group, groups))


async def _same(one: str, other: str, mathematician: Mathematician) -> bool:
    """An answer that cannot be read is another one."""
    try:
        return await mathematician.equal(one, other)
    except ExpressionError:
        return False


def _reasoning(best: Sequence[Derivation]) -> str:
    """The text to show with the answer: reasoning in words that came to it, else the calculation."""
    in_words = next((each for each in best if each.how.startswith(Origin.WORDS.value)), None)
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
    if re.search(r"[A-Za-z]{3,}\s+[A-Za-z]{2,}", problem) and not _QUANTITY.match(problem):
        return None  # Words.
    try:
        result = await mathematician.compute(problem)
    except UnitsError:
        raise  # The model would not know better.
    except InputError:
        return None
    shown = result.answer if result.decimal in ("", result.answer) else f"{result.answer} ≈ {result.decimal}"
    value = result.answer
    names = {name for name, _ in result.values}
    if len(names) == 1:  # All solutions of one unknown.
        shown = " or ".join(f"{name} = {value}" for name, value in result.values)
        value = ", ".join(each for _, each in result.values)
    values = "".join(f"\n- {name} = {each}" for name, each in result.values) if len(names) > 1 else ""
    check = Check("computed", True, "Solved by computer algebra, from the statement as it stands.", problem)
    return Answer("solve", f"**{shown}**\n{values}".rstrip(), Badge.PROVED, (check,), value=value)


def _without_marks(text: str) -> str:
    """Lines of a comment or a docstring as text."""
    lines = [re.sub(r"^\s*(?:#+|//+|\*+|--|;+|%+)\s?", "", line) for line in text.strip().split("\n")]
    return "\n".join(lines).strip().strip("\"'`").strip()
