"""Text → token ids, to build prompts with: by tiktoken where that is exact (in the engine), else by llama.cpp."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tiktoken

from codeslm_lsp.prompt.bpe import BytePairs, as_tokens, byte_pairs, has_unmerged_words
from codeslm_lsp.prompt.pre_tokenizers import EXPRESSIONS, WHOLE_WORDS_FIRST
from codeslm_lsp.prompt.vocabulary import Vocabulary

_MAX_CHARACTERS = 100_000
"""Longer texts are encoded in parts: tiktoken's regular expressions overflow their stack on a million spaces."""


class Tokenizer(Protocol):
    """Something that encodes user text. ``engine.Engine`` is one too."""

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text. Special tokens are never parsed: their spelling is ordinary text."""


class TiktokenTokenizer:
    """The model's own byte-level BPE, run by tiktoken in this process."""

    def __init__(self, expression: str, pairs: BytePairs) -> None:
        self._pairs = pairs
        self._is_identity = pairs.ids == tuple(range(len(pairs.ids)))
        self._encoding = tiktoken.Encoding("gguf", pat_str=expression, mergeable_ranks=pairs.ranks, special_tokens={})

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without a thread: a prompt's worth takes a few milliseconds."""
        return [self.encode_text(text) for text in texts]

    def encode_text(self, text: str) -> list[int]:
        """The tokens of one text. Lone surrogates become question marks, as in the engine."""
        clean = text.encode("utf-8", errors="replace").decode("utf-8")
        ranks: list[int] = []
        for start in range(0, len(clean), _MAX_CHARACTERS):
            ranks += self._encoding.encode_ordinary(clean[start : start + _MAX_CHARACTERS])
        return ranks if self._is_identity else as_tokens(ranks, self._pairs)


def exact_tokenizer(vocabulary: Vocabulary) -> TiktokenTokenizer | None:
    """A tokenizer that gives the same tokens as llama.cpp's; ``None`` when it is not known to.

    Takes most of a second of CPU time for 150,000 tokens: not on an event loop.
    """
    expression = EXPRESSIONS.get(vocabulary.pre)
    if not vocabulary.is_bpe or expression is None:
        return None
    pairs = byte_pairs(vocabulary)
    if pairs is None or (vocabulary.pre in WHOLE_WORDS_FIRST and has_unmerged_words(vocabulary, pairs)):
        return None
    return TiktokenTokenizer(expression, pairs)
