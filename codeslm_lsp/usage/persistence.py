"""What was accepted, and the document a while later → how many of its characters are still there.

A text that was accepted and then mended or deleted was worth less than one that stays: acceptance alone does not tell.
Knows nothing of who looks, nor when.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

AROUND = 600
"""Characters that are looked at before and behind a text. It moves when something is written above it: some fifteen
lines are more than is typed in half a minute. What this costs grows with the square."""

SHORTEST = 3
"""Characters next to each other that count as the same text. Shorter ones are found in any line of code."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A text that was put into a document at ``start``, and what stood ``before`` and ``after`` it; line ends are
    ``\\n``. It is held in memory alone."""

    text: str
    start: int
    before: str
    after: str

    def part(self, n_characters: int) -> Placed:
        """Only so much of it was put there."""
        return replace(self, text=self.text[:n_characters])


def placed(document: str, start: int, end: int, text: str) -> Placed:
    """``text`` in place of ``[start, end)`` of a document."""
    before, after = document[max(0, start - AROUND) : start], document[end : end + AROUND]
    return Placed(_even(text), start, _even(before), _even(after))


def n_kept(placed: Placed, document: str) -> int:
    """How many characters of ``placed`` are still in ``document``, which is what has become of it since.

    All of them where the text stands near its place as it was, even if it moved: once more often than around it before.
    Otherwise what was there is aligned with what is there now, line by line, and changed lines by their characters
    (``difflib.SequenceMatcher``, so Ratcliff and Obershelp's matching).
    """
    text = placed.text
    now = _even(document[max(0, placed.start - AROUND) : placed.start + len(text) + AROUND])
    if not text or now.count(text) > (placed.before + placed.after).count(text):
        return len(text)
    start = len(placed.before)
    same = _same(placed.before + text + placed.after, now)
    return sum(max(0, min(end, start + len(text)) - max(begin, start)) for begin, end in same)


def _same(old: str, new: str) -> Iterator[tuple[int, int]]:
    """Which parts of ``old`` are in ``new``, in order."""
    olds, news = old.splitlines(keepends=True), new.splitlines(keepends=True)
    begin = 0
    for tag, first, last, new_first, new_last in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        changed = "".join(olds[first:last])
        if tag == "equal":
            yield begin, begin + len(changed)
        elif tag == "replace":
            characters = SequenceMatcher(None, changed, "".join(news[new_first:new_last]), autojunk=False)
            for block in characters.get_matching_blocks():
                if block.size >= SHORTEST:
                    yield begin + block.a, begin + block.a + block.size
        begin += len(changed)


def _even(text: str) -> str:
    """Editors write the line ends of their file, whatever they were sent."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
