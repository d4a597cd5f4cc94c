"""How much of the time background work may run: when it ran → how long it has to wait now."""

from __future__ import annotations

from collections import deque

WINDOW_S = 30.0
"""Over this long the share is kept: a prompt that is evaluated ahead in one go is not slowed down by a share of a
half, and work that never ends is."""


class Share:
    """A limit over a sliding window. ``share`` may be changed at any time; 1 is no limit. Seconds of any clock."""

    def __init__(self, share: float) -> None:
        self.share = share
        self._spans: deque[tuple[float, float]] = deque()

    def spent(self, start: float, end: float) -> None:
        """Work ran from ``start`` to ``end``; later than what was told before."""
        self._spans.append((start, end))

    def delay_s(self, now: float) -> float:
        """How long nothing may run from ``now`` on; 0 when it may."""
        oldest = now - WINDOW_S
        while self._spans and self._spans[0][1] <= oldest:
            self._spans.popleft()
        if self.share >= 1:
            return 0.0
        excess = sum(end - max(start, oldest) for start, end in self._spans) - self.share * WINDOW_S
        if excess < 0:
            return 0.0
        for start, end in self._spans:  # The oldest leave the window first.
            start = max(start, oldest)
            if end - start > excess:
                return start + excess - oldest
            excess -= end - start
        return WINDOW_S
