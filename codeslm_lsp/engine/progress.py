"""What one request has produced and cost so far, which outlives its suspension."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from codeslm_lsp.engine.continuation import Continuation
from codeslm_lsp.values import Timings


class Progress:
    """One request, from its beginning to its end. ``continuations`` are empty until it has begun."""

    def __init__(self) -> None:
        self.continuations: list[Continuation] = []
        self._over = Timings()
        self._n_restored = 0
        self._now: Callable[[], Timings] | None = None

    @property
    def timings(self) -> Timings:
        """What it has cost so far. May be read by any thread, while the request runs."""
        now = self._now
        timings = _after(self._over, now()) if now is not None else self._over
        return replace(timings, n_restored=min(self._n_restored, timings.n_reused))

    def begin(self, now: Callable[[], Timings]) -> None:
        """It goes on for a while, which has cost ``now()``."""
        self._now = now

    def end(self) -> None:
        """It is over, or suspended."""
        assert self._now is not None
        part, self._now = self._now(), None
        self._over = _after(self._over, part)

    def restored(self, n_tokens: int) -> None:
        """So many tokens were read from disk for it."""
        self._n_restored += n_tokens


def _after(before: Timings, part: Timings) -> Timings:
    """Both together. What was evaluated when it began is what was evaluated when its first part did."""
    has_begun = before.n_reused + before.n_prefill > 0
    return Timings(
        prefill_ms=before.prefill_ms + part.prefill_ms,
        decode_ms=before.decode_ms + part.decode_ms,
        n_prefill=before.n_prefill + part.n_prefill,
        n_reused=before.n_reused if has_begun else part.n_reused,
        n_decode=before.n_decode + part.n_decode,
        n_drafted=before.n_drafted + part.n_drafted,
        n_drafts_kept=before.n_drafts_kept + part.n_drafts_kept,
    )


@dataclass
class Part:
    """What a request does while it is not suspended."""

    started: float = field(default_factory=time.perf_counter)
    prefill_ms: float = 0.0
    n_prefill: int = 0
    n_reused: int = 0
    n_decode: int = 0
    """Tokens of the first branch that reach beyond the typed text."""

    def prefilled(self) -> None:
        """From now on tokens are produced."""
        self.prefill_ms = (time.perf_counter() - self.started) * 1000

    def timings(self, n_drafted: int, n_drafts_kept: int) -> Timings:
        """What it has cost so far."""
        total_ms = (time.perf_counter() - self.started) * 1000
        return Timings(
            prefill_ms=self.prefill_ms or total_ms,
            decode_ms=total_ms - self.prefill_ms if self.prefill_ms else 0.0,
            n_prefill=self.n_prefill,
            n_reused=self.n_reused,
            n_decode=self.n_decode,
            n_drafted=n_drafted,
            n_drafts_kept=n_drafts_kept,
        )
