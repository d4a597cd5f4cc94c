"""A ``str`` ⇄ the UTF-8 bytes a grammar reads, and code-point offsets ⇄ byte offsets. The only place that converts."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

_STRIDE = 1024
"""Code points between two checkpoints: small enough that decoding one stride costs a microsecond or two,
large enough that the checkpoints of a megabyte are a thousand integers."""


@dataclass(frozen=True, slots=True)
class Source:
    """One text as bytes. ``checkpoints[i]`` is the byte offset of code point ``i * 1024``; empty for ASCII text."""

    data: bytes
    n_code_points: int
    checkpoints: tuple[int, ...]

    def to_byte(self, offset: int) -> int:
        """Code-point offset → byte offset. Offsets outside the text are moved to its nearest end."""
        offset = max(0, min(offset, self.n_code_points))
        if not self.checkpoints:
            return offset
        position = self.checkpoints[offset // _STRIDE]
        # A code point takes at most four bytes, so this slice holds all that are wanted.
        rest = offset % _STRIDE
        piece = self.data[position : position + 4 * rest].decode("utf-8", "ignore")
        return position + len(piece[:rest].encode("utf-8"))

    def to_offset(self, byte: int) -> int:
        """Byte offset of a character → code-point offset. Inverse of ``to_byte``."""
        if not self.checkpoints:
            return byte
        stride = bisect_right(self.checkpoints, byte) - 1
        return stride * _STRIDE + len(self.data[self.checkpoints[stride] : byte].decode("utf-8", "ignore"))


def source_of(text: str) -> Source:
    """Encode ``text``. NUL becomes a space (grammars take it for the end of the file) and a lone surrogate ``?``."""
    if text.isascii():
        return Source(text.encode("ascii").replace(b"\0", b" "), len(text), ())
    data = bytearray()
    checkpoints = []
    # One stride too many when the length is a multiple: the end of the text needs a checkpoint of its own.
    for start in range(0, len(text) + 1, _STRIDE):
        checkpoints.append(len(data))
        data += text[start : start + _STRIDE].encode("utf-8", "replace")
    return Source(bytes(data).replace(b"\0", b" "), len(text), tuple(checkpoints))
