"""Each filter removes one defect: ``Draft`` in, ``Draft`` out. ``chain`` runs them in order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from codeslm_lsp.completion.postprocess.draft import Draft
from codeslm_lsp.completion.stopping import line_end, suffix_start, wanted_end
from codeslm_lsp.values import Extent, Skip, SkipReason, StopReason

Filter = Callable[[Draft], Draft]

MIN_REPEATED_LINE = 3
"""A line of fewer characters (``}``, ``);``) often stands twice in good code."""

DANGLING = re.compile(r"[\s+\-*/%=<>&|^~,.(\[{@!?:\\]+$")
"""White space, operators and opening brackets at the end of a text."""


def runs_past_its_extent(draft: Draft) -> Draft:
    """Cut at the end of the line or block that was asked for."""
    end = wanted_end(draft.extent, draft.prefix, draft.text, draft.suffix, draft.language)
    return draft if end is None else replace(draft, text=draft.text[:end], stop=StopReason.END)


def span_without_an_end(draft: Draft) -> Draft:
    """A span that was cut off never reached the text behind the cursor: only its first line is trusted.

    At the start of a line of code it becomes a line of its own.
    """
    if draft.extent is not Extent.SPAN or draft.stop is StopReason.END:
        return draft
    end = line_end(draft.text)
    if end is None:
        return draft
    if draft.prefix and not draft.prefix.endswith("\n"):
        return replace(draft, text=draft.text[:end])
    line_ending = "\r\n" if draft.prefix.endswith("\r\n") else "\n"
    return replace(draft, text=draft.text[:end] + line_ending, stop=StopReason.END)


def cut_off_by_a_budget(draft: Draft) -> Draft:
    """What was cut off in mid-air: a block keeps its whole lines, a line loses operators that wait for an operand."""
    if draft.stop not in (StopReason.TIME_BUDGET, StopReason.MAX_TOKENS):
        return draft
    if draft.extent in (Extent.BLOCK, Extent.STATEMENT) and (end := draft.text.rfind("\n")) > 0 and draft.text[:end].strip():
        return replace(draft, text=draft.text[:end])
    return replace(draft, text=DANGLING.sub("", draft.text))


def trailing_blanks(draft: Draft) -> Draft:
    """Spaces and line ends after the last character; a span keeps them, for code follows on its line."""
    return draft if draft.extent is Extent.SPAN else replace(draft, text=draft.text.rstrip())


def repeats_rest_of_line(draft: Draft) -> Draft:
    """Closing what the text behind the cursor closes already: ``area)`` before ``)``."""
    rest = draft.suffix.partition("\n")[0].strip()
    if not rest or "\n" in draft.text or not draft.text.rstrip().endswith(rest):
        return draft
    shorter = draft.text.rstrip().removesuffix(rest)
    return replace(draft, text=shorter) if _surplus(draft.text) > _surplus(shorter) or rest == ";" else draft


def repeats_next_line(draft: Draft) -> Draft:
    """Writing again, as last line, the line that follows the cursor's."""
    following = next((line.strip() for line in draft.suffix.partition("\n")[2].splitlines() if line.strip()), "")
    head, newline, last = draft.text.rpartition("\n")
    if (
        len(following) >= MIN_REPEATED_LINE
        and last.strip() == following
        and (newline or not draft.suffix.partition("\n")[0])
    ):
        return replace(draft, text=head.rstrip())
    return draft


CHAIN: tuple[Filter, ...] = (
    runs_past_its_extent,
    span_without_an_end,
    cut_off_by_a_budget,
    trailing_blanks,
    repeats_rest_of_line,
    repeats_next_line,
)


def chain(draft: Draft) -> tuple[str | Skip, tuple[str, ...]]:
    """The text to show, or the reason to show none; and the names of the filters that changed it."""
    changed: list[str] = []
    repeats = suffix_start(draft.text, draft.suffix) == 0
    for remove in CHAIN:
        filtered = remove(draft)
        if filtered.text != draft.text:
            changed.append(remove.__name__)
            draft = filtered
    if draft.text.strip():
        return draft.text, tuple(changed)
    if repeats or any(name.startswith("repeats_") for name in changed):
        return Skip(SkipReason.REPEATS_SUFFIX, "The model only repeats what follows the cursor."), tuple(changed)
    return Skip(SkipReason.BLANK, "The model proposes nothing that belongs here."), tuple(changed)


def _surplus(text: str) -> int:
    """How many brackets are closed without having been opened in ``text``."""
    depth = surplus = 0
    for character in text:
        if character in "([{":
            depth += 1
        elif character in ")]}":
            if depth:
                depth -= 1
            else:
                surplus += 1
    return surplus
