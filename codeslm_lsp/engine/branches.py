"""Logits → the tokens with which several different continuations begin."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LEAST_LIKELY = 0.02
"""An alternative whose first token is less likely than this share of the best one's is not worth anybody's time."""


def text_decoder() -> codecs.IncrementalDecoder:
    """Bytes of tokens → text; a character may come in several tokens."""
    return codecs.getincrementaldecoder("utf-8")(errors="replace")


@dataclass
class Branch:
    """One continuation while it is decoded: its next token, and the position where that belongs."""

    number: int
    token: int
    position: int
    logprob: float
    skipped: int
    """Bytes of the token that the user has typed already."""
    n_decoded: int = 0
    decoder: codecs.IncrementalDecoder = field(default_factory=text_decoder)

    def begin_as(self, decoder: codecs.IncrementalDecoder, n_decoded: int) -> None:
        """Go on behind ``n_decoded`` tokens that all continuations share."""
        self.decoder.setstate(decoder.getstate())
        self.n_decoded = n_decoded


def likeliest(
    logits: NDArray[np.float32], allowed: NDArray[np.intp], is_usable: Callable[[int], bool], n: int
) -> Sequence[int]:
    """At most ``n`` of the ``allowed`` tokens that are usable, the likeliest first, while they are likely enough."""
    n_looked_at = min(8 * n, len(allowed))
    best = allowed[np.argpartition(-logits[allowed], n_looked_at - 1)[:n_looked_at]]
    found: list[int] = []
    for token in map(int, sorted(best, key=lambda token: (-logits[token], token))):
        if found and logits[token] < logits[found[0]] + np.log(LEAST_LIKELY):
            break
        if is_usable(token):
            found.append(token)
        if len(found) == n:
            break
    return found
