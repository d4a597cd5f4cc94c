"""An editor's text, mirrored from its change messages. Knows positions and line ends, and nothing of languages."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from urllib.parse import urlsplit

from lsprotocol import types
from pygls.workspace import PositionCodec, ServerTextPosition, ServerTextRange, TextDocument

from codeslm_lsp.values import Cursor, Document

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
"""One line with its end. LSP 3.18, "Text Documents": only ``\\n``, ``\\r\\n`` and ``\\r`` end a line, whereas
``str.splitlines``, which pygls uses, also splits at form feeds and U+2028."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


class MirroredDocument(TextDocument):
    """The text of an open document, kept as lines so that a key costs only the lines it touches.

    A position is ``types.Position`` in the client's units; one inside a character means the character's start, one
    behind a line's text means its end, and one behind the last line means the document's end. Half a surrogate pair
    that a client sends alone is U+FFFD in ``source``; halves that meet are one character. A document that is not open
    is empty: the mirror never reads the disk.
    """

    def __init__(
        self,
        uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
        *,
        position_codec: PositionCodec | None = None,
    ) -> None:
        super().__init__(_parseable(uri), None, version, language_id, position_codec=position_codec)
        self.uri = uri
        self._encoding: str = self.position_codec.encoding or types.PositionEncodingKind.Utf16
        self._lines: list[str] = []
        self._text = ""
        self._starts = LineStarts([])
        self._replace_all(source or "")

    @property
    def source(self) -> str:
        """The whole text."""
        return self._text

    @property
    def text(self) -> str:
        """The same as ``source``, by the house's word for it."""
        return self.source

    @property
    def lines(self) -> Sequence[str]:
        """Every line with its end. The last one has none, and is empty when the text ends with a line end."""
        return self._lines

    def snapshot(self, path: str) -> Document:
        """This version of the document as a value; ``path`` is what a prompt may call it."""
        return Document(self.uri, path, self.language_id or "", self.version or 0, self.source)

    def offset_at(self, position: types.Position) -> Cursor:
        """Code points of ``source`` before a position."""
        return Cursor(self.offset_at_position(position))

    def position_at(self, offset: int) -> types.Position:
        """The position of an offset into ``source``, in code points; inside ``\\r\\n`` it is the line's end."""
        return self.position_to_client_units(self.server_position_at_offset(offset))

    def is_inside(self, position: types.Position) -> bool:
        """Whether the position exists, rather than being moved to the end of its line or of the document."""
        if position.line >= len(self._lines):
            return False
        return position.character <= _units(_without_end(self._lines[position.line]), self._encoding)

    def apply_change(self, change: types.TextDocumentContentChangeEvent) -> None:
        """Apply a change as it was sent, with a range or without, whatever kind of synchronisation was agreed on."""
        if isinstance(change, types.TextDocumentContentChangePartial):
            self._replace_range(self.range_from_client_units(change.range), change.text)
        else:
            self._replace_all(change.text)

    def _replace_all(self, text: str) -> None:
        paired = _paired(text)
        self._lines = _split(paired)
        self._starts = LineStarts(self._lines)
        self._text = _encodable(paired)

    def _replace_range(self, span: ServerTextRange, text: str) -> None:
        start, end = min(span.start, span.end), max(span.start, span.end)
        first, last = start.line, end.line
        head, tail = self._lines[first][: start.character], self._lines[last][end.character :]
        if not head and first > 0 and self._lines[first - 1].endswith("\r"):
            # What follows that "\r" may be a "\n" from now on, and then both are one line end.
            first -= 1
            head = self._lines[first]
        touched = _split(_paired(head + text + tail))
        if last < len(self._lines) - 1:
            touched.pop()  # The tail ended with a line end, and what stands behind it is the next line as it was.
        from_offset = self._starts.of(first)
        to_offset = self._starts.of(last) + len(self._lines[last])
        self._lines[first : last + 1] = touched
        self._starts.replace(first, last + 1, touched)
        # No pair of surrogates and no line end reaches beyond the touched lines, so they can be seen to by themselves.
        changed = _encodable("".join(touched))
        self._text = "".join((self._text[:from_offset], changed, self._text[to_offset:]))  # One copy less than by +.

    # What follows replaces pygls' conversions, which disagree with the rules above.

    def position_from_client_units(self, position: types.Position) -> ServerTextPosition:
        """Line and code points before the position on it."""
        last = len(self._lines) - 1
        if position.line > last:
            return ServerTextPosition(last, len(self._lines[last]))
        line = _without_end(self._lines[position.line])
        return ServerTextPosition(position.line, characters_within(line, position.character, self._encoding))

    def position_to_client_units(self, position: ServerTextPosition) -> types.Position:
        """The inverse, for a position in the document."""
        before = self._lines[position.line][: position.character]
        return types.Position(position.line, _units(before, self._encoding))

    def range_from_client_units(self, range: types.Range) -> ServerTextRange:
        """Both ends of a range, in the order the client sent them."""
        return ServerTextRange(self.position_from_client_units(range.start), self.position_from_client_units(range.end))

    def range_to_client_units(self, range: ServerTextRange) -> types.Range:
        """The inverse, for a range in the document."""
        return types.Range(self.position_to_client_units(range.start), self.position_to_client_units(range.end))

    def offset_at_position(self, client_position: types.Position) -> int:
        """Code points of ``source`` before a position."""
        return self.offset_at_server_position(self.position_from_client_units(client_position))

    def offset_at_server_position(self, server_position: ServerTextPosition) -> int:
        """Code points of ``source`` before a line and column."""
        return self._starts.of(server_position.line) + server_position.character

    def server_position_at_offset(self, offset: int) -> ServerTextPosition:
        """Line and column of an offset."""
        line = self._starts.line_at(max(offset, 0))
        column = max(offset, 0) - self._starts.of(line)
        return ServerTextPosition(line, min(column, len(_without_end(self._lines[line]))))


