"""Text that streams in at a cursor → where the statement that is being written there is complete.

Mostly that is the end of a line. It is not where what stands below could not follow (``|`` is the cursor, ``¦`` the
end that is found)::

    area = |             →     max(
                                   a, b
    print(area)                )¦

    if done:|)           →     nothing yet: the bracket behind the cursor has no partner
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from codeslm_lsp.syntax.extent import is_header
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import CLOSER_OF, Line, inside_at_end, open_brackets, scan_lines
from codeslm_lsp.syntax.lines import indentation, line_end, line_start, lines_after

_LOOK_BELOW = 50
"""Lines of the suffix that may be blank before the next statement."""

_LOOK_ABOVE = 60
"""Lines above the cursor in which a bracket may have been opened that the rest of the line closes."""

_CONTINUES = re.compile(r"\\\r?$")
_CLOSERS = re.compile(r"[)\]}]")


@dataclass(frozen=True, slots=True)
class _Place:
    """What surrounds the statement: the cursor's line up to the cursor and behind it, and what stands below.

    ``below`` is the next line with something on it, empty at the end of the text. ``above`` are the brackets that the
    lines above the cursor's leave open, known only where the rest of the line closes any.
    """

    typed: str
    rest: str
    below: str
    above: tuple[str, ...]
    language: Language | None


def statement_end(prefix: str, generated: str, suffix: str, language: Language | None) -> int | None:
    """The offset in ``generated`` of the line end behind the statement, or ``None`` while more is needed.

    Only lines that have ended are judged. Leading blank lines do not count. One pass over ``generated``, and a
    bounded look at ``prefix`` and ``suffix``.
    """
    if "\n" not in generated.lstrip():
        return None
    typed = prefix[line_start(prefix, len(prefix)) :]
    below = next((line for _, line in lines_after(suffix, 0, _LOOK_BELOW)), "")
    rest = suffix[: line_end(suffix, 0)].strip()
    above = _opened_above(prefix, len(prefix) - len(typed), language) if _CLOSERS.search(rest) else ()
    place = _Place(typed, rest, below, above, language)
    text = typed + generated
    lines = list(scan_lines(text, language))
    start = 0  # Where the current statement begins.
    header: int | None = None  # The indentation of a header whose body is being written.
    end = 0
    for line, following in pairwise(lines):
        written = text[max(line.start, len(typed)) : line.end]
        if not written.strip():
            continue
        if line.depth == 0 and line.inside == "code":
            start = line.start
        depth = indentation(text[start : line_end(text, start)])
        if header is not None and line.start == start and depth <= header:
            return end
        end = line.end - len(typed) - written.endswith("\r")
        if header is None:
            if _is_complete(text, line, following, depth, place):
                return end
            if _wants_a_body(text[line.start : line.end], following, place):
                header = depth
    return end if header is not None and _has_dedented(text, lines[-1], header) else None


def _is_complete(text: str, line: Line, following: Line, depth: int, place: _Place) -> bool:
    """Whether the text may end behind ``line``, a statement that is indented by ``depth`` columns."""
    written = text[line.start : line.end]
    if following.inside != "code" or _CONTINUES.search(written):
        return False
    if place.rest:
        return written.rstrip().endswith(place.rest) or _joins(following.brackets, place)
    if following.brackets:
        return _is_closed_below(depth, place.below)
    if place.language is None or not place.language.by_indentation or not place.below:
        return True
    return (indentation(place.below) > depth) == is_header(written, place.language)


def _joins(brackets: str, place: _Place) -> bool:
    """Whether the rest of the line closes exactly what is open: ``brackets``, and then what was opened above."""
    waiting = list(brackets)
    looked_above = False
    for closer in _CLOSERS.findall(place.rest):
        if not waiting and not looked_above:
            waiting, looked_above = list(place.above), True
        if not waiting or CLOSER_OF[waiting.pop()] != closer:
            return False
    return looked_above or not waiting or _is_closed_below(indentation(place.typed), place.below)


def _opened_above(prefix: str, end: int, language: Language | None) -> tuple[str, ...]:
    """The brackets that some lines before the offset ``end`` open and do not close."""
    first = end
    for _ in range(_LOOK_ABOVE):
        if first == 0:
            break
        first = line_start(prefix, first - 1)
    above = prefix[first:end]
    if inside_at_end(above, language) != "code":
        # The cursor stands in code, so it is the first of these lines that stands in a string.
        quotes = language.multiline_quotes if language is not None else ()
        above = max((above.partition(quote)[2] for quote in quotes if quote in above), key=len, default="")
    return tuple(open_brackets(above, language))


def _is_closed_below(depth: int, below: str) -> bool:
    """Whether a bracket that was opened on a line indented by ``depth`` is closed further down already."""
    if not below:
        return False
    return indentation(below) > depth or (indentation(below) == depth and below.lstrip()[0] in CLOSER_OF.values())


def _wants_a_body(line: str, following: Line, place: _Place) -> bool:
    """Whether ``line`` is a header in a language where only indentation shows the body, which is missing below."""
    language = place.language
    return (
        language is not None
        and language.by_indentation
        and not place.rest
        and not following.brackets
        and following.inside == "code"
        and is_header(line, language)
    )


def _has_dedented(text: str, last: Line, header: int) -> bool:
    """Whether the last line, which has not ended, is known to stand outside the header's body."""
    written = text[last.start : last.end]
    return bool(written.strip()) and not last.depth and last.inside == "code" and indentation(written) <= header
