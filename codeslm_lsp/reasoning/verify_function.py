"""A Python function and the formula that its docstring states → whether it computes that. No model is asked.

Its body is read as a formula and compared by algebra; where it is none (a loop, a call) it is run at many points.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from codeslm_lsp.mathematics.answers import Sample, Verdict
from codeslm_lsp.mathematics.expressions import free_names, renamed
from codeslm_lsp.mathematics.functions import CONSTANTS
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.mathematics.python_formulas import Formula, formula_at
from codeslm_lsp.mathematics.stated import Stated, find_stated, read_stated
from codeslm_lsp.reasoning.formula_of_code import PREMISE
from codeslm_lsp.reasoning.question import Means
from codeslm_lsp.reasoning.room import NOT_ALLOWED, room_for
from codeslm_lsp.reasoning.sampled import sampled
from codeslm_lsp.syntax.python_function import Function
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Answer, Badge, Check, Document, ExpressionError, InputError

MAX_FORMULAS = 4
"""Of one docstring: what is a definition and what a remark is not told apart."""

MIN_POINTS = 10
"""Where it has to run and agree before that says anything."""


async def verify_function(tree: SyntaxTree, function: Function, document: Document, words: str, means: Means) -> Answer:
    """Whether the function computes the formula in ``words``, or else in its docstring.

    Raises ``InputError`` where neither states one.
    """
    formula, reason = _formula(tree, function)
    variables = formula.variables if formula is not None else _parameters(function)
    claims = _claims(tree, function, words, variables)
    answers = []
    for stated in claims[:MAX_FORMULAS]:
        answers.append(await _checked(stated, formula, reason, function, document, means))
        if answers[-1].badge in (Badge.PROVED, Badge.TESTED):
            break
    positive = [each for each in answers if each.badge in (Badge.PROVED, Badge.TESTED)]
    answer = (positive or answers)[0]
    is_clear = (len(claims) == 1 and claims[0].is_result) or _is_meant(claims[0], function)
    if answer.badge is Badge.REFUTED and not is_clear:
        answer = _in_doubt(answer, claims)
    means.listen(answer.text)
    return answer


def _formula(tree: SyntaxTree, function: Function) -> tuple[Formula | None, str]:
    """What the function computes, or why it is no formula."""
    try:
        return formula_at(tree, function.def_start), ""
    except ExpressionError as error:
        return None, str(error)


def _parameters(function: Function) -> tuple[str, ...]:
    return tuple(each.name for each in function.documented_parameters)


def _claims(tree: SyntaxTree, function: Function, words: str, variables: Sequence[str]) -> list[Stated]:
    """Formulas in the function's variables: those that its own name stands before, else all. Raises ``InputError``."""
    if words:
        stated = read_stated(words, variables)
        strangers = free_names(stated.expression) - CONSTANTS - set(variables)
        if strangers:
            raise InputError(f"'{function.name}' has no parameter {min(strangers)}, which the formula uses; rename it.")
        return [stated]
    if function.docstring is None:
        raise InputError(f"'{function.name}' has no docstring to check it by; write one such as 'f(x) = …'.")
    text = _docstring(tree.text[slice(*function.docstring)])
    found = list(find_stated(text, variables)) or list(_renamed(find_stated(text), function))
    if not found:
        raise InputError(
            f"The docstring of '{function.name}' states no formula in its parameters; write one such as "
            f"'{function.name}({', '.join(_parameters(function))}) = …'."
        )
    return [each for each in found if _is_meant(each, function)] or found


def _is_meant(stated: Stated, function: Function) -> bool:
    """Whether the formula is said to be the function's value, not something on the way."""
    return stated.name == function.name or (stated.is_result and not stated.name)


def _in_doubt(answer: Answer, claims: Sequence[Stated]) -> Answer:
    """It computes none of the formulas; whether it should, the docstring does not say."""
    shown = ", ".join(f"`{to_text(each.expression)}`" for each in claims[:MAX_FORMULAS])
    why = f"The docstring only mentions {shown}; it does not say that this is returned, as 'Return …' would."
    doubt = Check("statement", False, why)
    return replace(answer, badge=Badge.UNVERIFIED, text=f"{answer.text}\n\n{why}", checks=(doubt, *answer.checks))


