"""A diagnostic → the smallest edit that makes its checker silent, tried by the checker before it is offered.

A name that is not defined may only need an import, or a letter, and a call an argument that has the parameter's name:
that is tried first, and the model is not asked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from codeslm_lsp.reasoning.checkers import Findings, added
from codeslm_lsp.reasoning.edits import applied, diff_of, line_edits
from codeslm_lsp.reasoning.looking import Look, complaint_in, is_said_by, looking
from codeslm_lsp.reasoning.misfit import misfits
from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.question import Complaint, Means, Question
from codeslm_lsp.reasoning.reply import code_in, fenced, indented_like, is_import
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.reasoning.undefined import import_edit, installed, place_for_import, repairs, undefined_name
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.syntax.parses import error_count, tree_error_count
from codeslm_lsp.values import Answer, Badge, Check, Document, Edit, InputError

ATTEMPTS = 3
"""Each later one is told what was wrong with the one before."""

MAX_CHANGED_SHARE = 0.6
"""Of the lines shown. A repair that changes more is another program."""


async def fix(question: Question, means: Means) -> Answer:
    """Repair the first diagnostic at the cursor; without one, the first that the checkers find there or below.

    Raises ``InputError`` where there is nothing to repair.
    """
    document = question.document
    if document is None:
        raise InputError("Name the place to repair, as FILE:LINE.")
    passage = passage_of(document, question.start, question.end)
    with looking(question, document, means, is_python=passage.is_python) as look:
        return await _fix(question, document, means, look)


async def _fix(question: Question, document: Document, means: Means, look: Look) -> Answer:
    before = await look.first(document.text)
    complaint = _complaint(question, document, before)
    passage = passage_of(document, complaint.start, complaint.start)
    line = document.text[line_start(document.text, complaint.start) : line_end(document.text, complaint.start)]
    async for edits in _without_the_model(passage, complaint, means):
        checks = await _checks(passage, complaint, edits, before, look)
        if any(check.kind == "checker" for check in checks) and all(check.passed for check in checks):
            return _repaired(document, edits, checks, means)
    remark = ""
    checks = ()
    for _ in range(ATTEMPTS):
        messages = conversation(
            "fix",
            {
                "path": document.path,
                "outline": fenced(passage.outline, passage.language_name),
                "code": fenced(passage.text, passage.language_name),
                "line": line.strip(),
                "problem": complaint.sentence,
                "remark": remark,
            },
        )
        said = await means.speaker.say(messages)
        edits = _edits(passage, code_in(said))
        checks = await _checks(passage, complaint, edits, before, look)
        if edits and all(check.passed for check in checks):
            return _repaired(document, edits, checks, means)
        wrong = " ".join(check.detail for check in checks if not check.passed)
        remark = f"\nYour last attempt was not right: {wrong}"
    text = f"No repair was found for: {complaint.sentence}"
    means.listen(text)
    return Answer("fix", text, Badge.REFUTED, checks)


async def _without_the_model(passage: Passage, complaint: Complaint, means: Means) -> AsyncIterator[tuple[Edit, ...]]:
    """Edits that may be meant, the likeliest first."""
    name = undefined_name(complaint.message)
    for edits in repairs(passage, name, complaint.start, means.index):
        yield edits
    if name and passage.is_python:
        for statement in await installed(name, passage, means.environment):
            yield (import_edit(passage, statement),)
    if passage.is_python:
        for edits in misfits(passage.document, complaint):
            yield edits


def _repaired(document: Document, edits: tuple[Edit, ...], checks: tuple[Check, ...], means: Means) -> Answer:
    """An edit that no check speaks against; *tested* if a checker was asked again."""
    shown = fenced(diff_of(document, edits), "diff")
    means.listen(shown)
    was_run = any(check.kind == "checker" for check in checks)
    return Answer("fix", shown, Badge.TESTED if was_run else Badge.UNVERIFIED, checks, edits)


def _complaint(question: Question, document: Document, found: Findings) -> Complaint:
    """What is to be repaired: the editor's diagnostic, what was typed, or the nearest finding from the cursor on."""
    if (told := complaint_in(question)) is not None:
        return told
    row = document.text.count("\n", 0, question.start) + 1
    ordered = sorted(found.found, key=lambda each: (each.line < row, each.line))
    if not ordered:
        lacking = [name for name in ("ruff", "mypy") if name not in found.checkers]
        more = f", or install {' and '.join(lacking)}, which find more" if lacking else ""
        by = ", ".join(found.checkers) or "there is no checker for it"
        raise InputError(f"Nothing wrong was found in {document.path} ({by}); say what is{more}.")
    first = ordered[0]
    start = _offset_of(document.text, first.line)
    return Complaint(start, start, first.message, first.source, first.code)


