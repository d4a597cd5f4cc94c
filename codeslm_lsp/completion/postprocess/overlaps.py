"""Text that stands behind the cursor already, written again: the rest of the line, or the lines below."""

from __future__ import annotations

from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate

from codeslm_lsp.completion.postprocess.brackets import defect_counter, knows_all_closers
from codeslm_lsp.completion.postprocess.draft import Draft, cut, last_line_of, pairs_up, rest_of, typed_of
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lines import indentation, line_end, lines_after
from codeslm_lsp.values import Extent

MIN_REPEATED_LINE = 3
"""A line of fewer characters (``}``, ``);``) often stands twice in good code."""

MIN_REPEATED_REST = 8
"""Characters other than white space that make it no accident that a text ends as its line does."""

MIN_ALIKE_LINE = 12
"""Characters of a line that is written again but for its punctuation; shorter ones come twice in good code."""

MIN_ALIKE_LINES = 3
ALIKE = 0.8
"""One line of several that are written again may be changed, if this share of it is the same (``difflib``'s ratio)."""

MAX_LINES = 20
"""Lines below the cursor that are compared."""

_PUNCTUATION = frozenset({";", ":", ","})


def repeats_rest_of_line(draft: Draft) -> Draft:
    """Closing what the text behind the cursor closes already (``area)`` before ``)``), or writing all of it again."""
    rest = rest_of(draft).lstrip()
    text = draft.text.rstrip()
    if not rest or not text:
        return draft
    if text.endswith(rest) and (rest in _PUNCTUATION or len("".join(rest.split())) >= MIN_REPEATED_REST):
        # The white space before it stands behind the cursor too.
        return replace(draft, text=text.removesuffix(rest_of(draft)).removesuffix(rest))
    if not pairs_up(draft.language):
        return draft
    known = rest if knows_all_closers(draft) else rest.partition("}")[0]
    shared = [n for n in range(1, min(len(known), len(text)) + 1) if text.endswith(known[:n])]
    if not shared:
        return draft
    n_defects = defect_counter(draft)
    best = min((0, *shared), key=lambda n: n_defects(text[: len(text) - n]))
    return replace(draft, text=text[: len(text) - best]) if best else draft


def repeats_next_line(draft: Draft) -> Draft:
    """Writing again, as its last lines, the lines that follow the cursor's, indented as they are."""
    lines, following = _whole_lines(draft), _lines_below(draft)
    for n in range(min(len(lines), len(following)), 0, -1):
        last = [line for _, line in lines[len(lines) - n :]]
        is_same = all(_is_same(one, other) for one, other in zip(last, following, strict=False))
        if is_same and any(_says_something(line, draft.language) for line in last):
            return _without(draft, lines[len(lines) - n][0])
    return draft


def nearly_repeats_next_line(draft: Draft) -> Draft:
    """Writing the lines below once more, but for a comma, quotes or spaces; or several of them, and one changed.

    A single line that differs by a name or a number is not touched: it may well be the next of its kind.
    """
    lines, following = _whole_lines(draft), _lines_below(draft)
    for n in range(min(len(lines), len(following)), 0, -1):
        last = [line for _, line in lines[len(lines) - n :]]
        says_something = any(_says_something(line, draft.language) for line in last)
        if says_something and indentation(last[0]) == indentation(following[0]) and _are_alike(last, following[:n]):
            return _without(draft, lines[len(lines) - n][0])
    return draft


def nothing_but_closers(draft: Draft) -> Draft:
    """Only brackets and signs that stand behind the cursor already, and none of which is missing."""
    bare = draft.text.strip()
    below = draft.suffix.lstrip()
    if not bare or any(sign not in ")]};,:" for sign in bare) or not below.startswith(bare):
        return draft
    at_line_end = draft.extent is not Extent.SPAN and draft.suffix[: line_end(draft.suffix, 0)].strip() == ""
    if at_line_end and not pairs_up(draft.language):
        return draft
    n_defects = defect_counter(draft)
    return replace(draft, text="") if n_defects(draft.text) > n_defects("") else draft


def _whole_lines(draft: Draft) -> list[tuple[int, str]]:
    """The lines of the text that stand alone in the document, with something on them: ``(start, line)``."""
    typed = typed_of(draft)
    lines = draft.text.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    whole = [(start, line if start else typed + line) for start, line in zip(starts, lines, strict=False)]
    if rest_of(draft):
        whole.pop()  # It goes on with what stands behind the cursor.
    return [(start, line) for start, line in whole if line.strip() and (start or not typed.strip())]


def _lines_below(draft: Draft) -> list[str]:
    """What follows the text: lines with something on them, from the rest of the cursor's line on."""
    rest = draft.suffix[: line_end(draft.suffix, 0)]
    below = [line for _, line in lines_after(draft.suffix, 0, MAX_LINES)]
    return [last_line_of(draft) + rest, *below] if rest.strip() else below


def _without(draft: Draft, start: int) -> Draft:
    """The draft up to the line at ``start``; its line end stays where code follows on the cursor's line."""
    head = draft.text[:start]
    return cut(draft, start if rest_of(draft) else len(head.rstrip()))


def _is_same(line: str, other: str) -> bool:
    return line.strip() == other.strip() and indentation(line) == indentation(other)


def _says_something(line: str, language: Language | None) -> bool:
    """Whether a line is more than what closes a block, which often stands twice in good code."""
    bare = line.strip().rstrip(";,")
    if language is not None and language.directive and bare.startswith(language.directive):
        return False
    closing = language.closing_words if language is not None else ()
    return len(line.strip()) >= MIN_REPEATED_LINE and bare not in closing and bool(bare.strip(")]}"))


def _are_alike(lines: list[str], others: list[str]) -> bool:
    """Whether all lines say the same, some of them at length, or all but one of ``MIN_ALIKE_LINES`` or more."""
    changed = [pair for pair in zip(lines, others, strict=True) if _bare(pair[0]) != _bare(pair[1])]
    if not changed:
        return max(len(_bare(line)) for line in lines) >= MIN_ALIKE_LINE
    if len(changed) > 1 or len(lines) < MIN_ALIKE_LINES:
        return False
    one, other = changed[0]
    return SequenceMatcher(None, one.strip(), other.strip()).ratio() >= ALIKE


def _bare(line: str) -> str:
    """``line`` without what two writings of it may differ in: spaces, kind of quote, comma or semicolon at its end."""
    return "".join(line.split()).rstrip(",;").replace("'", '"')
