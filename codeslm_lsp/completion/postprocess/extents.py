"""More than was asked for, or less: where the line, statement, block or span ends, and what a budget cut off."""

from __future__ import annotations

import re
from dataclasses import replace

from codeslm_lsp.completion.postprocess.draft import Draft, cut, rest_of, was_cut_off
from codeslm_lsp.completion.stopping import line_end, wanted_end
from codeslm_lsp.values import Extent, StopReason

DANGLING = re.compile(r"[\s+\-*/%=<>&|^~,.(\[{@!?:\\]+$")
"""White space, operators and opening brackets at the end of a text."""


def runs_past_its_extent(draft: Draft) -> Draft:
    """Cut at the end of the line, statement or block that was asked for."""
    end = wanted_end(draft.extent, draft.prefix, draft.text, draft.suffix, draft.language)
    return draft if end is None else replace(draft, text=draft.text[:end], stop=StopReason.END)


def span_without_an_end(draft: Draft) -> Draft:
    """What was cut off never reached the text behind the cursor: only its first line is trusted, as a whole.

    A span at the start of a line of code becomes a line of its own.
    """
    if draft.extent not in (Extent.SPAN, Extent.STATEMENT) or draft.stop is StopReason.END or not rest_of(draft):
        return draft
    end = line_end(draft.text)
    if end is None:
        return draft
    if draft.extent is Extent.STATEMENT or (draft.prefix and not draft.prefix.endswith("\n")):
        return replace(draft, text=draft.text[:end], stop=StopReason.END)
    line_ending = "\r\n" if draft.prefix.endswith("\r\n") else "\n"
    return replace(draft, text=draft.text[:end] + line_ending, stop=StopReason.END)


def cut_off_by_a_budget(draft: Draft) -> Draft:
    """What was cut off in mid-air: blocks and statements keep their whole lines.

    A single line loses the operators that wait for an operand.
    """
    if not was_cut_off(draft):
        return draft
    has_lines = draft.extent in (Extent.BLOCK, Extent.STATEMENT)
    if has_lines and (end := draft.text.rfind("\n")) > 0 and draft.text[:end].strip():
        return cut(draft, end)
    return cut(draft, len(DANGLING.sub("", draft.text)))


def trailing_blanks(draft: Draft) -> Draft:
    """Spaces and line ends after the last character; a span keeps them, for code follows on its line."""
    return draft if draft.extent is Extent.SPAN else replace(draft, text=draft.text.rstrip())
