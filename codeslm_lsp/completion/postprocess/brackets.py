"""Brackets and quotes without a partner, judged with the text around the cursor by the registry's delimiters."""

from __future__ import annotations

from collections.abc import Callable

from codeslm_lsp.completion.postprocess.draft import (
    MAX_PREFIX_CHARS,
    MAX_SUFFIX_CHARS,
    Draft,
    cut,
    pairs_up,
)
from codeslm_lsp.syntax.lexical import scan

_CLOSERS = frozenset(")]}")
_LINE_OF_CLOSERS = frozenset(")]};, \t\r")


def surplus_closer(draft: Draft) -> Draft:
    """A closer in the text that closes nothing, neither of the text nor of what stands before the cursor: cut there."""
    if not pairs_up(draft.language) or not scan(draft.text, draft.language).unopened:
        return draft
    if draft.before.unopened:  # Closers without openers are usual here, or the delimiters were misread.
        return draft
    for offset in scan(draft.text, draft.language, draft.before).unopened:
        # What a long file opened above the part that is looked at may well be closed here.
        if draft.text[offset] != "}" or len(draft.prefix) < MAX_PREFIX_CHARS:
            return cut(draft, len(draft.text[:offset].rstrip()))
    return draft


def closes_what_is_closed_below(draft: Draft) -> Draft:
    """Last lines of nothing but closers, all of which stand below the cursor already."""
    if not pairs_up(draft.language) or not knows_all_closers(draft):
        return draft
    head, newline, last = draft.text.rstrip().rpartition("\n")
    if not newline or not head.strip() or not _CLOSERS.intersection(last) or not _LINE_OF_CLOSERS.issuperset(last):
        return draft
    n_defects = defect_counter(draft)
    return cut(draft, len(head.rstrip())) if n_defects(head) < n_defects(draft.text) else draft


def defect_counter(draft: Draft) -> Callable[[str], int]:
    """What counts the brackets and quotes that have no partner when a text stands at the cursor."""

    def n_defects(text: str) -> int:
        inserted = scan(text, draft.language, draft.before)
        return scan(draft.suffix, draft.language, inserted).n_defects + len(inserted.unopened)

    return n_defects


def knows_all_closers(draft: Draft) -> bool:
    """Whether nothing that matters was left out: what only the prefix lacks would make closers look superfluous."""
    return len(draft.prefix) < MAX_PREFIX_CHARS or len(draft.suffix) >= MAX_SUFFIX_CHARS
