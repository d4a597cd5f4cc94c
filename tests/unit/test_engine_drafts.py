"""Drafts: what followed the same tokens before, as long as it pays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.engine.drafts import MAX_DRAFT, Drafter

PIECES = [b"", *(bytes([byte]) for byte in b"abcdefghijklmnopqrstuvwxyz")]
CHEAP = {1: 1.0, MAX_DRAFT + 1: 1.1}
"""A machine on which many tokens at once cost hardly more than one: all there is is drafted."""


def drafter(text: list[int], costs: dict[int, float] = CHEAP) -> Drafter:
    made = Drafter(PIECES, costs)
    made.begin(text)
    return made


def test_the_latest_occurrence_is_followed() -> None:
    assert drafter([1, 2, 3, 4, 1, 2, 5, 6, 1, 2]).propose(2) == [5, 6]


def test_a_longer_match_goes_before_a_later_one() -> None:
    assert drafter([7, 8, 1, 2, 3, 9, 1, 2, 4, 7, 8, 1, 2]).propose(1) == [3]


def test_nothing_is_drafted_without_a_match() -> None:
    assert drafter([1, 2, 3, 4]).propose(5) == []
    assert drafter([]).propose(5) == []


def test_a_draft_ends_where_another_text_begins() -> None:
    assert drafter([1, 2, 3, 0, 4, 5, 1, 2]).propose(5) == [3]


def test_a_match_does_not_reach_over_a_control_token() -> None:
    assert drafter([1, 0, 2, 3, 1, 2]).propose(5) == []


def test_what_was_written_for_the_last_text_is_drafted_for_the_next() -> None:
    made = drafter([1, 2])
    for token in (11, 12, 13, 14, 15):
        made.push(token)
    made.begin([1, 3])
    made.push(11)
    made.push(12)
    assert made.propose(3) == [13, 14, 15]


def test_a_draft_is_no_longer_than_asked() -> None:
    made = drafter([*range(1, 20), 1, 2])
    assert len(made.propose(4)) == 4
    assert made.propose(0) == []


def test_only_what_pays_is_drafted() -> None:
    """Two tokens for the time of two would be no gain, however sure they are."""
    assert drafter([1, 2, 3, 1, 2], {1: 1.0, 2: 2.0, 16: 16.0}).propose(9) == []
    assert drafter([1, 2, 3, 4, 5, 1, 2], {1: 1.0, 2: 1.1, 3: 9.0, 16: 99.0}).propose(9) == [3]


def test_disappointment_makes_it_careful() -> None:
    costs = {1: 1.0, 2: 1.3, 16: 16.0}
    made = drafter([1, 2, 3, 1, 2], costs)
    assert made.propose(1) == [3]
    for _ in range(30):
        made.begin([1, 2, 3, 1, 2])
        made.propose(1)
        made.push(9)
    made.begin([1, 2, 3, 1, 2])
    assert made.propose(1) == []


def test_it_counts_what_was_right() -> None:
    made = drafter([1, 2, 3, 4, 5, 1, 2])
    assert made.propose(3) == [3, 4, 5]
    for token in (3, 4, 9):
        made.push(token)
    assert (made.n_drafted, made.n_kept) == (3, 2)


@given(st.lists(st.integers(0, 5), max_size=60), st.lists(st.integers(1, 5), max_size=30), st.integers(0, 20))
def test_a_draft_is_text_that_was_there(text: list[int], written: list[int], n_max: int) -> None:
    made = drafter(text)
    for token in written:
        made.push(token)
    guess = made.propose(n_max)
    whole = [*text, *written]
    assert len(guess) <= min(n_max, MAX_DRAFT)
    assert 0 not in guess
    context = whole[-2:]
    if guess:
        window = [*context, *guess]
        assert any(whole[i : i + len(window)] == window for i in range(len(whole)))


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_table_of_one_cost_drafts_nothing(n: int) -> None:
    assert drafter([1, 2, 3, 1, 2] * n, {1: 1.0}).propose(9) == []
