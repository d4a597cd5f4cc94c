"""A function without a body, or a comment → the code that is meant, checked by parsers, checkers and examples."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.reasoning.checkers import added, check_python
from codeslm_lsp.reasoning.doctests import run_examples
from codeslm_lsp.reasoning.edits import applied, diff_of
from codeslm_lsp.reasoning.gap import Gap, filling, gap_at
from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.project import tests_that_mention
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.room import room_for
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.reasoning.testing import run_tests
from codeslm_lsp.reasoning.undefined import import_for, undefined_name
from codeslm_lsp.syntax.parses import error_count, tree_error_count
from codeslm_lsp.syntax.python_function import Function
from codeslm_lsp.values import Answer, Badge, Check, Edit, InputError

ATTEMPTS = 3
"""Each later one is told what was wrong with the one before, such as an example that did not come out."""

BROKEN = ("E9", "F821", "F822", "F823", "SyntaxError", "syntax", "invalid-syntax")
"""Rules of the checkers by which code surely does not work: syntax errors and names that nothing defines."""


@dataclass(frozen=True, slots=True)
class _Judged:
    badge: Badge
    checks: tuple[Check, ...]
    edits: tuple[Edit, ...] = ()


async def implement(question: Question, means: Means) -> Answer:
    """Write the body of the function at the cursor, or what the comment on its line asks for.

    Raises ``InputError`` where neither is there.
    """
    document = question.document
    if document is None:
        raise InputError("Name the function or the comment to implement, as FILE:LINE.")
    passage = passage_of(document, question.start, question.end)
    gap = gap_at(passage, question.start, question.end)
    if gap is None:
        raise InputError(
            "Nothing is missing here; put the cursor into a function without a body (pass, ..., a docstring), "
            "or on the line of a comment that says what to write."
        )
    judged = _Judged(Badge.REFUTED, ())
    remark = ""
    for _ in range(ATTEMPTS):
        values = {
            "path": document.path,
            "outline": fenced(passage.outline, passage.language_name),
            "code": fenced(passage.text, passage.language_name),
            "wanted": gap.wanted,
            "remark": remark,
        }
        said = await means.speaker.say(conversation("implement", values))
        judged = await _judged(passage, gap, filling(gap, said, passage), means)
        if judged.badge is not Badge.REFUTED:
            break
        remark = f"\nYour last attempt was not right: {judged.checks[-1].detail}"
    shown = (
        fenced(diff_of(document, judged.edits), "diff") if judged.edits else "No code was found that can stand here."
    )
    means.listen(shown)
    return Answer(
        "implement", shown, judged.badge, judged.checks, judged.edits if judged.badge is not Badge.REFUTED else ()
    )


async def _judged(passage: Passage, gap: Gap, code: str | None, means: Means) -> _Judged:
    document, language = passage.document, passage.language
    assert language is not None
    assert passage.tree is not None
    if code is None:
        detail = "It has no code for this place, or with other parameters than the function has."
        return _Judged(Badge.REFUTED, (Check("parses", False, detail),))
    edits: tuple[Edit, ...] = (Edit(document.uri, document.path, gap.start, gap.end, code),)
    after = applied(document.text, edits)
    if error_count(after, language) > tree_error_count(passage.tree):
        return _Judged(Badge.REFUTED, (Check("parses", False, "With it the file does not parse."),), edits)
    checks = [Check("parses", True, "The file parses with it.")]
    if passage.is_python:
        before, found = await check_python(document.text), await check_python(after)
        names = {undefined_name(each.message) for each in added(before, found)} - {""}
        imports = [each for name in sorted(names) if (each := import_for(name, passage, means.index)) is not None]
        if imports:
            edits = (*imports, *edits)
            after = applied(document.text, edits)
            found = await check_python(after)
        new = added(before, found)
        broken = [each for each in new if each.code.startswith(BROKEN)]
        by = " and ".join(found.checkers)
        if broken:
            detail = "; ".join(f"line {each.line}: {each.message}" for each in broken[:3])
            return _Judged(Badge.REFUTED, (*checks, Check("names", False, f"{by}: {detail}.")), edits)
        names_known = (
            "every name in it is defined" if "ruff" in found.checkers else "names were not looked up (no ruff)"
        )
        checks.append(Check("names", "ruff" in found.checkers, f"It compiles, and {names_known} ({by})."))
        checks += [Check("checker", False, f"{each.source} {each.code}: {each.message}") for each in new[:3]]
        if gap.function is not None:
            return await _tried(passage, gap.function, after, means, _Judged(Badge.UNVERIFIED, tuple(checks), edits))
    return _Judged(Badge.UNVERIFIED, tuple(checks), edits)


async def _tried(passage: Passage, function: Function, after: str, means: Means, judged: _Judged) -> _Judged:
    """The function run by the examples in its docstring and by the project's tests."""
    document, checks = passage.document, judged.checks
    docstring = document.text[slice(*function.docstring)] if function.docstring is not None else ""
    room = await room_for(document, means)
    if isinstance(room, str):
        return _Judged(judged.badge, (*checks, Check("ran", False, room)), judged.edits)
    changed = room.with_files({document.path: after})
    n_passed = 0
    if ">>>" in docstring:
        examples = await run_examples(function, document.path, changed)
        replay = f"python -m doctest {document.path}"
        if examples.n_failed:
            detail = f"{examples.n_failed} of {examples.n} examples in its docstring fail: {examples.said.strip()}"
            return _Judged(Badge.REFUTED, (*checks, Check("examples", False, detail, replay)), judged.edits)
        detail = f"All {examples.n} examples in its docstring come out." if examples.n else f"None ran: {examples.said}"
        checks = (*checks, Check("examples", examples.n > 0, detail, replay))
        n_passed += examples.n
    n_failing = 0
    if tests := tests_that_mention(room.files, function.name):
        old, new = await run_tests(room, tests), await run_tests(changed, tests)
        replay = f"python -m pytest {' '.join(tests)}"
        if broken := sorted(old.passed - new.passed):
            return _Judged(
                Badge.REFUTED, (*checks, Check("tests", False, f"{broken[0]} fails now.", replay)), judged.edits
            )
        n_new, n_failing = len(new.passed - old.passed), len(new.failed)
        failing = f"; these fail: {', '.join(sorted(new.failed)[:3])}" if new.failed else ""
        detail = f"{n_new} tests of the project that did not pass before do now{failing}."
        checks = (*checks, Check("tests", n_new > 0 and not n_failing, detail, replay))
        n_passed += n_new
    if not n_passed:
        checks = (*checks, Check("ran", False, "There is no example in its docstring and no test that it makes pass."))
    badge = Badge.TESTED if n_passed and not n_failing else Badge.UNVERIFIED
    return _Judged(badge, checks, judged.edits)
