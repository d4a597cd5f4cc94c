"""What lies on the user's desk: the open documents of the workspace as the editor has them, and where work was done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from codeslm_lsp.context.chunks import MAX_FILE_CHARACTERS
from codeslm_lsp.values import Document
from codeslm_lsp.workspace.recent import Recent, Region, Touch

RECENT_S = 600.0
"""What was touched longer ago than ten minutes belongs to other work."""

VIEW_LINES = 20
"""Above and below a resting cursor: about what a window shows."""

MAX_EDIT_LINES = 200
"""Nobody types more at once: a formatter, or another branch. Then nothing is known of where work was done before."""


@dataclass(frozen=True, slots=True)
class LineEdit:
    """Lines ``[first_line, old_end_line)`` were replaced, and reach to ``new_end_line`` now."""

    first_line: int
    old_end_line: int
    new_end_line: int


@dataclass(frozen=True, slots=True)
class OnDesk:
    """One moment's desk: texts by path, and the regions touched lately, latest first, with their age in seconds."""

    documents: dict[str, Document]
    regions: tuple[tuple[Region, float], ...]


class Desk:
    """Kept by whoever hears from the editor. Only documents that lie in the workspace folder belong here."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._documents: dict[str, Document] = {}
        self._recent = Recent()

    def opened(self, document: Document) -> None:
        """The editor shows it, nobody knows which part."""
        self._documents[document.path] = document
        self.viewed(document, 0)

    def changed(self, document: Document, edits: Iterable[LineEdit] | None) -> None:
        """The document is like this now; without ``edits`` it was replaced as a whole."""
        self._documents[document.path] = document
        if edits is None or len(document.text) > MAX_FILE_CHARACTERS:
            self._recent = self._recent.without(document.path)
            return
        for edit in edits:
            lines = (edit.first_line, edit.old_end_line, edit.new_end_line)
            if max(lines) - edit.first_line > MAX_EDIT_LINES:
                self._recent = self._recent.without(document.path)
            else:
                self._recent = self._recent.edited(document.path, *lines, _lines_of(document), self._clock())

    def viewed(self, document: Document, line: int) -> None:
        """The cursor rests on this line."""
        if len(document.text) > MAX_FILE_CHARACTERS:
            return
        first, end = max(0, line - VIEW_LINES), line + VIEW_LINES
        self._recent = self._recent.viewed(document.path, first, end, _lines_of(document), self._clock())

    def closed(self, uri: str) -> None:
        """The document is what the disk has from now on."""
        self._documents = {path: each for path, each in self._documents.items() if each.uri != uri}

    def now(self) -> OnDesk:
        """All of it at this moment, for another thread to read."""
        at_s = self._clock()
        recent = ((each, at_s - each.at_s) for each in self._recent.regions)
        return OnDesk(dict(self._documents), tuple(each for each in recent if each[1] <= RECENT_S))


def edited_regions(desk: OnDesk) -> tuple[tuple[Region, float], ...]:
    """Where something was written, and how many seconds ago."""
    return tuple(each for each in desk.regions if each[0].touch is Touch.EDITED)


def _lines_of(document: Document) -> Callable[[int, int], str]:
    return lambda first, end: "\n".join(document.text.split("\n", end)[first:end])
