"""When tiktoken may stand in for the model's own tokenizer, and when not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from codeslm_lsp.prompt.bpe import byte_of_character, byte_pairs
from codeslm_lsp.prompt.tokenizer import exact_tokenizer
from codeslm_lsp.prompt.vocabulary import Vocabulary, read_vocabulary

BYTES = list(byte_of_character())


def vocabulary(merges: Sequence[str], *, pre: str = "qwen2", first: Sequence[str] = (), **changes: Any) -> Vocabulary:
    tokens = [*first, *BYTES, *(merge.replace(" ", "") for merge in merges)]
    return read_vocabulary(
        {
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.pre": pre,
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.merges": merges,
            **changes,
        }
    )


def without(tokens: Sequence[str], merges: Sequence[str]) -> Vocabulary:
    changes: dict[str, Any] = {"tokenizer.ggml.tokens": tokens}
    return vocabulary(merges, **changes)


def test_merges_are_applied_in_their_order() -> None:
    tokenizer = exact_tokenizer(vocabulary(["b c", "a b", "Ġ a"]))
    assert tokenizer is not None
    ids = {piece: token for token, piece in enumerate([*BYTES, "bc", "ab", "Ġa"])}
    assert tokenizer.encode_text("abc") == [ids["a"], ids["bc"]]
    assert tokenizer.encode_text("ab a") == [ids["ab"], ids["Ġa"]]
    assert tokenizer.encode_text("\r\n") == [ids["č"], ids["Ċ"]]


def test_ids_need_not_be_ranks() -> None:
    tokenizer = exact_tokenizer(vocabulary(["a b"], first=["<s>", "<unk>"]))
    assert tokenizer is not None
    assert tokenizer.encode_text("ab!") == [2 + 256, 2]


@pytest.mark.parametrize(
    "merges",
    [
        # "ab" is merged before "bc" can be, so the bytes of "abc" never become the token "abc".
        ["a b", "b c", "a bc"],
        # "a" and "aa" never meet: of three, the left two merge.
        ["a a", "a aa"],
        # A rule that needs what is only made later.
        ["ab c", "a b"],
        # The same token by two rules.
        ["a b", "b c", "ab c", "a bc"],
    ],
)
def test_rules_that_ranks_cannot_express_are_refused(merges: list[str]) -> None:
    tokens = list(dict.fromkeys(merge.replace(" ", "") for merge in merges))
    changed: dict[str, Any] = {"tokenizer.ggml.tokens": [*BYTES, *tokens]}
    assert byte_pairs(vocabulary(merges, **changed)) is None


def test_a_vocabulary_without_a_byte_or_a_merged_token_is_refused() -> None:
    assert exact_tokenizer(without(BYTES[1:], [])) is None
    assert exact_tokenizer(without(BYTES, ["a b"])) is None


def test_other_tokenizers_are_left_to_the_engine() -> None:
    assert exact_tokenizer(vocabulary([], pre="deepseek-coder")) is None
    assert exact_tokenizer(vocabulary([], pre="something-new")) is None
    assert exact_tokenizer(vocabulary([], **{"tokenizer.ggml.model": "llama"})) is None


def test_words_that_no_merge_makes_matter_where_words_are_looked_up_first() -> None:
    with_word: dict[str, Any] = {"tokenizer.ggml.tokens": [*BYTES, "word"]}
    assert exact_tokenizer(vocabulary([], pre="llama-bpe", **with_word)) is None
    assert exact_tokenizer(vocabulary([], pre="qwen2", **with_word)) is not None


async def test_any_text_is_encoded() -> None:
    tokenizer = exact_tokenizer(vocabulary([]))
    assert tokenizer is not None
    texts = ["", "\ud800", " " * 1_200_000, "\x00\xff", "👩‍💻", "<|endoftext|>"]
    encoded = await tokenizer.encode(texts)
    assert [len(tokens) for tokens in encoded] == [0, 1, 1_200_000, 3, 11, 13]
