"""The candidates of the byte trie against their definition, over every kind of vocabulary."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from codeslm_lsp.engine.healing import ByteTrie

BYTES = st.sampled_from([0x00, ord("a"), ord("b"), 0xC3, 0xFE, 0xFF])
"""Few, so that pieces often agree; those at both ends of the order among them."""


def strings(max_size: int, min_size: int = 0) -> st.SearchStrategy[bytes]:
    return st.lists(BYTES, min_size=min_size, max_size=max_size).map(bytes)


def agreeing(pieces: list[bytes], remaining: bytes) -> list[int]:
    """The definition: every token that has bytes, and whose bytes agree with ``remaining`` as far as both go."""
    return [
        token
        for token, piece in enumerate(pieces)
        if piece and (piece.startswith(remaining) or remaining.startswith(piece))
    ]


@given(st.lists(strings(4), max_size=40), strings(6, min_size=1))
@example([b"\xff", b"\xff\xff", b"\xff\xff\x00", b"\xfe"], b"\xff\xff")
@example([b"a", b"", b"a", b"ab", b"ab", b""], b"a")
@example([], b"a")
def test_candidates(pieces: list[bytes], remaining: bytes) -> None:
    found = ByteTrie(pieces).candidates(remaining).tolist()
    assert sorted(found) == agreeing(pieces, remaining)


@given(st.lists(strings(8), min_size=1, max_size=300), st.data())
def test_candidates_for_what_the_vocabulary_has(pieces: list[bytes], data: st.DataObject) -> None:
    """The typed bytes are made of pieces, as they are in life: the first of them is always a candidate."""
    typed = data.draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=3))
    remaining = b"".join(typed)
    if remaining:
        found = ByteTrie(pieces).candidates(remaining).tolist()
        assert sorted(found) == agreeing(pieces, remaining)
        assert pieces.index(next(piece for piece in typed if piece)) in found


@pytest.mark.parametrize(
    ("remaining", "expected"),
    [
        (b"re", {b"r", b"re", b"return", b"ret"}),
        (b"retu", {b"r", b"re", b"ret", b"return"}),
        (b"returned", {b"r", b"re", b"ret", b"return"}),
        (b"x", set()),
        (b"\xe2\x82", {b"\xe2", b"\xe2\x82\xac"}),
    ],
)
def test_a_vocabulary_of_words(remaining: bytes, expected: set[bytes]) -> None:
    pieces = [b"r", b"", b"return", b"s", b"re", b"ret", b"\xe2\x82\xac", b"\xe2", b"a", b""]
    found = ByteTrie(pieces).candidates(remaining)
    assert {pieces[token] for token in found} == expected
