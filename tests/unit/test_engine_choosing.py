"""Which token comes next: the likeliest, drawn by chance, and held to a grammar."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.choosing import choose
from codeslm_lsp.engine.protocol import GenerateRequest

PLAIN = GenerateRequest((), (), frozenset(), 1, 1)
LOGITS = np.log(np.array([0.1, 0.6, 0.25, 0.05], dtype=np.float32))


class Only:
    """A grammar that allows some tokens."""

    def __init__(self, *tokens: int) -> None:
        self._tokens = tokens

    def allowed(self, tokens: NDArray[np.int32]) -> NDArray[np.bool_]:
        return np.isin(tokens, self._tokens)

    def accept(self, token: int) -> None:
        raise AssertionError(token)


def drawing(**options: float) -> list[int | None]:
    request = GenerateRequest((), (), frozenset(), 1, 1, **options)  # type: ignore[arg-type]
    return [choose(LOGITS, request, position, None) for position in range(2000)]


def test_without_a_temperature_the_likeliest_is_taken() -> None:
    assert choose(LOGITS, PLAIN, 0, None) == 1


def test_a_grammar_takes_the_likeliest_that_it_allows() -> None:
    assert choose(LOGITS, PLAIN, 0, Only(0, 2)) == 2
    assert choose(LOGITS, PLAIN, 0, Only(3)) == 3
    assert choose(LOGITS, PLAIN, 0, Only()) is None


def test_what_only_the_whole_vocabulary_has_is_found() -> None:
    logits = np.linspace(1, 0, 5000, dtype=np.float32)
    assert choose(logits, PLAIN, 0, Only(4321, 4999)) == 4321


def test_drawing_follows_the_probabilities() -> None:
    counts = Counter(drawing(temperature=1.0))
    assert abs(counts[1] / 2000 - 0.6) < 0.04
    assert abs(counts[2] / 2000 - 0.25) < 0.04


def test_a_low_temperature_is_almost_greedy_and_top_p_leaves_out_the_unlikely() -> None:
    assert Counter(drawing(temperature=0.1))[1] > 1990
    assert set(drawing(temperature=1.0, top_p=0.8)) == {1, 2}


def test_the_same_position_draws_the_same_and_another_seed_something_else() -> None:
    assert drawing(temperature=1.0, seed=1) == drawing(temperature=1.0, seed=1) != drawing(temperature=1.0, seed=2)
