"""User text → tokens that can never be one of the model's sentinels, whatever tokenizer is behind.

Tokenizers told not to parse special tokens still do so in places: llama.cpp matches user-defined tokens in plain text,
and SentencePiece may build a sentinel's piece from its letters. So a sentinel's spelling is cut before tokenising.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol

from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.values import UserText

_GUARD = "\n"
"""Put before a text to take the space that SentencePiece adds. No SentencePiece vocabulary that adds one has a piece in
which a line end is followed by something, so the guard's tokens are the same whatever comes behind it."""


class Spelling(Protocol):
    """What has to be known of a model to write plain text for it: fields of its ``FimFormat`` and ``ChatFormat``."""

    @property
    def spellings(self) -> tuple[str, ...]:
        """Texts that must never become one token when the user wrote them."""

    @property
    def adds_space(self) -> bool:
        """Whether the tokenizer puts a space before every text."""


def split_sentinel_spellings(text: str, spellings: Sequence[str]) -> list[str]:
    """Cut ``text`` behind the first character of every occurrence of a spelling, overlapping ones included.

    >>> split_sentinel_spellings("a<|fim_middle|>b", ["<|fim_middle|>"])
    ['a<', '|fim_middle|>b']
    """
    if not spellings or not any(spelling in text for spelling in spellings):
        return [text]
    found = re.finditer(f"(?={'|'.join(re.escape(spelling) for spelling in spellings)})", text)
    cuts = [0, *(match.start() + 1 for match in found), len(text)]
    return [text[start:end] for start, end in pairwise(cuts)]


def user_text(text: str, model: Spelling) -> UserText:
    """The text as whoever has the model's tokenizer can encode it, by ``encoded``."""
    return UserText(tuple(split_sentinel_spellings(text, model.spellings)), _GUARD if model.adds_space else "")


def encoded(text: UserText, encode: Callable[[str], list[int]]) -> list[int]:
    """What ``encode_user_texts`` gives, by a tokenizer that is at hand."""
    n_guard = len(encode(text.guard)) if text.guard else 0
    return [token for part in text.parts for token in encode(text.guard + part)[n_guard:]]


async def encode_user_texts(tokenizer: Tokenizer, model: Spelling, texts: Sequence[str]) -> list[list[int]]:
    """The tokens of each text, none of them a sentinel, and none for a space that is not in the text.

    Use this for everything that the user wrote: the parts of a prompt, and what was typed behind it.
    """
    parts = [split_sentinel_spellings(text, model.spellings) for text in texts]
    flat = [part for text_parts in parts for part in text_parts]
    if model.adds_space:
        encoded = await tokenizer.encode([_GUARD, *(_GUARD + part for part in flat)])
        n_guard = len(encoded[0])
        tokens = iter([ids[n_guard:] for ids in encoded[1:]])
    else:
        tokens = iter(await tokenizer.encode(flat))
    return [[token for _ in text_parts for token in next(tokens)] for text_parts in parts]
