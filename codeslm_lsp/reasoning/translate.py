"""Code in one language → the same in another: it parses, defines the same names, and does the same where it runs."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from codeslm_lsp.reasoning.across import Crossed, cross_run
from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import code_in, fenced
from codeslm_lsp.reasoning.room import room_for
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.syntax.definitions import definitions
from codeslm_lsp.syntax.languages import Language, language_of, languages
from codeslm_lsp.syntax.parses import error_count
from codeslm_lsp.syntax.python_function import Function, function_at
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import Answer, Badge, Check, Edit, InputError, SandboxUnavailable
from codeslm_lsp.workspace.files import source_language

ATTEMPTS = 2
"""The second is told what was wrong with the first."""


async def translate(question: Question, means: Means) -> Answer:
    """The selected code, or the definition at the cursor, in ``question.language``, offered as a new file.

    Raises ``InputError`` for what is no code, and for a language that is not known.
    """
    document = question.document
    if document is None:
        raise InputError("Name the code to translate, as FILE:LINE.")
    target = _target(question.language)
    passage = passage_of(document, question.start, question.end)
    if passage.language is None or source_language(document.path) is None:
        raise InputError(f"{document.path} holds no code of a language that is known.")
    if passage.language.name == target.name:
        raise InputError(f"It is written in {target.name} already; choose another language.")
    function = function_at(passage.tree, question.start, question.end) if passage.tree is not None else None
    code, remark = "", ""
    badge = Badge.REFUTED
    checks: tuple[Check, ...] = ()
    for _ in range(ATTEMPTS):
        values = {
            "source": passage.language.name,
            "target": target.name,
            "names": ", ".join(sorted(_names(passage))) or "all",
            "code": fenced(passage.text, passage.language_name),
            "remark": remark,
        }
        code = _with_names(code_in(await means.speaker.say(conversation("translate", values))), passage, target)
        badge, checks = await _judged(passage, function, code, target, means)
        if badge is not Badge.REFUTED:
            break
        remark = f"\nYour last translation was not right: {checks[-1].detail}"
    shown = fenced(code, target.name) if code.strip() else "There is no code in what the model said."
    means.listen(shown)
    edits: tuple[Edit, ...] = ()
    if badge is not Badge.REFUTED:
        path = str(PurePosixPath(document.path).with_suffix(target.extensions[0]))
        uri = document.uri.rpartition("/")[0] + "/" + PurePosixPath(path).name
        edits = (Edit(uri, path, 0, 0, code.rstrip() + "\n"),)
    return Answer("translate", shown, badge, checks, edits)


def _target(name: str) -> Language:
    found = languages().get(name.lower()) or language_of(name, f"a.{name.lower().lstrip('.')}")
    known = [
        each.name for each in languages().values() if each.extensions and source_language(f"a{each.extensions[0]}")
    ]
    if found is None or found.name not in known:
        raise InputError(f"Say into which language, as --to {known[1]}; there are {', '.join(known)}.")
    return found


async def _judged(
    passage: Passage, function: Function | None, code: str, target: Language, means: Means
) -> tuple[Badge, tuple[Check, ...]]:
    whole = code if not target.opening or target.opening in code else f"{target.opening}\n{code}"
    if not code.strip() or error_count(whole, target):
        return Badge.REFUTED, (Check("parses", False, f"It is no {target.name} that parses."),)
    wanted = _names(passage)
    missing = sorted(wanted - {each.name for each in definitions(parse(whole, target))})
    if missing:
        return Badge.REFUTED, (Check("names", False, f"These are not defined in it: {', '.join(missing)}."),)
    checks = [Check("parses", True, f"It parses as {target.name}.")]
    if wanted:
        checks.append(Check("names", True, f"It defines {', '.join(sorted(wanted))} as well."))
    if function is None or function.owner or target.name != "javascript":
        only = "Only single functions from Python to JavaScript are run in both languages."
        return Badge.UNVERIFIED, (*checks, Check("ran", False, only))
    room = await room_for(passage.document, means)
    if isinstance(room, str):
        return Badge.UNVERIFIED, (*checks, Check("ran", False, room))
    try:
        crossed = await cross_run(passage, function, code, room)
    except SandboxUnavailable as error:
        return Badge.UNVERIFIED, (*checks, Check("ran", False, str(error)))
    badge, check = _verdict(crossed)
    return badge, (*checks, check)


def _verdict(crossed: Crossed) -> tuple[Badge, Check]:
    replay = "both versions on the same inputs, in Python and node"
    if crossed.difference:
        return Badge.REFUTED, Check("ran", False, crossed.difference, replay)
    if crossed.n == 0:
        return Badge.UNVERIFIED, Check("ran", False, f"They could not be compared: {crossed.error}.", replay)
    detail = f"Both versions give the same for {crossed.n} inputs that Python's returns something for."
    return Badge.TESTED, Check("ran", True, detail, replay)


def _with_names(code: str, passage: Passage, target: Language) -> str:
    """``hasPair`` is called ``has_pair`` again: small models write names as is usual in the other language."""
    defined = {each.name for each in definitions(parse(code, target))}
    for name in _names(passage) - defined:
        alike = [each for each in defined if _bare(each) == _bare(name)]
        if len(alike) == 1 and not re.search(rf"\b{re.escape(name)}\b", code):
            code = re.sub(rf"\b{re.escape(alike[0])}\b", name, code)
    return code


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


def _names(passage: Passage) -> frozenset[str]:
    """What the passage defines that has to have the same name in any language."""
    assert passage.tree is not None
    found = [each for each in definitions(passage.tree) if passage.start <= each.name_start < passage.end]
    names = {each.name for each in found if each.kind in ("function", "method", "class")}
    return frozenset(name for name in names if not name.startswith("__"))
