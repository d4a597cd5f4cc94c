"""A variable, function or class of a Python file → better names, the best that clashes with nothing as an edit."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator

from codeslm_lsp.reasoning.edits import applied, diff_of
from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.renaming import wrong_with_renaming
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.speaker import Style
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.syntax.bindings import Binding, binding_at, binding_on_line
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.values import Answer, Badge, Check, Edit, InputError

MAX_NAMES = 5

MAX_CHARACTERS = 40
"""Of a name. A longer one is a sentence."""

_LISTED = re.compile(
    r"^[\s>*+-]*(?:\d+[.):]?)?[\s`*\"']*([A-Za-z_]\w*)[`*\"']*(?=[ \t]*(?:$|[(–—]|:[ \t]*\S|-[ \t]))", re.MULTILINE
)
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


async def name(question: Question, means: Means) -> Answer:
    """Better names for what is at the cursor; or the one that was typed, if nothing speaks against it.

    Raises ``InputError`` where nothing can be renamed, and for a typed name that clashes.
    """
    if question.document is None:
        raise InputError("Name the place of what needs a better name, as FILE:LINE:COLUMN.")
    passage = passage_of(question.document, question.start, question.end)
    binding = _binding(passage, question)
    chosen = question.words.strip()
    if chosen:
        if reason := _against(chosen, binding):
            raise InputError(f"'{binding.name}' cannot become '{chosen}': {reason}.")
        proposed = [chosen]
    else:
        values = {
            "n": str(MAX_NAMES),
            "path": passage.document.path,
            "outline": fenced(passage.outline, "python"),
            "code": fenced(passage.text, "python"),
            "kind": binding.kind,
            "name": binding.name,
        }
        said = await means.speaker.say(conversation("name", values), Style(max_tokens=200))
        proposed = list(dict.fromkeys(_in_style(each, binding) for each in _LISTED.findall(said)))[:MAX_NAMES]
    text = passage.document.text
    listed: list[str] = []
    best: tuple[Edit, ...] = ()
    checks: tuple[Check, ...] = ()
    for each in proposed:
        edits = _edits(passage, binding, each)
        reason = _against(each, binding) or wrong_with_renaming(text, applied(text, edits), binding.name, each)
        listed.append(f"{len(listed) + 1}. `{each}`" + (f" (not possible: {reason})" if reason else ""))
        if not reason and not best:
            best = edits
            checks = tuple(_checks(passage, binding, each, means))
    if chosen and not best:
        raise InputError(f"'{binding.name}' cannot become '{chosen}': {listed[0].partition(': ')[2].rstrip(')')}")
    if not best:
        listed.append(f"No better name for `{binding.name}` was found that clashes with nothing.")
        shown = "\n".join(listed)
    else:
        shown = "\n".join(listed) + "\n\n" + fenced(diff_of(passage.document, best), "diff")
    means.listen(shown)
    is_sure = bool(checks) and all(check.passed for check in checks)
    return Answer("name", shown, Badge.CROSS_CHECKED if is_sure else Badge.UNVERIFIED, checks, best)


def _binding(passage: Passage, question: Question) -> Binding:
    """What is to be renamed. Raises ``InputError``."""
    text, tree = passage.document.text, passage.tree
    if not passage.is_python or tree is None:
        raise InputError(f"Names are found and changed in Python files only; {passage.document.path} is none.")
    found = binding_at(tree, question.start)
    if found is None:
        found = binding_on_line(tree, line_start(text, question.start), line_end(text, question.start))
    if found is None:
        raise InputError("No variable, function or class of this file stands here; put the cursor on its name.")
    if found.fixed:
        raise InputError(f"'{found.name}' is what another module calls it; import it with 'as' first.")
    if found.scope_kind == "class":
        raise InputError(f"'{found.name}' belongs to a class, and may be used from anywhere; it is not renamed here.")
    if found.name.startswith("__") or found.name in ("self", "cls", "_"):
        raise InputError(f"'{found.name}' is called so by custom; it needs no other name.")
    return found


def _against(new: str, binding: Binding) -> str:
    """What speaks against a name, or ``""``."""
    if not new.isidentifier() or len(new) > MAX_CHARACTERS:
        return "it is no name of at most 40 letters, digits and underscores"
    if keyword.iskeyword(new) or keyword.issoftkeyword(new):
        return "it is a word of the language"
    if hasattr(builtins, new):
        return "it would hide a builtin"
    if new == binding.name:
        return "it is called so already"
    return "that name is used there already" if new in binding.taken else ""


def _checks(passage: Passage, binding: Binding, new: str, means: Means) -> Iterator[Check]:
    n = len(binding.spans)
    yield Check("renamed", True, f"All {n} places by the rules of scope; the syntax tree is the same but for the name.")
    yield Check("scopes", True, f"By Python's symbol tables '{new}' means in each scope what '{binding.name}' did.")
    if binding.doubtful:
        lines = sorted({passage.document.text.count("\n", 0, start) + 1 for start, _ in binding.doubtful})
        shown = ", ".join(map(str, lines[:5]))
        yield Check("doubtful", False, f"Whether line {shown} means it too is not known; look there.")
    if binding.scope_kind == "module":
        if re.search(rf"[\"']{re.escape(binding.name)}[\"']", passage.document.text):
            yield Check("strings", False, f"'{binding.name}' also stands in a string, which is not changed.")
        yield _elsewhere(passage, binding, means)
    elif binding.kind == "parameter" and _is_called_elsewhere(passage, binding, means):
        detail = f"Other files use '{binding.scope_name}', and may give '{binding.name}' by keyword."
        yield Check("elsewhere", False, detail)


def _elsewhere(passage: Passage, binding: Binding, means: Means) -> Check:
    """Whether other files of the workspace use what the module offers; only this one is changed."""
    if means.index is None:
        return Check("elsewhere", False, "Other files may import it; without an index of the workspace nobody looked.")
    own = passage.document.path
    importing = {path for path in means.index.imported_by(own) if path != own}
    using = sorted(importing & {*means.index.users(binding.name)} or importing)
    if using:
        return Check("elsewhere", False, f"Other files import this one and are not changed: {', '.join(using[:3])}.")
    return Check("elsewhere", True, "No other file of the workspace imports this one.")


def _is_called_elsewhere(passage: Passage, binding: Binding, means: Means) -> bool:
    if means.index is None or not binding.scope_name:
        return False
    return any(path != passage.document.path for path in means.index.users(binding.scope_name))


def _edits(passage: Passage, binding: Binding, new: str) -> tuple[Edit, ...]:
    document = passage.document
    return tuple(Edit(document.uri, document.path, start, end, new) for start, end in binding.spans)


def _in_style(proposed: str, binding: Binding) -> str:
    """A proposal as the old name is written: ``TotalPrice`` for a class, ``TOTAL_PRICE``, ``total_price``."""
    words = _WORD.findall(proposed)
    if not words:
        return proposed
    private = "_" if binding.name.startswith("_") else ""
    if binding.kind == "class":
        return private + "".join(word[:1].upper() + word[1:] for word in words)
    joined = private + "_".join(word.lower() for word in words)
    return joined.upper() if binding.name.isupper() and len(binding.name) > 1 else joined
