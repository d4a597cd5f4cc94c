"""Logits → the token that is said: the likeliest, or one that is drawn.

Nucleus sampling (Holtzman et al., arXiv 1904.09751). Whatever is drawn for one place of a text comes from a random
stream of that place's own, so it is the same after a suspension, and whether or not the logits came from a draft.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FIRST_LOOK = 1024
"""How many of the likeliest tokens are sorted first: they mostly hold the nucleus, and all 151k take ten times as
long to sort."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one continuation is drawn; ``branch`` tells the samples of one request apart. See ``GenerateRequest``."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    branch: int = 0

    def at(self, position: int) -> Draws:
        """What is drawn at one position of the sequence."""
        return Draws(self, position)


class Draws:
    """One place's random stream: asked again, it draws independently of what it drew before."""

    def __init__(self, sampling: Sampling, position: int) -> None:
        self._sampling = sampling
        self._position = position
        self._random: np.random.Generator | None = None

    def choose(self, logits: NDArray[np.float32]) -> int:
        """A token for these logits; never one whose logit is −inf."""
        sampling = self._sampling
        if not sampling.temperature:
            return int(np.argmax(logits))
        if self._random is None:
            self._random = np.random.default_rng([sampling.seed, sampling.branch, self._position])
        return draw(logits, sampling.temperature, sampling.top_p, self._random.random())


def draw(logits: NDArray[np.float32], temperature: float, top_p: float, at: float) -> int:
    """The token at ``at``, 0 <= ``at`` < 1, of the distribution that is described at ``GenerateRequest``."""
    weights = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    if top_p >= 1:
        return _at(weights, at)
    nucleus = _nucleus(weights, top_p)
    return int(nucleus[_at(weights[nucleus], at)])


def _nucleus(weights: NDArray[np.float64], top_p: float) -> NDArray[np.intp]:
    """The fewest tokens that together have at least this share of all, the likeliest first."""
    wanted = top_p * weights.sum()
    order = _sorted(weights, np.argpartition(-weights, FIRST_LOOK)[:FIRST_LOOK]) if len(weights) > FIRST_LOOK else None
    if order is None or weights[order].sum() < wanted:
        order = _sorted(weights, np.arange(len(weights)))
    n_needed = int(np.searchsorted(np.cumsum(weights[order]), wanted)) + 1
    return order[:n_needed]


def _sorted(weights: NDArray[np.float64], tokens: NDArray[np.intp]) -> NDArray[np.intp]:
    return tokens[np.lexsort((tokens, -weights[tokens]))]


def _at(weights: NDArray[np.float64], at: float) -> int:
    """The index at which the sum of the weights passes the share ``at`` of all."""
    sums = np.cumsum(weights)
    index = int(np.searchsorted(sums, at * sums[-1], side="right"))
    return index if index < len(weights) else int(np.argmax(weights))  # The product may be rounded up to the sum.
