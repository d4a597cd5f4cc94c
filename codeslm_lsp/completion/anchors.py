"""Which prompt still describes a document, so that a key costs only its own tokens.

A prompt is built once, at an *anchor* near the cursor. As long as the text before the anchor and the text after the
cursor are what they were, whatever stands between them is simply the typed beginning of the middle.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.values import Cursor, Document, Prompt

MAX_TYPED_CHARS = 512
"""Typed text beyond this is no longer cheap to tokenise at every key: some 150 tokens."""

OUTDATED_LINES, OUTDATED_CHARS = 24, 2048
"""How far below its anchor a prompt still answers, while the one that takes its place is evaluated in the background.
The model sees all that was typed since, only as the beginning of what it writes itself."""

LONG_LINE_STEP = 256
"""On a line longer than this (minified code, data) the anchor moves in steps along the line."""

NEAR_BEFORE, NEAR_AFTER = 600, 200
"""Code points around the cursor that a prompt has to have right even if it is out of date further away: some fifteen
lines before, and five behind."""

MAX_DOCUMENTS = 32

MAX_PROMPTS = 2
"""Of each document, as the engine keeps two evaluated: the one in use, and the next one or the one before."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """A prompt and where it was anchored: the column, and whether it reached to the start and to the end of the file.

    What reached to an end of the file has to do so still, or what was added there would never be seen.
    """

    prompt: Prompt
    column: int
    from_start: bool
    to_end: bool


def anchored_at(document: Document, anchor: int, prompt: Prompt) -> Anchored:
    """``prompt`` was built for ``document`` with this anchor."""
    text = document.text
    return Anchored(
        prompt,
        column=anchor - line_start(text, anchor),
        from_start=len(prompt.prefix_text) == anchor,
        to_end=anchor + len(prompt.typed) + len(prompt.suffix_text) == len(text),
    )


class Anchors:
    """The newest prompts of each open document, those of the least recently used documents forgotten."""

    def __init__(self, max_lines: int) -> None:
        self._max_lines = max_lines
        self._prompts: OrderedDict[str, tuple[Anchored, ...]] = OrderedDict()

    def reuse(self, document: Document, cursor: Cursor) -> Prompt | None:
        """The document's newest prompt that fits, with what is typed now, or None when it must be built anew."""
        for anchored in self._prompts.get(document.uri, ()):
            anchor = self._find(document.text, cursor, anchored)
            if anchor is not None:
                self._prompts.move_to_end(document.uri)
                return replace(anchored.prompt, typed=document.text[anchor:cursor])
        return None

    def reuse_outdated(self, document: Document, cursor: Cursor) -> Prompt | None:
        """A prompt that is right around the cursor, though something changed further away, or much was typed since.

        Closing brackets and quotes behind the cursor, which editors insert and remove by themselves, do not count.
        """
        for anchored in self._prompts.get(document.uri, ()):
            anchor = self._find_nearby(document.text, cursor, anchored)
            if anchor is not None:
                return replace(anchored.prompt, typed=document.text[anchor:cursor])
        return None

    def remember(self, uri: str, anchored: Anchored) -> None:
        """This prompt of the document ``uri`` answers from now on."""
        known = self._prompts.get(uri, ())
        others = [other for other in known if other.prompt.token_ids != anchored.prompt.token_ids]
        self._prompts[uri] = (anchored, *others)[:MAX_PROMPTS]
        self._prompts.move_to_end(uri)
        if len(self._prompts) > MAX_DOCUMENTS:
            self._prompts.popitem(last=False)

    def forget(self, uri: str) -> None:
        """The document is closed."""
        self._prompts.pop(uri, None)

    def _find(self, text: str, cursor: int, anchored: Anchored) -> int | None:
        """The offset where the prompt's prefix ends in ``text``, if it and the suffix are still there."""
        prompt = anchored.prompt
        if not text.startswith(prompt.suffix_text, cursor):
            return None
        if anchored.to_end and cursor + len(prompt.suffix_text) < len(text):
            return None
        for anchor in _places(text, cursor, anchored.column, self._max_lines, MAX_TYPED_CHARS):
            start = anchor - len(prompt.prefix_text)
            is_there = start == 0 if anchored.from_start else start >= 0
            if is_there and text.startswith(prompt.prefix_text, start):
                return anchor
        return None

    def _find_nearby(self, text: str, cursor: int, anchored: Anchored) -> int | None:
        """The offset at which the prompt's prefix ends, judged by what is near."""
        prompt = anchored.prompt
        shown = _head(prompt.suffix_text)[:NEAR_AFTER]
        there = _head(text[cursor : cursor + 2 * NEAR_AFTER])[:NEAR_AFTER]
        if there != shown and (anchored.to_end or not shown or not there.startswith(shown)):
            return None
        near = prompt.prefix_text[-NEAR_BEFORE:]
        places = _places(text, cursor, anchored.column, OUTDATED_LINES, OUTDATED_CHARS)
        return next((anchor for anchor in places if near and text.endswith(near, 0, anchor)), None)


def _places(text: str, cursor: int, column: int, max_lines: int, max_chars: int) -> Iterator[int]:
    """Where a prompt's prefix may end: at its column, on the cursor's line and on the lines above it."""
    line = line_start(text, cursor)
    for _ in range(max_lines + 1):
        anchor = line + column
        if anchor <= cursor <= anchor + max_chars:
            yield anchor
        if line == 0:
            return
        line = line_start(text, line - 1)


def _head(suffix: str) -> str:
    """``suffix`` without closing brackets and quotes on its first line."""
    return suffix.lstrip(")]}\"'`")


def new_anchor(text: str, cursor: Cursor) -> int:
    """Where a new prompt's prefix ends: the start of the cursor's line, or a step along a very long line."""
    start = line_start(text, cursor)
    return start + (cursor - start) // LONG_LINE_STEP * LONG_LINE_STEP
