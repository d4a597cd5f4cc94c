"""A Python function → a simpler one, shown to do the same on many inputs, and by the project's own tests."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.reasoning.checkers import added, check_python
from codeslm_lsp.reasoning.compare import MAX_EXAMPLES, N_EXAMPLES, compare, verdict
from codeslm_lsp.reasoning.edits import diff_of
from codeslm_lsp.reasoning.estimate import estimate
from codeslm_lsp.reasoning.project import tests_that_mention
from codeslm_lsp.reasoning.python_ast import (
    body_of,
    function_node,
    functions_of,
    header_of,
    reaches_further,
    sizes,
)
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.room import Room, room_for
from codeslm_lsp.reasoning.target import Target, target_of, version_in, with_docstring
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.reasoning.testing import run_tests
from codeslm_lsp.values import Answer, Badge, Check, InputError

ATTEMPTS = 2
"""The second is told what was wrong with the first, such as the input on which it differs."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the checks say of one version. The last check of a refuted one is why."""

    badge: Badge
    checks: tuple[Check, ...]


async def simplify(question: Question, means: Means) -> Answer:
    """A simpler version of the Python function at the cursor. Raises ``InputError`` where there is none."""
    target = target_of(question, "simplify")
    n_examples = question.n_examples or N_EXAMPLES
    if not 0 < n_examples <= MAX_EXAMPLES:
        raise InputError(f"The number of examples must be from 1 to {MAX_EXAMPLES:,}.")
    target.parsed()
    remark = ""
    tried: list[tuple[str | None, _Judged]] = []
    for _ in range(ATTEMPTS):
        said = await means.speaker.say(conversation("simplify", target.values(remark)))
        code = version_in(said, target)
        if code is not None:
            code = with_docstring(code, target)
        judged = await _judged(target, code, means, n_examples)
        tried.append((code, judged))
        slower = [check for check in judged.checks if check.kind == "growth" and not check.passed]
        if not judged.checks or (judged.badge is not Badge.REFUTED and not slower):
            break
        wrong = judged.checks[-1] if judged.badge is Badge.REFUTED else slower[0]
        remark = f"\nYour last version was not right: {wrong.detail}"
    # The last, unless only one before it does the same as the function.
    kept = [each for each in tried if each[1].badge is not Badge.REFUTED and each[1].checks]
    code, judged = kept[-1] if kept else tried[-1]
    if code is None or not judged.checks:
        text = f"No simpler version of '{target.function.name}' was found."
        means.listen(text)
        return Answer("simplify", text, Badge.UNVERIFIED, judged.checks)
    edits = target.edits(code)
    shown = fenced(diff_of(target.document, edits), "diff")
    means.listen(shown)
    return Answer("simplify", shown, judged.badge, judged.checks, edits if judged.badge is not Badge.REFUTED else ())


async def _judged(target: Target, code: str | None, means: Means, n_examples: int) -> _Judged:
    """All checks of one version, the cheap ones first; without any, it is the same function as before."""
    old, new = target.parsed(), function_node(code) if code is not None else None
    if code is None or new is None:
        detail = f"There is no function '{target.function.name}' in the reply that parses."
        return _Judged(Badge.REFUTED, (Check("parses", False, detail),))
    if header_of(old) != header_of(new):
        detail = "Its name, parameters, decorators or annotations are not those of the function."
        return _Judged(Badge.REFUTED, (Check("signature", False, detail),))
    if body_of(old) == body_of(new):
        return _Judged(Badge.UNVERIFIED, ())
    kept = Check("signature", True, "It parses; name, parameters, annotations and decorators are the same.")
    (n_old, branches_old), (n_new, branches_new) = sizes(old), sizes(new)
    measured = f"{n_old} nodes of syntax with {branches_old} branches became {n_new} with {branches_new}."
    simpler = Check("simpler", n_new < n_old or branches_new < branches_old, measured)
    if not simpler.passed:
        return _Judged(Badge.REFUTED, (kept, Check("simpler", False, f"It is not simpler: {measured}")))
    if further := reaches_further(old, new):
        detail = f"It uses what the function did not: {', '.join(further)}."
        return _Judged(Badge.REFUTED, (kept, simpler, Check("reach", False, detail)))
    before, after = await check_python(target.document.text), await check_python(target.with_code(code))
    if new_findings := added(before, after):
        details = "; ".join(each.message for each in new_findings[:3])
        return _Judged(Badge.REFUTED, (kept, simpler, Check("checker", False, f"New is: {details}.")))
    others = functions_of(target.document.text)
    was, now = estimate(old, others).growth, estimate(new, others).growth
    is_slower = now > was and not now.unknown
    detail = f"By its syntax {now}, as before." if now == was else f"By its syntax {was} became {now}."
    checks = (kept, simpler, Check("growth", not is_slower, detail))
    room = await room_for(target.document, means)
    if isinstance(room, str):
        return _Judged(Badge.UNVERIFIED, (*checks, Check("ran", False, room)))
    return await _tried(target, code, room, n_examples, checks)


async def _tried(target: Target, code: str, room: Room, n_examples: int, checks: tuple[Check, ...]) -> _Judged:
    """Both versions run: by the tests that the project has for them, and on inputs made for it."""
    document = target.document
    tests = tests_that_mention(room.files, target.function.name)
    if tests:
        before = await run_tests(room, tests)
        after = await run_tests(room.with_files({document.path: target.with_code(code)}), tests)
        broken = sorted(before.passed - after.passed)
        replay = f"python -m pytest {' '.join(tests)}"
        if after.exit_code is None and before.exit_code is not None:
            return _Judged(Badge.UNVERIFIED, (*checks, Check("tests", False, "Its tests do not end with it.", replay)))
        if broken:
            return _Judged(Badge.REFUTED, (*checks, Check("tests", False, f"{broken[0]} fails with it.", replay)))
        if before.passed:
            detail = f"The {len(before.passed)} tests of it that passed still do ({', '.join(tests[:3])})."
            checks = (*checks, Check("tests", True, detail, replay))
    replay = f"codeslm simplify {document.path}:{target.line} --run --examples {n_examples}"
    badge, compared = verdict(await compare(target, code, room, n_examples), target.function.name, replay)
    return _Judged(badge, (*checks, compared))
