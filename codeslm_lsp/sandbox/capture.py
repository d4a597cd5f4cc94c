"""A stream of any length → its beginning and its end, with a line between them that says how much is missing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

PIECE_BYTES = 1 << 16
"""What a pipe holds on Linux (``pipe(7)``)."""

FLOOD = 64
"""A program that says so many times what is kept of it is in a loop."""


class Capture:
    """Keeps ``limit_bytes`` of one stream. Calls ``flooded`` once there was far more, and reads on until the end."""

    def __init__(self, limit_bytes: int, flooded: Callable[[], None]) -> None:
        self._half = max(1, limit_bytes // 2)
        self._flood_bytes = FLOOD * limit_bytes
        self._flooded = flooded
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._n_tail = 0
        self._n_dropped = 0

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Until the end of the stream: everybody who could write to it has gone."""
        while piece := await stream.read(PIECE_BYTES):
            self._add(piece)
            if self._n_dropped > self._flood_bytes:
                self._flooded()

    @property
    def is_cut(self) -> bool:
        """Whether something is missing."""
        return self._n_dropped + max(0, self._n_tail - self._half) > 0

    def text(self) -> bytes:
        """What is kept."""
        tail = b"".join(self._tail)
        n_excess = max(0, len(tail) - self._half)
        if not self.is_cut:
            return bytes(self._head) + tail
        gap = f"\n[{self._n_dropped + n_excess} bytes of output are left out here]\n".encode()
        return bytes(self._head) + gap + tail[n_excess:]

    def _add(self, piece: bytes) -> None:
        n_head = self._half - len(self._head)
        self._head += piece[:n_head]
        if rest := piece[n_head:]:
            self._tail.append(rest)
            self._n_tail += len(rest)
        while self._tail and self._n_tail - len(self._tail[0]) >= self._half:
            oldest = self._tail.popleft()
            self._n_tail -= len(oldest)
            self._n_dropped += len(oldest)
