"""A document around the cursor → where a window of it may begin and end. Pure: knows no tokenizer and no model.

The window's start moves in blocks counted from the start of the document. While the user moves down the file it stays
where it is, so a prompt shares its long beginning with the one before, and the KV cache keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from codeslm_lsp.values import KeptLines

CHARACTERS_PER_TOKEN = 4
"""What a token of source code holds, roughly: 3 to 4 for the vocabularies in use. Only block sizes depend on it."""
MAX_CHARACTERS_PER_TOKEN = 8
"""How much text is looked at for each token there is room for: an enormous document costs no more than others."""
_BLOCKS_PER_WINDOW = 4
"""Smaller blocks waste less of the budget, larger ones keep the KV cache for longer: at four, an eighth of the window
is unused on average, and it moves once in a quarter of its length."""
_MIN_BLOCK_CHARACTERS = 64


def block_characters(n_tokens: int) -> int:
    """The block size for a window of ``n_tokens``, a power of two, so that blocks of different budgets nest."""
    wanted = max(n_tokens * CHARACTERS_PER_TOKEN // _BLOCKS_PER_WINDOW, _MIN_BLOCK_CHARACTERS)
    return 1 << (wanted.bit_length() - 1)


def block_starts(prefix: str, prefix_start: int, earliest: int, block: int) -> list[int]:
    """The indices of ``prefix``, from ``earliest`` on, at which a window may start.

    For every multiple of ``block`` in the document that is the first line start behind it, or, inside an enormous
    line, the multiple itself; and the prefix's own start. ``prefix_start`` is the document offset of ``prefix[0]``.
    """
    starts = [0] if earliest <= 0 else []
    first = -(-(prefix_start + max(earliest, 1)) // block) * block - prefix_start
    for multiple in range(first, len(prefix), block):
        line_end = prefix.find("\n", multiple - 1, multiple - 1 + block)
        start = multiple if line_end < 0 else line_end + 1
        if start < len(prefix):
            starts.append(start)
    return starts


def first_that_fits(counts: Sequence[int], quota: int) -> int:
    """The first index from which the sum of ``counts`` stays within ``quota``; their number when none does.

    >>> first_that_fits([5, 3, 2], 6)
    1
    """
    total = 0
    for index in range(len(counts) - 1, -1, -1):
        total += counts[index]
        if total > quota:
            return index + 1
    return 0


def lines_of(text: str, max_characters: int) -> list[str]:
    """``text`` in lines with their ends; a line longer than ``max_characters`` comes in pieces of that length."""
    return list(_lines_of(text, max_characters))


def _lines_of(text: str, max_characters: int) -> Iterator[str]:
    start = 0
    while start < len(text):
        line_end = text.find("\n", start, start + max_characters)
        end = line_end + 1 if line_end >= 0 else min(start + max_characters, len(text))
        yield text[start:end]
        start = end


def choose_kept(kept: Sequence[KeptLines], counts: Sequence[int], before: int, quota: int) -> list[KeptLines]:
    """Which kept lines that end at or before the document offset ``before`` to show, in document order.

    The last come first: headers of the innermost scopes stand below the imports. ``counts`` are their tokens.
    """
    chosen: list[KeptLines] = []
    for lines, count in sorted(zip(kept, counts, strict=True), key=lambda pair: -pair[0].start):
        if lines.end <= before and count <= quota:
            chosen.append(lines)
            quota -= count
    return chosen[::-1]


def shorter_tail(text: str, n_tokens: int, quota: int) -> str:
    """The end of ``text``, which has ``n_tokens``, cut to have about ``quota``; always shorter than before."""
    return text[len(text) - _kept_length(text, n_tokens, quota) :]


def shorter_head(text: str, n_tokens: int, quota: int) -> str:
    """The beginning of ``text``, cut at a line end if there is one; always shorter than before."""
    head = text[: _kept_length(text, n_tokens, quota)]
    return head[: head.rfind("\n") + 1] or head


def _kept_length(text: str, n_tokens: int, quota: int) -> int:
    return max(0, min(len(text) * max(quota, 0) // max(n_tokens, 1), len(text) - 1))
