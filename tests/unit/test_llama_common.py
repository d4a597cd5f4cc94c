"""How much two prompts share, which decides what is evaluated again."""

from __future__ import annotations

from itertools import takewhile

from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.engine.llama_session import count_common

TOKENS = st.lists(st.integers(0, 1), max_size=12)


@given(TOKENS, TOKENS, TOKENS)
def test_all_tokens_up_to_the_first_that_differs_are_common(
    shared: list[int], left: list[int], right: list[int]
) -> None:
    one, other = [*shared, *left], (*shared, *right)
    assert count_common(one, other) == len(
        list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    )
