"""A Python function → the same function with annotations, whose names exist, and to which a type checker agrees."""

from __future__ import annotations

from codeslm_lsp.reasoning.annotations import Annotated, annotated
from codeslm_lsp.reasoning.edits import applied, diff_of
from codeslm_lsp.reasoning.python_ast import function_node, parameter_names, parse_python, without_annotations
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.target import Target, target_of, version_in
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.reasoning.type_checkers import check_types
from codeslm_lsp.values import Answer, Badge, Check, InputError

ATTEMPTS = 3
"""Each later one is told what the checks say of the one before."""


async def type_hints(question: Question, means: Means) -> Answer:
    """Annotations for the Python function at the cursor, where it has none.

    Raises ``InputError`` where there is no function, or nothing to annotate.
    """
    target = target_of(question, "annotate")
    if target.node is None or parse_python(target.document.text) is None:
        raise InputError(f"{target.document.path} does not parse; repair it first (codeslm fix).")
    function = target.function
    if function.returns and all(each.annotation for each in function.documented_parameters):
        raise InputError(f"Every parameter of '{function.name}' and its result have annotations already.")
    remark = ""
    badge, found = Badge.REFUTED, None
    checks: tuple[Check, ...] = ()
    for _ in range(ATTEMPTS):
        found = _found(await means.speaker.say(conversation("types", target.values(remark))), target, means)
        badge, checks = await _judged(target, found, means)
        if badge is not Badge.REFUTED:
            break
        remark = f"\nYour last version was not right: {checks[-1].detail}"
    shown = fenced(diff_of(target.document, found.edits), "diff") if found is not None else "No annotations were found."
    means.listen(shown)
    edits = found.edits if found is not None and badge is not Badge.REFUTED else ()
    return Answer("types", shown, badge, checks, edits)


def _found(reply: str, target: Target, means: Means) -> Annotated | None:
    code = version_in(reply, target)
    version = function_node(code) if code is not None else None
    old = target.node
    if version is None or old is None or parameter_names(version) != parameter_names(old):
        return None
    found = annotated(target, version, means.index)
    return found if found.added else None


async def _judged(target: Target, found: Annotated | None, means: Means) -> tuple[Badge, tuple[Check, ...]]:
    if found is None:
        detail = f"There is no '{target.function.name}' with the same parameters and with annotations in the reply."
        return Badge.REFUTED, (Check("signature", False, detail),)
    if found.unknown:
        return Badge.REFUTED, (Check("names", False, f"These names do not exist: {', '.join(found.unknown)}."),)
    before, after = target.document.text, applied(target.document.text, found.edits)
    if without_annotations(before) != without_annotations(after):
        return Badge.REFUTED, (Check("unchanged", False, "More than annotations and imports would change."),)
    n_any = sum(annotation in ("Any", "object") for annotation in found.added.values())
    loose = f", {n_any} of them only Any or object" if n_any else ""
    checks: tuple[Check, ...] = (
        Check("unchanged", True, "But for annotations and imports the syntax tree is the same."),
        Check("names", True, f"The names in all {len(found.added)} annotations exist{loose}."),
    )
    typed = await check_types(target.document.path, before, after, means.folder)
    if typed is None:
        missing = "They were not checked: there is neither mypy nor pyright on the path; install one of them."
        return Badge.UNVERIFIED, (*checks, Check("types", False, missing))
    replay = f"{typed.checker} {target.document.path}, before and after the edit"
    if new := typed.new:
        details = "; ".join(f"line {each.line}: {each.message}" for each in new[:3])
        failed = Check("types", False, f"{typed.checker} finds {len(new)} new: {details}", replay)
        return Badge.REFUTED, (*checks, failed)
    n_gone = max(0, len(typed.before) - len(typed.after))
    gone = f" and {n_gone} less" if n_gone else ""
    checks = (*checks, Check("types", True, f"{typed.checker} finds nothing new{gone}.", replay))
    return (Badge.UNVERIFIED if n_any == len(found.added) else Badge.TESTED), checks
