"""Raw generation → what may be shown: the filters in order, as data, and why nothing is left where nothing is."""

from __future__ import annotations

from collections.abc import Sequence

from codeslm_lsp.completion.postprocess import brackets, extents, indentation, leaks, overlaps, repetition
from codeslm_lsp.completion.postprocess.draft import Draft, Filter
from codeslm_lsp.completion.stopping import suffix_start
from codeslm_lsp.values import Skip, SkipReason

CHAIN: tuple[Filter, ...] = (
    leaks.leaked_sentinel,
    leaks.broken_character,
    leaks.markdown_fence,
    leaks.prose_after_code,
    leaks.header_of_another_file,
    leaks.beginning_of_the_file_again,
    indentation.foreign_indentation,
    indentation.indented_twice,
    repetition.turns_in_a_circle,
    repetition.stutters,
    extents.runs_past_its_extent,
    leaks.body_of_a_stub,
    extents.span_without_an_end,
    extents.cut_off_by_a_budget,
    indentation.level_that_nothing_has,
    overlaps.repeats_rest_of_line,
    overlaps.repeats_next_line,
    overlaps.nearly_repeats_next_line,
    brackets.surplus_closer,
    brackets.closes_what_is_closed_below,
    overlaps.nothing_but_closers,
    repetition.repeats_lines_above,
    extents.trailing_blanks,
)
"""What is no part of the file goes first, then its form is put right; then it ends where it was asked to; then
what stands around it is compared, which is only meaningful once the end is known."""

_REPEATS_SUFFIX = Skip(SkipReason.REPEATS_SUFFIX, "The model only repeats what follows the cursor.")
_REPEATS_PREFIX = Skip(SkipReason.REPEATS_PREFIX, "The model only repeats what stands above the cursor.")
_NOT_CODE = Skip(SkipReason.NOT_CODE, "The model wrote about the file instead of writing in it.")
_BLANK = Skip(SkipReason.BLANK, "The model proposes nothing that belongs here.")

_WHY_NOTHING: dict[str, Skip] = {
    **{each.__name__: _REPEATS_SUFFIX for each in CHAIN if each.__module__ == overlaps.__name__},
    **{each.__name__: _NOT_CODE for each in CHAIN if each.__module__ == leaks.__name__},
    repetition.repeats_lines_above.__name__: _REPEATS_PREFIX,
}
"""What is said when this filter left nothing; ``_BLANK`` for the others."""


def chain(draft: Draft, filters: Sequence[Filter] = CHAIN) -> tuple[str | Skip, tuple[str, ...]]:
    """The text to show, or the reason to show none; and the names of the filters that changed it."""
    filtered, changed = run(draft, filters)
    if filtered.text.strip():
        return filtered.text, changed
    return _why_nothing(draft, changed), changed


def run(draft: Draft, filters: Sequence[Filter] = CHAIN) -> tuple[Draft, tuple[str, ...]]:
    """The draft behind all filters, which change it no more, and the names of those that changed it.

    A filter may uncover what an earlier one removes, so the chain runs until it removes nothing but blanks.
    """
    changed: list[str] = []
    while True:
        before = draft
        for remove in filters:
            filtered = remove(draft)
            if filtered.text != draft.text and remove.__name__ not in changed:
                changed.append(remove.__name__)
            draft = filtered
            if not draft.text.strip():
                return draft, tuple(changed)
        if draft.text == before.text.rstrip() or draft.text == before.text:
            return draft, tuple(changed)


def _why_nothing(draft: Draft, changed: tuple[str, ...]) -> Skip:
    """``changed`` ends with the filter that left nothing."""
    if suffix_start(draft.text, draft.suffix) == 0:
        return _REPEATS_SUFFIX
    return _WHY_NOTHING.get(changed[-1], _BLANK) if changed else _BLANK
