"""What is drawn from logits: with the right frequency, and the same again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from codeslm_lsp.engine.sampling import Sampling, draw


def logits_of(*probabilities: float) -> NDArray[np.float32]:
    with np.errstate(divide="ignore"):
        return np.log(np.array(probabilities, dtype=np.float32))


EVENLY = (np.arange(10_000) + 0.5) / 10_000


@pytest.mark.parametrize(
    ("temperature", "top_p", "expected"),
    [
        (1.0, 1.0, (0.5, 0.1, 0.1, 0.3)),
        (1.0, 0.8, (0.625, 0, 0, 0.375)),
        (1.0, 0.81, (5 / 9, 1 / 9, 0, 3 / 9)),  # Of two that are as likely the first is in the nucleus.
        (1.0, 0.5, (1, 0, 0, 0)),
        (1.0, 0.01, (1, 0, 0, 0)),
        (0.5, 1.0, (25 / 36, 1 / 36, 1 / 36, 9 / 36)),
        (1e-9, 1.0, (1, 0, 0, 0)),
        (1e9, 1.0, (0.25, 0.25, 0.25, 0.25)),
    ],
)
def test_tokens_come_as_often_as_they_should(temperature: float, top_p: float, expected: tuple[float, ...]) -> None:
    logits = logits_of(0.5, 0.1, 0.1, 0.3)
    counts = np.bincount([draw(logits, temperature, top_p, at) for at in EVENLY], minlength=4)
    assert counts / len(EVENLY) == pytest.approx(expected, abs=2e-4)


def test_a_large_vocabulary_has_the_same_nucleus_as_a_sorted_one() -> None:
    """However flat: also where it does not lie within the tokens that are looked at first."""
    for scale in (0.01, 1.0, 5.0):
        logits = (np.random.default_rng(1).standard_normal(5000) * scale).astype(np.float32)
        weights = np.exp(logits.astype(np.float64))
        order = np.argsort(-logits, kind="stable")
        n_needed = int(np.searchsorted(np.cumsum(weights[order]), 0.7 * weights.sum())) + 1
        drawn = {draw(logits, 1.0, 0.7, at) for at in EVENLY[::20]}
        assert drawn <= set(order[:n_needed].tolist())
        assert draw(logits, 1.0, 0.7, 0.0) == order[0]
        assert draw(logits, 1.0, 0.7, math.nextafter(1, 0)) == order[n_needed - 1]


@given(
    st.lists(st.one_of(st.just(-math.inf), st.floats(-50, 50, width=32)), min_size=1, max_size=50),
    st.floats(1e-3, 100),
    st.floats(0.001, 1.0),
    st.floats(0, 1, exclude_max=True),
)
def test_what_is_masked_is_never_drawn(logits: list[float], temperature: float, top_p: float, at: float) -> None:
    if not any(map(math.isfinite, logits)):
        logits[0] = 0.0
    assert math.isfinite(logits[draw(np.array(logits, dtype=np.float32), temperature, top_p, at)])


def test_the_same_place_draws_the_same_and_other_places_something_else() -> None:
    flat = np.zeros(1000, dtype=np.float32)

    def drawn(seed: int = 0, branch: int = 0) -> list[int]:
        return [Sampling(1.0, 1.0, seed, branch).at(position).choose(flat) for position in range(20)]

    assert drawn() == drawn()
    assert len(set(drawn())) > 10
    assert drawn() != drawn(seed=1) != drawn(branch=1) != drawn()


def test_one_place_asked_again_draws_independently() -> None:
    """Else what a grammar refuses would decide what is drawn instead."""
    flat = np.zeros(2, dtype=np.float32)
    draws = [Sampling(1.0, 1.0, seed).at(0) for seed in range(2000)]
    pairs = [(each.choose(flat), each.choose(flat)) for each in draws]
    assert np.mean([first == second for first, second in pairs]) == pytest.approx(0.5, abs=0.05)


def test_without_a_temperature_the_likeliest_is_taken() -> None:
    assert Sampling(seed=7).at(3).choose(logits_of(0.2, 0.5, 0.3)) == 1
