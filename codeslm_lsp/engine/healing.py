"""Typed bytes → the tokens that may continue them (token healing), by a byte trie over the vocabulary.

A prompt that ends inside a token makes the right continuation about 1000 times less likely (arXiv 2601.23223), so the
last typed tokens are taken back and the model chooses again, among the tokens whose bytes agree with the typed ones.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class ByteTrie:
    """A trie over the bytes of all ordinary tokens, kept as one sorted array: every subtree is a contiguous range.

    ``pieces[token]`` are the token's bytes; tokens that user text can never contain (control tokens) are ``b""``
    and never found.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        order = sorted((token for token, piece in enumerate(pieces) if piece), key=pieces.__getitem__)
        self._tokens: NDArray[np.intp] = np.array(order, dtype=np.intp)
        self._sorted = [pieces[token] for token in order]

    def candidates(self, remaining: bytes) -> NDArray[np.intp]:
        """The tokens whose bytes start with ``remaining`` or are a prefix of it. ``remaining`` is not empty."""
        start = bisect_left(self._sorted, remaining)
        end = bisect_left(self._sorted, _after(remaining), lo=start) if _after(remaining) else len(self._sorted)
        ranges = [self._tokens[start:end]]
        for length in range(1, len(remaining)):
            head = remaining[:length]
            first = bisect_left(self._sorted, head, hi=start)
            last = first
            while last < len(self._sorted) and self._sorted[last] == head:
                last += 1
            if last > first:
                ranges.append(self._tokens[first:last])
        return np.concatenate(ranges)


def _after(prefix: bytes) -> bytes:
    """The smallest byte string greater than every string that starts with ``prefix``; empty when there is none."""
    stripped = prefix.rstrip(b"\xff")
    return stripped[:-1] + bytes([stripped[-1] + 1]) if stripped else b""
