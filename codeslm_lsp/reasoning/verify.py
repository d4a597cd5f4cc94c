"""A claim in symbols or words → whether it is true, by computer algebra. The model only puts words into symbols."""

from __future__ import annotations

import re

from codeslm_lsp.mathematics.answers import Verdict
from codeslm_lsp.reasoning.formula_of_code import function_of, is_whole
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.solve import problem_of
from codeslm_lsp.reasoning.speaker import Style
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.reasoning.verify_function import verify_function
from codeslm_lsp.syntax.python_function import Function
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Answer, Badge, Check, ExpressionError, InputError

BADGES = {"proved": Badge.PROVED, "refuted": Badge.REFUTED, "unknown": Badge.UNVERIFIED}
_WORDS = re.compile(r"[A-Za-z]{3,}\s+[A-Za-z]{2,}")
"""Two words behind each other: a claim in words, no formula."""

WORDS = {"proved": "True", "refuted": "False", "unknown": "Neither proved nor refuted"}


async def verify(question: Question, means: Means) -> Answer:
    """Whether a formula holds, or a function computes the one that its docstring states, or that is typed with it.

    A claim in words is put into symbols by the model, and the answer is about those: they are shown with it.
    Raises ``InputError`` where there is no claim.
    """
    function = _function(question)
    if function is not None and question.document is not None:
        return await verify_function(*function, question.document, question.words.strip(), means)
    if question.document is not None and not question.words.strip() and question.start == question.end:
        raise InputError("There is no Python function here; put the cursor into one, or type or select a claim.")
    claim = problem_of(question)
    try:
        verdict, understood = await means.mathematician.verify(claim), ""
    except ExpressionError as error:
        if not any(len(word) > 3 for word in claim.split() if word.isalpha()):
            raise  # It was meant as a formula: the sentence says where it goes wrong.
        said = await means.speaker.say(conversation("verify_state", {"claim": claim}), Style(max_tokens=200))
        formula = said.strip().strip("`$").splitlines()[0] if said.strip() else ""
        try:
            verdict, understood = await means.mathematician.verify(formula), formula
        except ExpressionError:
            raise error from None
    answer = _answer(verdict, understood)
    means.listen(answer.text)
    return answer


def _function(question: Question) -> tuple[SyntaxTree, Function] | None:
    """The function that is meant: at the cursor, or selected as a whole; with words only if these are no claim."""
    selected = question.document.text[question.start : question.end].strip() if question.document is not None else ""
    found = function_of(question)
    if found is None or (selected and not is_whole(selected, *found)):
        return None
    words = question.words.strip()
    if _WORDS.search(words):
        return None
    defines = re.match(rf"{re.escape(found[1].name)}\s*\(", words) is not None
    return found if not words or defines or not re.search(r"[=<>≤≥≠]|\\(?:le|ge|ne)", words) else None


def _answer(verdict: Verdict, understood: str) -> Answer:
    stated = f"Understood as `{understood}`.\n\n" if understood else ""
    text = f"{stated}**{WORDS[verdict.outcome]}.** {verdict.detail}"
    checks = [Check("algebra", verdict.outcome == "proved", verdict.detail, verdict.statement)]
    if understood:
        checks.insert(
            0, Check("statement", False, "That the formula says what the words do is not checked.", understood)
        )
    badge = BADGES[verdict.outcome]
    if understood and badge is Badge.PROVED:
        badge = Badge.UNVERIFIED  # The formula is proved; that it is the claim, only the model says.
        text += "\n\nThe formula is proved; that it says the same as the words is for you to judge."
    return Answer("verify", text, badge, tuple(checks))
