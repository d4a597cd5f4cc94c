"""A grammar and logits → the token that is said next, among those that the grammar allows there.

The model is asked first: what it wants is mostly allowed, and testing one token takes 10 µs. All 151k of a vocabulary
take 20 to 70 ms, so the likeliest are tested first.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.sampling import Draws

BLOCKS = (64, 1024)
"""How many of the likeliest tokens are tested together (0.05 and 0.2 ms), before all are."""


class Grammar(Protocol):
    """What has been produced so far, as a grammar sees it."""

    def allowed(self, tokens: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of these tokens may come next; said only of tokens that stand for text."""

    def is_complete(self) -> bool:
        """Whether the text may end here."""

    def accept(self, token: int) -> None:
        """It came next. It has to be allowed."""


class Constraint:
    """A grammar over one vocabulary. ``is_over[token]``: with this token the model ends its text."""

    def __init__(self, grammar: Grammar, is_over: NDArray[np.bool_], single_bytes: NDArray[np.intp]) -> None:
        self._grammar = grammar
        self._is_over = is_over
        self._single_bytes = single_bytes

    def choose(self, logits: NDArray[np.float32], draws: Draws) -> int | None:
        """What is said next, if the text ends there a token that says so; None when nothing is allowed.

        What is drawn is distributed as the model's choice is among the allowed tokens of the first block that has any.
        """
        token = draws.choose(logits)
        if self._allowed(np.array([token]))[0]:
            return token
        for n_tested in BLOCKS:
            if n_tested < len(logits):
                likeliest = np.argpartition(-logits, n_tested)[:n_tested]
                if (chosen := self._choose_among(likeliest, logits, draws)) is not None:
                    return chosen
        return self._choose_among(np.arange(len(logits)), logits, draws)

    def accept(self, token: int) -> None:
        """The token was said."""
        self._grammar.accept(token)

    def is_finished(self) -> bool:
        """Whether nothing can follow any more: the text may end, and has to.

        Every text begins with a byte, and a vocabulary has all single bytes as tokens.
        """
        return self._grammar.is_complete() and not self._grammar.allowed(self._single_bytes).any()

    def _choose_among(self, tokens: NDArray[np.intp], logits: NDArray[np.float32], draws: Draws) -> int | None:
        allowed = tokens[self._allowed(tokens)]
        if not len(allowed):
            return None
        masked = np.full_like(logits, -np.inf)
        masked[allowed] = logits[allowed]
        return draws.choose(masked)

    def _allowed(self, tokens: NDArray[np.intp]) -> NDArray[np.bool_]:
        return np.where(self._is_over[tokens], self._grammar.is_complete(), self._grammar.allowed(tokens))
