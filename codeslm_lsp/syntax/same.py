"""Two sequences → how far they are the same from their beginning. Large pieces are compared as wholes."""

from __future__ import annotations

from collections.abc import Callable


def n_same(most: int, are_same: Callable[[int, int], bool]) -> int:
    """The first of ``most`` places at which two sequences differ, found by halving: all is compared about twice."""
    low, high = 0, most
    if are_same(low, high):
        return most
    while high - low > 1:
        middle = (low + high) // 2
        if are_same(low, middle):
            low = middle
        else:
            high = middle
    return low
