"""What one request has produced and cost so far, which outlives its suspension."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from codeslm_lsp.engine.continuation import Continuation
from codeslm_lsp.values import Timings


class Progress:
    """One request, from its beginning to its end. ``continuations`` are empty until it has begun."""

    def __init__(self) -> None:
        self.continuations: list[Continuation] = []
        self.timings = Timings()

    def add(self, part: Timings) -> None:
        """It went on for a while. What was evaluated when it began is what was evaluated when its first part did."""
        before = self.timings
        has_begun = before.n_reused + before.n_prefill > 0
        self.timings = Timings(
            prefill_ms=before.prefill_ms + part.prefill_ms,
            decode_ms=before.decode_ms + part.decode_ms,
            n_prefill=before.n_prefill + part.n_prefill,
            n_reused=before.n_reused if has_begun else part.n_reused,
            n_decode=before.n_decode + part.n_decode,
            n_restored=before.n_restored,
            n_drafted=before.n_drafted + part.n_drafted,
            n_drafts_kept=before.n_drafts_kept + part.n_drafts_kept,
        )

    def restored(self, n_tokens: int) -> None:
        """So many tokens had been read from disk."""
        n_restored = min(self.timings.n_restored + n_tokens, self.timings.n_reused)
        self.timings = replace(self.timings, n_restored=n_restored)


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
        """What it cost, now that it is over."""
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
