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


def difference(old: str, new: str) -> tuple[int, int, int]:
    """Where two texts differ, in code points: ``(start, end in old, end in new)``."""
    shorter = min(len(old), len(new))
    start = n_same(shorter, lambda low, high: old[low:high] == new[low:high])
    n_old, n_new = len(old), len(new)
    same = n_same(shorter - start, lambda low, high: old[n_old - high : n_old - low] == new[n_new - high : n_new - low])
    return start, n_old - same, n_new - same
