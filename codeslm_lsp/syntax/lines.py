"""Lines of a text around an offset, and how deep they are indented. Knows no language."""

from __future__ import annotations

from collections.abc import Iterator

TAB_WIDTH = 4
"""Columns a tab advances to. Any width serves: lines of one file are only compared with each other."""


def line_start(text: str, offset: int) -> int:
    """Offset of the first character of the line that holds ``offset``."""
    return text.rfind("\n", 0, offset) + 1


def line_end(text: str, offset: int) -> int:
    """Offset of the line end (``\\n``) at or behind ``offset``, or the end of the text."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def indentation(line: str) -> int:
    """Columns of white space before the first other character (the whole width for a blank line)."""
    white = line[: len(line) - len(line.lstrip(" \t"))]
    return len(white.expandtabs(TAB_WIDTH))


def lines_before(text: str, offset: int, most: int) -> Iterator[tuple[int, str]]:
    """The non-blank lines before the line of ``offset``, nearest first: ``(start, line)``. Looks at ``most`` lines."""
    end = line_start(text, offset) - 1
    for _ in range(most):
        if end < 0:
            return
        start = line_start(text, end)
        line = text[start:end]
        if line.strip():
            yield start, line
        end = start - 1


def lines_after(text: str, offset: int, most: int) -> Iterator[tuple[int, str]]:
    """The non-blank lines behind the line of ``offset``, nearest first: ``(start, line)``. Looks at ``most`` lines."""
    start = line_end(text, offset) + 1
    for _ in range(most):
        if start > len(text):
            return
        end = line_end(text, start)
        line = text[start:end]
        if line.strip():
            yield start, line
        start = end + 1