def _renamed(found: Iterator[Stated], function: Function) -> Iterator[Stated]:
    """``f(x) = …`` of a function whose parameter has another name."""
    own = _parameters(function)
    for each in found:
        if each.parameters is not None and len(each.parameters) == len(own):
            names = dict(zip(each.parameters, own, strict=True))
            yield replace(each, parameters=own, expression=renamed(each.expression, names), clause="")


async def _checked(
    stated: Stated, formula: Formula | None, reason: str, function: Function, document: Document, means: Means
) -> Answer:
    claim = to_text(stated.expression)
    verdict: Verdict | None = None
    if formula is not None:
        verdict = await means.mathematician.agree(
            formula.expression, stated.expression, formula.whole, formula.variables, stated.clause
        )
        if verdict.outcome != "unknown":
            return _by_algebra(verdict, claim, function)
        reason = verdict.detail
    return await _by_running(stated, claim, reason, function, document, means)


def _by_algebra(verdict: Verdict, claim: str, function: Function) -> Answer:
    is_proved = verdict.outcome == "proved"
    said = "computes" if is_proved else "does not compute"
    detail = verdict.detail.replace("the left side is", "it gives").replace("the right side is", "the formula gives")
    text = f"**'{function.name}' {said} `{claim}`.** {detail}"
    checks = (
        Check("algebra", is_proved, f"Its body was read as a formula. {verdict.detail}", verdict.statement),
        Check("exact", True, f"{PREMISE} Where it raises an exception, nothing is compared."),
    )
    return Answer("verify", text, Badge.PROVED if is_proved else Badge.REFUTED, checks)


async def _by_running(
    stated: Stated, claim: str, reason: str, function: Function, document: Document, means: Means
) -> Answer:
    def unverified(why: str) -> Answer:
        text = f"**Whether '{function.name}' computes `{claim}` was not found out.** {reason} {why}".strip()
        return Answer("verify", text, Badge.UNVERIFIED, (Check("algebra", False, reason), Check("ran", False, why)))

    is_method = bool(function.owner) and "staticmethod" not in function.decorators
    if is_method or function.is_async:
        return unverified("It cannot be run alone to be compared, since it is a method or async.")
    if not means.may_run:
        return unverified(f"To compare values by running it, {NOT_ALLOWED}.")
    whole = [each.name for each in function.parameters if each.annotation == "int"]
    try:
        samples = await means.mathematician.sample(stated.expression, whole, _parameters(function), stated.clause)
    except ExpressionError as error:
        return unverified(f"Its values could not be worked out: {error}")
    rest = set(_required(function)) - {name for name, _ in samples[0].point} if samples else set()
    if rest:
        return unverified(f"The formula says nothing of {min(rest)}, which has to be given.")
    room = await room_for(document, means)
    if isinstance(room, str):
        return unverified(room)
    ran = await sampled(function, document, samples, room)
    if ran.error:
        return unverified(f"It could not be run: {ran.error}.")
    if ran.counterexample is not None:
        at, given = ran.counterexample
        where = _call(function, at)
        detail = f"{where} gives {given}, and the formula {at.value}."
        text = f"**'{function.name}' does not compute `{claim}`.** {detail}"
        return Answer("verify", text, Badge.REFUTED, (Check("ran", False, detail, where),))
    raised = f"; at {ran.n_raised} others it raised an exception or gave no number" if ran.n_raised else ""
    detail = f"It was run at {ran.n_equal} points, and gave the formula's value at each{raised}."
    if ran.n_equal < MIN_POINTS:
        return unverified(f"{detail} That are too few.")
    text = f"**'{function.name}' agrees with `{claim}` wherever it was tried.** {detail}"
    checks = (Check("ran", True, detail, _call(function, samples[0])), Check("algebra", False, f"Not proved: {reason}"))
    return Answer("verify", text, Badge.TESTED, checks)


def _required(function: Function) -> list[str]:
    return [each.name for each in function.documented_parameters if not each.default and each.kind != "arguments"]


def _call(function: Function, sample: Sample) -> str:
    return f"{function.name}({', '.join(f'{name}={value}' for name, value in sample.point)})"


def _docstring(text: str) -> str:
    """Without its quotes, and with the backslashes that it has when it is not raw."""
    found = re.match(r"([rRuU]*)(\"\"\"|'''|\"|')", text)
    assert found is not None
    inside = text[found.end() : -len(found[2])]
    return inside if "r" in found[1].lower() else inside.replace("\\\\", "\\")
