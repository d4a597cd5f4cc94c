"""Edits and views of open documents → the regions somebody works on, latest first. Knows no text, only its hash.

Shows: an edit of lines 10–12 and one of 13 are one region; inserting two lines above moves it two lines down.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

MAX_REGIONS = 64
"""Of each kind. Half a day's places; what is older tells little of what is written now."""

GAP_LINES = 2
"""Regions with so few lines between them are one: a blank line and a bracket part what was written together."""

TextOf = Callable[[int, int], str]
"""The document's text from one line up to another, as it is now."""


class Touch(enum.StrEnum):
    """What was done to a region."""

    EDITED = "edited"
    VIEWED = "viewed"


@dataclass(frozen=True, slots=True)
class Region:
    """Lines ``[first_line, end_line)`` of a document, counted from 0, and when they were last touched.

    ``digest`` is that of their text then: whether it is still the same tells ``digest_of``.
    """

    path: str
    touch: Touch
    first_line: int
    end_line: int
    digest: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Recent:
    """The recent regions of all documents, latest first. A touch gives a new value."""

    regions: tuple[Region, ...] = ()

    def edited(
        self, path: str, first_line: int, old_end_line: int, new_end_line: int, text_of: TextOf, at_s: float
    ) -> Recent:
        """Lines ``[first_line, old_end_line)`` were replaced and reach to ``new_end_line`` now."""
        moved = _moved(self.regions, path, first_line, old_end_line, new_end_line)
        # Where all lines were deleted, what stands there now is what was worked on.
        end_line = max(new_end_line, first_line + 1)
        return _touched(moved, path, Touch.EDITED, first_line, end_line, text_of, at_s)

    def viewed(self, path: str, first_line: int, end_line: int, text_of: TextOf, at_s: float) -> Recent:
        """Lines ``[first_line, end_line)`` are shown, and the cursor rests there."""
        return _touched(self.regions, path, Touch.VIEWED, first_line, max(end_line, first_line + 1), text_of, at_s)

    def without(self, path: str) -> Recent:
        """Forget a document."""
        return Recent(tuple(region for region in self.regions if region.path != path))

    def of(self, touch: Touch) -> tuple[Region, ...]:
        """The regions that were last touched in this way, latest first."""
        return tuple(region for region in self.regions if region.touch is touch)


def digest_of(text: str) -> bytes:
    """By which a region's text is recognised."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()


def _moved(
    regions: tuple[Region, ...], path: str, first_line: int, old_end_line: int, new_end_line: int
) -> tuple[Region, ...]:
    """The regions as they lie after an edit: those below it moved, those it reaches into cut or stretched with it."""

    def at(line: int, replaced: int) -> int:
        if line <= first_line:
            return line
        return line + new_end_line - old_end_line if line >= old_end_line else replaced

    moved = []
    for region in regions:
        if region.path == path:
            # What began inside begins where the edit ends, and what ended inside ends where it begins.
            start, end = at(region.first_line, new_end_line), at(region.end_line, first_line)
            if start >= end:
                continue
            region = replace(region, first_line=start, end_line=end)
        moved.append(region)
    return tuple(moved)


def _touched(
    regions: tuple[Region, ...],
    path: str,
    touch: Touch,
    first_line: int,
    end_line: int,
    text_of: TextOf,
    at_s: float,
) -> Recent:
    others = []
    for region in regions:
        near = region.first_line - GAP_LINES <= end_line and first_line <= region.end_line + GAP_LINES
        if region.path == path and region.touch is touch and near:
            first_line, end_line = min(first_line, region.first_line), max(end_line, region.end_line)
        else:
            others.append(region)
    latest = Region(path, touch, first_line, end_line, digest_of(text_of(first_line, end_line)), at_s)
    n_same = 0
    kept = [latest]
    for region in others:
        n_same += region.touch is touch
        if region.touch is not touch or n_same < MAX_REGIONS:
            kept.append(region)
    return Recent(tuple(kept))