def _edits(passage: Passage, code: str) -> tuple[Edit, ...]:
    """What the repaired code changes; an import that it begins with goes to the other imports."""
    document = passage.document
    lines = code.splitlines(keepends=True)
    imports: list[str] = []
    begins_with_import = is_import(passage.text.lstrip())
    while not begins_with_import and lines and (is_import(lines[0]) or (imports and not lines[0].strip())):
        line = lines.pop(0)
        if line.strip() and line.strip() not in document.text:
            imports.append(line.strip() + "\n")
    if not lines:
        return ()
    body = indented_like("".join(lines).rstrip("\n") + "\n", passage.text)
    if not passage.text.endswith("\n"):
        body = body.rstrip("\n")
    edits = line_edits(document, passage.start, passage.end, body)
    if imports:
        place = place_for_import(passage)
        edits = (Edit(document.uri, document.path, place, place, "".join(imports)), *edits)
    return edits


async def _checks(
    passage: Passage, complaint: Complaint, edits: tuple[Edit, ...], before: Findings, look: Look
) -> tuple[Check, ...]:
    document = passage.document
    if not edits:
        return (Check("changes", False, "Nothing was changed."),)
    after = applied(document.text, edits)
    n_changed = sum(max(1, document.text.count("\n", edit.start, edit.end), edit.text.count("\n")) for edit in edits)
    if n_changed > max(4, MAX_CHANGED_SHARE * (passage.text.count("\n") + 1)):
        return (Check("changes", False, "Too much was changed; change only what the problem needs."),)
    checks = []
    if passage.language is not None and passage.tree is not None:
        n_before, n_after = tree_error_count(passage.tree), error_count(after, passage.language)
        detail = "The file parses." if n_after <= n_before else "The file does not parse any more."
        checks.append(Check("parses", n_after <= n_before, detail))
    if passage.is_python:
        checks += _compared(before, await look(after), complaint)
    return tuple(checks)


def _compared(before: Findings, after: Findings, complaint: Complaint) -> list[Check]:
    """What the checkers say now: nothing new, and no longer what was to be repaired."""
    new = added(before, after)
    replay = f"{' and '.join(after.checkers)} on the file with the edit"
    if new:
        details = "; ".join(f"line {each.line}: {each.message}" for each in new[:3])
        return [Check("checker", False, f"There is something new to complain about: {details}.", replay)]
    was_found = [each for each in before.found if is_said_by(each, complaint)]
    if was_found:
        n_left = sum(each.complaint == was_found[0].complaint for each in after.found)
        is_gone = n_left < len(was_found)
        said = f"{was_found[0].source} {was_found[0].code}"
        detail = f"{said} is gone, and nothing new is found." if is_gone else f"{said} is still there."
        return [Check("checker", is_gone, detail, replay)]
    return []  # Another tool complained, which was not run again: nothing is said to be tested.


def _offset_of(text: str, line: int) -> int:
    offset = 0
    for _ in range(line - 1):
        end = text.find("\n", offset)
        if end < 0:
            return offset
        offset = end + 1
    return offset + (len(rest := text[offset:]) - len(rest.lstrip(" \t")))
