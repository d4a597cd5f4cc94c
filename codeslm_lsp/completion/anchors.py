"""Which prompt still describes a document, so that a key costs only its own tokens.

A prompt is built once, at an *anchor* near the cursor. As long as the text before the anchor and the text after the
cursor are what they were, whatever stands between them is simply the typed beginning of the middle.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.values import Cursor, Document, Prompt

MAX_TYPED_CHARS = 512
"""Typed text beyond this is no longer cheap to tokenise at every key: some 150 tokens."""

LONG_LINE_STEP = 256
"""On a line longer than this (minified code, data) the anchor moves in steps along the line."""

MAX_DOCUMENTS = 32


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A prompt and where it was anchored: the column, and whether it reached to the start and to the end of the file.

    What reached to an end of the file has to do so still, or what was added there would never be seen.
    """

    prompt: Prompt
    column: int
    from_start: bool
    to_end: bool


class Anchors:
    """The newest prompt of each open document, the least recently used ones forgotten."""

    def __init__(self, max_lines: int) -> None:
        self._max_lines = max_lines
        self._prompts: OrderedDict[str, _Anchored] = OrderedDict()

    def reuse(self, document: Document, cursor: Cursor) -> Prompt | None:
        """The document's prompt with what is typed now, or None when it must be built anew."""
        if document.uri not in self._prompts:
            return None
        anchored = self._prompts[document.uri]
        anchor = self._find(document.text, cursor, anchored)
        if anchor is None:
            return None
        self._prompts.move_to_end(document.uri)
        return replace(anchored.prompt, typed=document.text[anchor:cursor])

    def remember(self, document: Document, anchor: int, prompt: Prompt) -> None:
        """``prompt`` was built for ``document`` with this anchor."""
        text = document.text
        self._prompts[document.uri] = _Anchored(
            prompt,
            column=anchor - line_start(text, anchor),
            from_start=len(prompt.prefix_text) == anchor,
            to_end=anchor + len(prompt.typed) + len(prompt.suffix_text) == len(text),
        )
        self._prompts.move_to_end(document.uri)
        if len(self._prompts) > MAX_DOCUMENTS:
            self._prompts.popitem(last=False)

    def forget(self, uri: str) -> None:
        """The document is closed."""
        self._prompts.pop(uri, None)

    def _find(self, text: str, cursor: int, anchored: _Anchored) -> int | None:
        """The offset where the prompt's prefix ends in ``text``, if it and the suffix are still there."""
        prompt = anchored.prompt
        if not text.startswith(prompt.suffix_text, cursor):
            return None
        if anchored.to_end and cursor + len(prompt.suffix_text) < len(text):
            return None
        line = line_start(text, cursor)
        for _ in range(self._max_lines + 1):
            anchor = line + anchored.column
            start = anchor - len(prompt.prefix_text)
            if (
                anchor <= cursor <= anchor + MAX_TYPED_CHARS
                and (start == 0 if anchored.from_start else start >= 0)
                and text.startswith(prompt.prefix_text, start)
            ):
                return anchor
            if line == 0:
                break
            line = line_start(text, line - 1)
        return None


def new_anchor(text: str, cursor: Cursor) -> int:
    """Where a new prompt's prefix ends: the start of the cursor's line, or a step along a very long line."""
    start = line_start(text, cursor)
    return start + (cursor - start) // LONG_LINE_STEP * LONG_LINE_STEP
