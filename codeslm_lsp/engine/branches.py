"""Logits → the tokens with which several different continuations begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_LIKELY = 0.02
"""An alternative whose first token is less likely than this share of the best one's is not worth anybody's time."""


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
