"""The same again and again: a model that turns in a circle, or writes what stands above the cursor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from codeslm_lsp.completion.postprocess.draft import Draft, cut, typed_of, was_cut_off
from codeslm_lsp.syntax.lines import lines_before

MIN_ROUNDS = 3
"""Two equal blocks in a row may be meant; a third one is a circle."""

MAX_BLOCK_LINES = 8
"""Longer circles are not closed within a completion."""

MIN_CIRCLE = 24
"""Characters, other than white space, that all rounds together must have: ``[0],`` in three rows of a table is none."""

MIN_LINE_ABOVE = 30
"""A single line that stands above as well is a repetition only if it is longer than most steps that come twice."""

_PHRASE = re.compile(r"(.{3,60}?)\1{3,}(?=(.{0,60})\Z)", re.DOTALL)


def turns_in_a_circle(draft: Draft) -> Draft:
    """Lines or blocks of lines that come three times or more until the text ends: the first one stays."""
    lines = draft.text.split("\n")
    bare = [line.rstrip() for line in lines]
    # A line that the budget cut off is the beginning of a further round.
    n_whole = len(bare) - 1 if len(bare) > 1 else 0
    for tail in (len(bare), n_whole):
        for size in range(1, min(MAX_BLOCK_LINES, tail // MIN_ROUNDS) + 1):
            first = _first_round(bare[:tail], size)
            if first is not None and (tail == len(bare) or _begins_as(bare[tail], bare[first : first + size])):
                return cut(draft, len("\n".join(lines[: first + size])))
    return draft


def stutters(draft: Draft) -> Draft:
    """The same words four times or more on the last line, and then the budget ended it: once is enough."""
    if not was_cut_off(draft):
        return draft
    start = draft.text.rfind("\n") + 1
    found = _PHRASE.search(draft.text, start)
    while found is not None:
        phrase, left = found.group(1), found.group(2)
        if phrase.startswith(left) and any(map(str.isalpha, phrase)) and found.end() - found.start() >= MIN_CIRCLE:
            return cut(draft, found.start() + len(phrase))
        found = _PHRASE.search(draft.text, found.start() + 1)
    return draft


def repeats_lines_above(draft: Draft) -> Draft:
    """Nothing but the lines directly above the cursor, once more: two lines, or a long one."""
    if typed_of(draft).strip():
        if not draft.text.lstrip(" \t\r").startswith("\n"):
            return draft
        above = [draft.prefix.rpartition("\n")[2]]
    else:
        above = []
    written = [line.strip() for line in draft.text.split("\n") if line.strip()]
    above += [line for _, line in lines_before(draft.prefix, len(draft.prefix), 3 * MAX_BLOCK_LINES)]
    above = [line.strip() for line in reversed(above[: len(written)])]
    if not written or written != above or len("".join(written)) < MIN_LINE_ABOVE:
        return draft
    return replace(draft, text="")


def _first_round(lines: Sequence[str], size: int) -> int | None:
    """Where the first of at least ``MIN_ROUNDS`` equal blocks of ``size`` lines begins that end with the last line."""
    last = lines[len(lines) - size :]
    if not any(any(map(str.isalpha, line)) for line in last):
        return None
    first, n_rounds = len(lines) - size, 1
    while first >= size and lines[first - size : first] == last:
        first, n_rounds = first - size, n_rounds + 1
    n_shared = sum(len("".join(line.split())) for line in last) * n_rounds
    return first if n_rounds >= MIN_ROUNDS and n_shared >= MIN_CIRCLE else None


def _begins_as(line: str, block: Sequence[str]) -> bool:
    return block[0].startswith(line)
