"""GGUF metadata → the model's vocabulary: pieces, their types, and the ids of its special tokens. Knows no family."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from codeslm_lsp.models.gguf import Texts
from codeslm_lsp.values import ModelDamaged


class TokenType(enum.IntEnum):
    """``llama_token_type`` in llama.h, as GGUF files store it."""

    UNDEFINED = 0
    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


_SPECIAL = frozenset({TokenType.CONTROL, TokenType.USER_DEFINED, TokenType.UNKNOWN})
_BRACKETED = re.compile(r"<\S+>|\[/?[A-Z_]+\]")
_BEGINS_TEXT = frozenset({"llama3", "llama-v3", "llama-bpe", "falcon3", "tekken"})
"""Pre-tokenizers for which llama.cpp's llama-vocab.cpp adds a beginning-of-text token when the file does not say."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One model's vocabulary. ``tokens[id]`` are pieces as the file spells them (byte-level BPE pieces stay encoded).

    ``model`` is ``tokenizer.ggml.model`` (``"gpt2"``: byte-level BPE; ``"llama"``: SentencePiece), ``pre`` the name of
    its pre-tokenizer. ``end_ids`` end every text. ``adds_space``: its tokenizer puts a space before every text.
    """

    tokens: Sequence[str]
    types: Sequence[int]
    merges: Sequence[str]
    model: str
    pre: str
    bos_id: int | None
    add_bos: bool
    end_ids: frozenset[int]
    adds_space: bool
    _find: Callable[[str], int | None] = field(repr=False)

    @property
    def is_bpe(self) -> bool:
        """Whether it is byte-level BPE: any text is spelled without an unknown token, and merges decide how."""
        return self.model == "gpt2"

    def find(self, piece: str) -> int | None:
        """The id of exactly this piece. For some dozens of pieces: it may look through the whole vocabulary."""
        return self._find(piece)

    def find_special(self, piece: str) -> int | None:
        """The id of exactly this piece if it is a control or user-defined token, not one that ordinary text becomes."""
        token = self._find(piece)
        return token if token is not None and self.types[token] in _SPECIAL else None

    @property
    def marks(self) -> Mapping[str, int]:
        """Pieces that only structure a text, with their ids: control tokens, and user-defined ones in brackets.

        Other user-defined tokens, such as Gemma's runs of line ends, are ordinary text. Looks through all of it.
        """
        return {
            piece: token
            for token, (piece, kind) in enumerate(zip(self.tokens, self.types, strict=True))
            if kind == TokenType.CONTROL or (kind == TokenType.USER_DEFINED and _BRACKETED.fullmatch(piece))
        }


def read_vocabulary(metadata: Mapping[str, Any]) -> Vocabulary:
    """The vocabulary in a GGUF's metadata. Raises ``ModelDamaged`` when there is none, or it contradicts itself."""
    tokens = _texts(metadata.get("tokenizer.ggml.tokens"))
    if not tokens:
        raise ModelDamaged("This GGUF file has no vocabulary; pull the model again with `codeslm models pull NAME`.")
    types = metadata.get("tokenizer.ggml.token_type", (TokenType.NORMAL,) * len(tokens))
    if not isinstance(types, Sequence) or isinstance(types, str) or len(types) != len(tokens):
        raise ModelDamaged(
            "This GGUF file's vocabulary contradicts itself; pull the model again with `codeslm models pull NAME`."
        )
    model = str(metadata.get("tokenizer.ggml.model", ""))
    pre = str(metadata.get("tokenizer.ggml.pre", ""))
    is_sentencepiece = model == "llama"
    add_bos = metadata.get("tokenizer.ggml.add_bos_token", is_sentencepiece or pre in _BEGINS_TEXT)
    ends = (token_id(metadata, f"tokenizer.ggml.{name}_token_id", len(tokens)) for name in ("eos", "eot", "eom"))
    return Vocabulary(
        tokens=tokens,
        types=types,
        merges=_texts(metadata.get("tokenizer.ggml.merges")),
        model=model,
        pre=pre,
        bos_id=token_id(metadata, "tokenizer.ggml.bos_token_id", len(tokens)),
        add_bos=bool(add_bos),
        end_ids=frozenset(end for end in ends if end is not None),
        adds_space=bool(metadata.get("tokenizer.ggml.add_space_prefix", is_sentencepiece)),
        _find=tokens.find if isinstance(tokens, Texts) else {piece: n for n, piece in enumerate(tokens)}.get,
    )


def _texts(value: Any) -> Sequence[str]:
    """A list of strings; empty for what is none. Only what comes from elsewhere than a file is looked through."""
    if isinstance(value, Texts):
        return value
    is_list = (
        isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(each, str) for each in value)
    )
    return value if is_list else ()


def token_id(metadata: Mapping[str, Any], key: str, n_tokens: int) -> int | None:
    """The token id that ``metadata`` gives under ``key``, if it is one."""
    value = metadata.get(key)
    return value if isinstance(value, int) and 0 <= value < n_tokens else None
