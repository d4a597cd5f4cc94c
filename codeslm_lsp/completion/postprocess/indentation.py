"""Indentation that is not the file's: tabs among spaces, a line indented twice, a level that nothing has."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise

from codeslm_lsp.completion.postprocess.draft import Draft, cut, typed_of
from codeslm_lsp.syntax.extent import is_header
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import open_brackets, scan_lines
from codeslm_lsp.syntax.lines import TAB_WIDTH, indentation, lines_after, lines_before

MAX_LINES = 200
"""Lines around the cursor that show how the file is indented."""

_ITEM = re.compile(r"[ \t]*- +")

USUAL_STEPS = (4, 2, 8, 3)
"""Widths of a level that style guides ask for."""


def foreign_indentation(draft: Draft) -> Draft:
    """Tabs in a file that is indented by spaces, or spaces in one that has tabs: written as the file's other lines are.

    Lines that begin inside a string or comment stay as they are.
    """
    white = [_white(line) for line in _lines_around(draft)]
    has_tabs, has_spaces = any("\t" in each for each in white), any(" " in each for each in white)
    if has_tabs == has_spaces or not ("\t" in draft.text if has_spaces else "\n " in draft.text or _starts(draft, " ")):
        return draft
    if draft.before.inside != "code":
        return draft
    unit = _usual_step(white) if has_spaces else _common_step([_white(line) for line in draft.text.split("\n")])
    written = []
    for line in scan_lines(draft.text, draft.language):
        text = draft.text[line.start : line.end]
        begins_a_line = line.start > 0 or not typed_of(draft).strip()
        if begins_a_line and line.inside == "code":
            old = _white(text)
            new = old.replace("\t", " " * unit) if has_spaces else _with_tabs(old, unit)
            text = new + text[len(old) :]
        written.append(text)
    return replace(draft, text="\n".join(written))


def indented_twice(draft: Draft) -> Draft:
    """The white space before the cursor written again, at a place where nothing may be deeper than the line above."""
    typed = typed_of(draft)
    if not typed or typed.strip() or not draft.text.startswith(typed) or _white(draft.text) != typed:
        return draft
    above = next((line for _, line in lines_before(draft.prefix, len(draft.prefix), MAX_LINES)), "")
    if draft.language is None or not draft.language.by_indentation or is_header(above, draft.language):
        return draft
    if indentation(above) > indentation(typed) or open_brackets(above, draft.language) or above.rstrip().endswith("\\"):
        return draft
    lines = draft.text[len(typed) :].split("\n")
    others = [line for line in lines[1:] if line.strip()]
    if others and all(_white(line).startswith(typed + typed) for line in others):
        lines[1:] = [line.removeprefix(typed) if line.strip() else line for line in lines[1:]]
    return replace(draft, text="\n".join(lines))


def level_that_nothing_has(draft: Draft) -> Draft:
    """A line that is less indented than the one before, but as deep as none that encloses it: cut before it.

    Only where indentation is syntax (the tokenizer's "unindent does not match any outer indentation level").
    """
    if draft.language is None or not draft.language.by_indentation or "\n" not in draft.text:
        return draft
    at = _stray_line(draft, draft.language)
    if at is None:
        return draft
    # In brackets and strings that were opened above, indentation means nothing.
    means_something = draft.before.inside == "code" and not draft.before.opened
    return cut(draft, len(draft.text[:at].rstrip())) if means_something else draft


def _stray_line(draft: Draft, language: Language) -> int | None:
    """The offset of the first line of the text that dedents to a level which no line above it has."""
    typed = typed_of(draft)
    text = typed + draft.text
    # Deeper lines above are kept until the first line of the text shows which of them it ends.
    above = [line for _, line in lines_before(draft.prefix, len(draft.prefix), MAX_LINES)]
    levels = {0}.union(*map(_levels_of, above))
    last = 0
    for line in scan_lines(text, language):
        written = text[line.start : line.end]
        if line.inside != "code" or line.depth or not written.strip():
            continue
        depth = indentation(written)
        if line.start > 0 and depth < last and depth not in levels:
            return line.start - len(typed)
        levels, last = {level for level in levels if level < depth} | _levels_of(written), depth
    return None


def _levels_of(line: str) -> set[int]:
    """How deep a line is, and how deep what it says is where it is an item of a list (``- name: x``)."""
    marker = _ITEM.match(line)
    return {indentation(line), len(marker.group().expandtabs(TAB_WIDTH)) if marker else indentation(line)}


def _lines_around(draft: Draft) -> list[str]:
    above = [line for _, line in lines_before(draft.prefix, len(draft.prefix), MAX_LINES)]
    return [*above, *(line for _, line in lines_after(draft.suffix, 0, MAX_LINES)), typed_of(draft)]


def _starts(draft: Draft, sign: str) -> bool:
    return draft.text.startswith(sign) and not typed_of(draft).strip()


def _white(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _usual_step(white: list[str]) -> int:
    """Spaces by which one level is deeper than the next in a file, whatever else is aligned in it."""
    widths = [len(each) for each in white]
    steps = Counter(abs(one - other) for one, other in pairwise(widths) if one != other)
    return steps.most_common(1)[0][0] if steps else next((width for width in widths if width), TAB_WIDTH)


def _common_step(white: list[str]) -> int:
    """Spaces of one level in a few lines: one of the usual widths, the most usual first, that all of them have."""
    return next((step for step in USUAL_STEPS if all(len(each) % step == 0 for each in white)), TAB_WIDTH)


def _with_tabs(white: str, unit: int) -> str:
    """Levels of ``unit`` spaces as tabs; what is left over aligns and stays."""
    n_tabs, left = divmod(len(white.replace("\t", " " * unit)), unit)
    return "\t" * n_tabs + " " * left
