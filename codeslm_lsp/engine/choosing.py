"""Logits → the next token: the likeliest, or one drawn by chance, among those that a grammar allows."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.protocol import GenerateRequest

N_LIKELIEST = 64
"""Only these are drawn from, and asked of a grammar first. What is less likely has a chance of some thousandths in all,
and a grammar takes 20 to 100 ms for a whole vocabulary."""


class Grammar(Protocol):
    """What a text that is being produced may go on with."""

    def allowed(self, tokens: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these tokens may come next; one that ends the text only where it may end."""

    def accept(self, token: int) -> None:
        """This one came. It has to be allowed."""


def choose(logits: NDArray[np.float32], request: GenerateRequest, position: int, grammar: Grammar | None) -> int | None:
    """The token at ``position``; ``None`` where the grammar allows nothing that the model's vocabulary has.

    The same request draws the same token at the same position, so that an interruption changes nothing.
    """
    if request.temperature <= 0:
        token = int(np.argmax(logits))
        if grammar is None or grammar.allowed(np.array([token], dtype=np.int32))[0]:
            return token
    n = min(N_LIKELIEST, len(logits))
    candidates = _sorted(np.argpartition(logits, -n)[-n:].astype(np.int32), logits)
    if grammar is not None:
        may_come = candidates[grammar.allowed(candidates)]
        if not len(may_come):
            everything = np.arange(len(logits), dtype=np.int32)
            may_come = everything[grammar.allowed(everything)]
            may_come = _sorted(may_come, logits)
        if not len(may_come):
            return None
        candidates = may_come
    if request.temperature <= 0:
        return int(candidates[0])
    return _drawn(candidates, logits[candidates], request, position)


def _sorted(tokens: NDArray[np.int32], logits: NDArray[np.float32]) -> NDArray[np.int32]:
    """The likeliest first."""
    order = np.argsort(-logits[tokens], kind="stable")
    return np.asarray(tokens[order], dtype=np.int32)


def _drawn(tokens: NDArray[np.int32], logits: NDArray[np.float32], request: GenerateRequest, position: int) -> int:
    """One of ``tokens``, likeliest first: those that make up ``top_p`` of the probability, at the temperature."""
    weights = np.exp((logits - logits[0]).astype(np.float64) / request.temperature)
    weights /= weights.sum()
    n_kept = int(np.searchsorted(np.cumsum(weights), request.top_p)) + 1
    weights = weights[:n_kept] / weights[:n_kept].sum()
    stream = np.random.default_rng((request.seed, position))
    return int(tokens[stream.choice(len(weights), p=weights)])
