"""Which of several continuations is offered first."""

from __future__ import annotations

import pytest

from codeslm_lsp.completion.several import in_order
from codeslm_lsp.values import Extent, Generation, StopReason, Timings, Token


def tokens(text: str, logprob: float, branch: int) -> tuple[Token, ...]:
    return tuple(Token(0, character, logprob, branch) for character in text)


def first(ended: dict[int, float], stop: StopReason, extent: Extent = Extent.SPAN) -> tuple[str, StopReason]:
    said = tokens("one", -0.5, 0)
    generation = Generation("one", said, stop, Timings(), (tokens("two", -0.1, 1), tokens("four", -1, 2)), ended)
    [offered, *beside] = in_order(generation, extent)
    assert {offered.text, *(each.text for each in beside)} == {"one", "two", "four"}
    return offered.text, offered.stop


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        ({0: -0.1, 1: -0.1, 2: -0.1}, "two"),
        ({0: -0.1, 1: -9.0}, "one"),  # That it ends there is as unlikely as a word that does not belong.
        ({1: -9.0}, "two"),  # What does not end never comes to what stands behind the cursor.
        ({2: -0.1}, "four"),
        ({0: -0.1}, "one"),
        ({}, "one"),
    ],
)
def test_before_text_the_likeliest_that_ends_there_is_offered(ended: dict[int, float], expected: str) -> None:
    text, stop = first(ended, StopReason.MAX_TOKENS)
    assert (text, stop) == (expected, StopReason.END if ended else StopReason.MAX_TOKENS)


def test_elsewhere_it_is_what_the_model_says_by_itself() -> None:
    assert first({1: -0.1}, StopReason.MAX_TOKENS, Extent.BLOCK) == ("one", StopReason.MAX_TOKENS)


def test_what_reached_the_text_behind_the_cursor_has_ended_there_too() -> None:
    assert first({1: -0.1}, StopReason.END) == ("one", StopReason.END)
