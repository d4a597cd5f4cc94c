"""Text produced so far → where the completion that was asked for ends in it. Asked while tokens stream in."""

from __future__ import annotations

from codeslm_lsp.syntax.block_end import block_end
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import is_word
from codeslm_lsp.syntax.statement_end import statement_end
from codeslm_lsp.values import Extent

MIN_SHARED = 8
"""Characters other than white space that make a repetition of the suffix no accident."""

MIN_SHARED_AT_THE_END = 4
"""Fewer are enough where they are all that is left of the file."""

MAX_SHARED_LINES = 3


def wanted_end(extent: Extent, prefix: str, text: str, suffix: str, language: Language | None) -> int | None:
    """The offset in ``text`` at which ``extent`` is complete, or None while more is needed.

    Whatever was asked for, it is complete where the text goes on as the suffix does: many models, instruction-tuned
    ones most of all, do not stop there by themselves. Leading blank lines do not count as a line.
    """
    match extent:
        case Extent.LINE:
            end = line_end(text)
        case Extent.STATEMENT:
            end = statement_end(prefix, text, suffix, language)
        case Extent.BLOCK:
            end = block_end(prefix, text, suffix, language) if "\n" in text else None
        case Extent.SPAN:
            end = None
    joint = suffix_start(text, suffix)
    return end if joint is None else min(joint, len(text) if end is None else end)


def suffix_start(text: str, suffix: str) -> int | None:
    """The offset at which ``text`` begins to repeat ``suffix``, or None.

    Enough of the suffix's first lines must be repeated, white space included, for this not to be chance.
    """
    if (inside := _inside_a_word(text, suffix)) is not None:
        return inside
    content = suffix.lstrip()
    lead = suffix[: len(suffix) - len(content)]
    key = _distinctive_head(content, n_lines=1)
    longer_key = _distinctive_head(content, n_lines=2)
    if not key:
        return None
    found = text.find(key)
    while found >= 0:
        start = found - len(lead)
        begins_a_line = "\n" in lead or start <= 0 or text[start - 1] == "\n"
        # In mid-line the same few words often come twice; the line below must follow as well.
        is_joint = begins_a_line or (longer_key and text.startswith(longer_key, found))
        if is_joint and text.endswith(lead, 0, found):
            return start
        found = text.find(key, found + 1)
    return None


def _inside_a_word(text: str, suffix: str) -> int | None:
    """Where a line of ``text`` ends as the file does, which goes on behind the cursor in the middle of its last word.

    ``n_vow`` before ``els``: that a word ends in the same way, and its line with it, is hardly ever chance.
    """
    rest = suffix.rstrip()
    if not rest or "\n" in rest or not is_word(rest[0]):
        return None
    found = text.find(rest, 1)
    while found >= 0:
        behind = text[found + len(rest) :].lstrip(" \t\r")
        if is_word(text[found - 1]) and behind.startswith("\n"):
            return found
        found = text.find(rest, found + 1)
    return None


def _distinctive_head(content: str, n_lines: int) -> str:
    """The first ``n_lines`` lines of ``content``, or more up to ``MIN_SHARED`` characters.

    All of a single line at the end of the file may be shorter, but not trivial; empty where there is too little.
    """
    end = n_shared = n_seen = 0
    for line in content.splitlines(keepends=True)[:MAX_SHARED_LINES]:
        end += len(line)
        n_shared += len("".join(line.split()))
        n_seen += bool(line.strip())
        if n_shared >= MIN_SHARED and n_seen >= n_lines:
            return content[:end].rstrip()
    whole = n_lines == 1 and end == len(content) and n_shared >= MIN_SHARED_AT_THE_END
    return content[:end].rstrip() if whole else ""


def line_end(text: str) -> int | None:
    """The offset of the line end that closes the first line with something on it."""
    content = len(text) - len(text.lstrip())
    end = text.find("\n", content)
    if end < 0:
        return None
    return end - 1 if text[end - 1 : end] == "\r" else end