class LineStarts:
    """The offset of every line. A change moves all lines below it, which costs nothing while it follows the last one.

    From the line ``_moved_from`` on, the offsets kept are ``_moved_by`` too small.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self._starts = list(accumulate(map(len, lines[:-1]), initial=0))
        self._moved_from = len(self._starts)
        self._moved_by = 0

    def of(self, line: int) -> int:
        """Where a line starts."""
        return self._starts[line] + (self._moved_by if line >= self._moved_from else 0)

    def line_at(self, offset: int) -> int:
        """The line that holds an offset; the last one if it lies behind it."""
        if self._moved_from < len(self._starts) and offset >= self.of(self._moved_from):
            return bisect_right(self._starts, offset - self._moved_by, lo=self._moved_from) - 1
        return bisect_right(self._starts, offset, hi=self._moved_from) - 1

    def replace(self, first: int, end: int, lines: Sequence[str]) -> None:
        """Other lines stand where the lines from ``first`` to before ``end`` stood."""
        behind = self.of(end) if end < len(self._starts) else None
        self._move_to(end)
        *starts, now_behind = accumulate(map(len, lines), initial=self._starts[first])
        self._starts[first:end] = starts
        self._moved_from = first + len(starts)
        self._moved_by += now_behind - behind if behind is not None else 0

    def _move_to(self, line: int) -> None:
        """Let ``_moved_from`` be ``line``, by bringing the lines between up to date, or out of it."""
        low, high = sorted((line, self._moved_from))
        by = self._moved_by if line > self._moved_from else -self._moved_by
        if by:
            self._starts[low:high] = [start + by for start in self._starts[low:high]]
        self._moved_from = line


def _parseable(uri: str) -> str:
    """pygls takes a file name from the URI, and raises on one such as ``file://[``."""
    try:
        urlsplit(uri)
    except ValueError:
        return ""
    return uri


def _split(text: str) -> list[str]:
    """``"a\\r\\nb\\n"`` → ``["a\\r\\n", "b\\n", ""]``: never an empty list."""
    lines: list[str] = _LINE.findall(text)
    if not lines or lines[-1].endswith(("\r", "\n")):
        lines.append("")
    return lines


def _without_end(line: str) -> str:
    return line.rstrip("\r\n")


def _paired(text: str) -> str:
    """Surrogates next to each other are one character: UTF-16 clients may send them in two changes."""
    if text.isascii() or _is_encodable(text):
        return text
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)


def _encodable(text: str) -> str:
    """The same text, as long as before, without what no encoding can hold."""
    return text if text.isascii() or _is_encodable(text) else _LONE_SURROGATE.sub("\ufffd", text)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _units(text: str, encoding: str) -> int:
    """Length in the client's units (LSP ``PositionEncodingKind``)."""
    if encoding == types.PositionEncodingKind.Utf32 or text.isascii():
        return len(text)
    if encoding == types.PositionEncodingKind.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def characters_within(line: str, units: int, encoding: str) -> int:
    """Whole characters within so many of the client's units."""
    if encoding == types.PositionEncodingKind.Utf32 or line.isascii():
        return min(units, len(line))
    if encoding == types.PositionEncodingKind.Utf8:
        data = line.encode("utf-8", "surrogatepass")
        while units < len(data) and data[units] & 0xC0 == 0x80:  # A continuation byte: the character began before it.
            units -= 1
        return len(data[:units].decode("utf-8", "surrogatepass"))
    data = line.encode("utf-16-le", "surrogatepass")
    if 0 < units < len(data) // 2 and data[2 * units - 1] & 0xFC == 0xD8 and data[2 * units + 1] & 0xFC == 0xDC:
        units -= 1  # Between the two halves of a pair.
    return len(data[: 2 * units].decode("utf-16-le", "surrogatepass"))
