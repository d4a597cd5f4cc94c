"""A problem in words or symbols → its answer, by derivations that do not know of each other and computer algebra.

    the model reasons freely ──▶ what it boxed
    the model writes assignments at once, under a grammar ──▶ computed
    while these disagree, one after the other:
        what was reasoned as assignments, under the grammar ──▶ computed
        the model reasons again, several times together, drawn ──▶ what it boxed

What two independent derivations come to, and few others deny, is *cross-checked*. A calculation that leaves out a
number of the problem is only half a witness, and so is one that was made of what was said in words. An equation or an
expression needs no model: it is solved, and each solution is put in again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.calculation import left_out, respelled
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.speaker import Style
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.resources import read_text
from codeslm_lsp.values import Answer, Badge, Check, ExpressionError, InputError, UnitsError

MAX_CHARACTERS = 4000
"""Of a problem."""

N_DRAWN = 3
"""So often it is reasoned again where words and calculation disagree, decoded together, which takes about twice as long
as one. To draw calculations instead is cheaper and no use: of 9 such problems of GSM8K the 1.5B calculated one right,
but reasoned six right in words."""

TEMPERATURE, TOP_P = 0.5, 0.9
"""Of what is drawn: enough for another way through the problem (arXiv 2203.11171 used 0.5 to 0.7)."""

ENOUGH = 2.0
"""Votes for an answer that can be called cross-checked: of two whole witnesses."""

HALF = 0.5
"""The weight of half a witness. Of 21 problems of GSM8K in which words and calculation agreed at once, all 17 whose
calculation used every number were right, and two of the four others."""

MAJORITY = 0.8
"""Of all that speaks for any answer, to call one cross-checked. What is drawn comes from one prompt, and may be wrong
in one way: of 25 answers of GSM8K that three of five votes or more were for, 16 were right; of the 11 with four, 9."""

REASONING_TOKENS, CALCULATION_TOKENS = 1024, 400
"""Of one derivation; the longest ones that are of any use have some 700 and 300."""

IN_WORDS, CALCULATED, RESTATED = "reasoning in words", "a calculation, computed", "its steps, computed"
"""How a derivation was made."""

NO_ANSWER = "no answer"
"""What is said of a derivation that came to nothing."""

_QUANTITY = re.compile(r"[-(\s]*\d[\d.,/]*\s*[A-Za-zµΩ°][^.?!]*$")
"""``5 kilometers in miles``: one line that begins with a number and its unit."""

_BOX = re.compile(r"\\boxed\s*\{")
_LAST_NUMBER = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?%?")


@dataclass(frozen=True, slots=True)
class Derivation:
    """One way to an answer, which is empty where it led nowhere. ``how`` says in which way.

    Derivations of the same ``witness`` are not independent; ``weight`` is the part of it that this one is.
    """

    witness: int
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
            each.answer,
        )
        for each in derivations
    )
    if not groups:
        none = Check("derivations", False, "None came to an answer.")
        return Answer("solve", derivations[0].text, Badge.UNVERIFIED, (*checks, none))
    best = groups[0]
    badge = Badge.CROSS_CHECKED if _agree(groups) else Badge.UNVERIFIED
    ways = ", ".join(dict.fromkeys(each.how for each in best))
    summary = f"{len(best)} of {len(derivations)} derivations come to this ({ways})."
    shown = f"**{best[0].answer}**\n\n{summary}\n\n{_reasoning(best)}"
    return Answer("solve", shown, badge, checks, value=best[0].answer)


async def derive(problem: str, means: Means) -> tuple[list[Derivation], list[list[Derivation]]]:
    """Derivations until two independent ones agree, or there are enough of them; and the same by their answers."""
    speaker, mathematician = means.speaker, means.mathematician
    in_words = conversation("solve", {"problem": problem})
    said = await speaker.say(in_words, Style(REASONING_TOKENS), means.listen)
    found = [Derivation(0, IN_WORDS, boxed(said), said.strip())]
    said = await speaker.say(conversation("solve_derive", {"problem": problem}), _calculating())
    calculated = await _computed(1, CALCULATED, said, mathematician)
    if calculated.answer and (rest := left_out(problem, calculated.text)):
        how = f"{calculated.how}, which leaves out {', '.join(rest)}"
        calculated = replace(calculated, weight=HALF, how=how)
    found.append(calculated)
    groups = await _groups(found, mathematician)
    if not _agree(groups):  # What was reasoned may be right, and only calculated wrongly.
        values = {"problem": problem, "solution": found[0].text}
        said = await speaker.say(conversation("solve_restate", values), _calculating())
        restated = await _computed(0, RESTATED, said, mathematician)
        if restated.answer:
            found[0], restated = replace(found[0], weight=HALF), replace(restated, weight=HALF)
        found.append(restated)
        groups = await _groups(found, mathematician)
    if not _agree(groups):
        drawn = await speaker.say_samples(in_words, Style(REASONING_TOKENS, TEMPERATURE, TOP_P, seed=1), N_DRAWN)
        found += [
            Derivation(number, f"{IN_WORDS}, again", boxed(each), each.strip())
            for number, each in enumerate(drawn, start=2)
        ]
        groups = await _groups(found, mathematician)
    return found, groups


def _agree(groups: Sequence[Sequence[Derivation]]) -> bool:
    """Whether independent derivations came to the answer that most speaks for, and few to another."""
    votes = [_votes(group) for group in groups]
    return bool(groups) and votes[0] >= ENOUGH and votes[0] >= MAJORITY * sum(votes)


def _votes(group: Sequence[Derivation]) -> float:
    return sum(each.weight for each in group)


def _calculating() -> Style:
    return Style(CALCULATION_TOKENS, grammar=read_text("grammars/output/derivation.gbnf"))


async def _computed(witness: int, how: str, calculation: str, mathematician: Mathematician) -> Derivation:
    calculation = respelled(calculation.strip())
    try:
        result = await mathematician.compute(calculation)
    except InputError as error:
        return Derivation(witness, f"{how} ({error})", "", calculation)
    return Derivation(witness, how, result.answer, calculation)


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
    computed_first = [sorted(group, key=lambda each: each.how.startswith(IN_WORDS)) for group in groups]
    return sorted(computed_first, key=lambda group: -_votes(group))


async def _same(one: str, other: str, mathematician: Mathematician) -> bool:
    """An answer that cannot be read is another one."""
    try:
        return await mathematician.equal(one, other)
    except ExpressionError:
        return False


def _reasoning(best: Sequence[Derivation]) -> str:
    """The text to show with the answer: reasoning in words that came to it, else the calculation."""
    in_words = next((each for each in best if each.how.startswith(IN_WORDS)), None)
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
