"""Texts that end a generation, wherever the borders of its tokens lie."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.engine.stop_texts import StopTexts, before_stop_text
from codeslm_lsp.values import Token


def tokens_of(*texts: str) -> list[Token]:
    return [Token(number, text, -0.5) for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("texts", "stops", "kept"),
    [
        (("a", "b", "c"), (), ("a", "b", "c")),
        (("a", "b", "c"), ("x",), ("a", "b", "c")),
        (("a", "b", "c"), ("b",), ("a",)),
        (("ab", "cd", "e"), ("bc",), ("a",)),
        (("ab", "cd", "e"), ("d",), ("ab", "c")),
        (("ab", "cd", "e"), ("d", "b"), ("a",)),
        (("ab", "cd"), ("abcd",), ()),
        (("a", "", "\n``", "`x"), ("\n```",), ("a",)),
        (("a", "a", "a", "b"), ("aab",), ("a",)),
    ],
)
def test_what_stands_before_it(texts: tuple[str, ...], stops: tuple[str, ...], kept: tuple[str, ...]) -> None:
    assert tuple(token.text for token in before_stop_text(tokens_of(*texts), stops)) == kept


pieces = st.lists(st.text("ab\n", max_size=3), max_size=12)
stops = st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3)


@given(pieces, stops)
def test_it_is_seen_with_the_piece_that_completes_it(texts: list[str], stop_texts: list[str]) -> None:
    watched = StopTexts(stop_texts)
    for number, text in enumerate(texts):
        is_complete = any(stop in "".join(texts[: number + 1]) for stop in stop_texts)
        watched, before = watched.copy(), watched
        assert watched.push(text) == before.push(text) == is_complete
        if is_complete:
            return


@given(pieces, stops)
def test_what_is_kept_is_the_longest_beginning_without_one(texts: list[str], stop_texts: list[str]) -> None:
    kept = "".join(token.text for token in before_stop_text(tokens_of(*texts), stop_texts))
    whole = "".join(texts)
    assert whole.startswith(kept)
    assert not any(stop in kept for stop in stop_texts)
    assert kept == whole or any(whole.startswith(stop, len(kept)) for stop in stop_texts)
