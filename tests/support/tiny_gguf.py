"""A few vocabulary entries → a GGUF file of some hundred kilobytes that llama.cpp loads and runs.

The weights are random with a fixed seed: what such a model says is nonsense, but the same nonsense every time. What the
tests use it for is everything around the weights: headers, vocabularies, sentinels, tokenisation and decoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import gguf
import numpy as np

SEED = 20_26

QWEN_SENTINELS = (
    "<|endoftext|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
"""Qwen2.5-Coder's own, for ``write_bpe_model(path, sentinels=QWEN_SENTINELS)``."""

CODEGEMMA_IDS = {
    "<pad>": 0,
    "<eos>": 1,
    "<bos>": 2,
    "<unk>": 3,
    "<|fim_prefix|>": 67,
    "<|fim_middle|>": 68,
    "<|fim_suffix|>": 69,
    "<|file_separator|>": 70,
    "<start_of_turn>": 106,
    "<end_of_turn>": 107,
}
"""Where CodeGemma's tokenizer has its special tokens (its ``tokenizer.json``); ids 4–66 are ``<unusedN>``."""

WORDS = (
    *("    ", "\n", "def", "return", "import", "self", "print"),
    *("for", "in", "range", "if", "else", "value", "result"),
)
"""Words that become one token each, alone and after a space; all other text is spelled out in bytes."""

MetadataValue = str | bool | int | float | Sequence[str] | Sequence[int] | Sequence[float]


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of a vocabulary."""

    text: str
    kind: gguf.TokenType = gguf.TokenType.NORMAL
    score: float = 0.0


def byte_alphabet() -> dict[int, str]:
    """The printable character that stands for each byte in byte-level BPE (GPT-2's ``bytes_to_unicode``)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def write_bpe_model(
    path: Path,
    *,
    sentinels: Mapping[str, int] | Sequence[str] = QWEN_SENTINELS,
    extra_metadata: Mapping[str, MetadataValue] | None = None,
    pre: str = "qwen2",
    sentinel_kind: Literal["control", "user_defined"] = "control",
    words: Iterable[str] = WORDS,
    n_embd: int = 64,
) -> dict[str, int]:
    """Write a one-layer ``qwen2`` model with a byte-level BPE vocabulary; returns its token texts and their ids.

    ``sentinels`` as a mapping puts each special token at that id and the other tokens around them; as a sequence,
    behind all others in that order. ``<|endoftext|>``, the end-of-generation token, is added at the end when it is not
    among them. ``extra_metadata`` overrides or adds header entries.
    """
    names = list(sentinels)
    if "<|endoftext|>" not in names:
        names.append("<|endoftext|>")
    kind = gguf.TokenType.CONTROL if sentinel_kind == "control" else gguf.TokenType.USER_DEFINED
    texts, merges = _bpe_pieces(words)
    fixed = dict(sentinels) if isinstance(sentinels, Mapping) else {}
    pieces = _lay_out(
        fixed={id_: Piece(name, kind) for name, id_ in fixed.items()},
        rest=[Piece(text) for text in texts] + [Piece(name, kind) for name in names if name not in fixed],
    )
    ids = {piece.text: id_ for id_, piece in enumerate(pieces)}
    metadata: dict[str, MetadataValue] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.eos_token_id": ids["<|endoftext|>"],
        "tokenizer.ggml.add_bos_token": False,
    }
    _write(path, "qwen2", pieces, metadata | dict(extra_metadata or {}), n_embd=n_embd, with_scores=False)
    return ids


def write_codegemma_model(
    path: Path,
    *,
    extra_metadata: Mapping[str, MetadataValue] | None = None,
    words: Iterable[str] = WORDS,
    n_embd: int = 64,
) -> dict[str, int]:
    """Write a one-layer ``gemma`` model with a SentencePiece vocabulary laid out as CodeGemma's; returns texts and ids.

    Its GGUF names no FIM token, ``<|file_separator|>`` included: llama.cpp finds them by their text or not at all.
    """
    control, byte = gguf.TokenType.CONTROL, gguf.TokenType.BYTE
    fixed = {id_: Piece(name, control) for name, id_ in CODEGEMMA_IDS.items()}
    fixed[CODEGEMMA_IDS["<unk>"]] = Piece("<unk>", gguf.TokenType.UNKNOWN)
    unused = {id_: Piece(f"<unused{id_ - 4}>", control) for id_ in range(4, 67)}
    rest = [Piece(f"<0x{value:02X}>", byte) for value in range(256)]
    rest += [Piece(text, score=-float(rank)) for rank, text in enumerate(_sentencepiece_texts(words))]
    pieces = _lay_out(fixed=fixed | unused, rest=rest)
    metadata: dict[str, MetadataValue] = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.bos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 3,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": False,
    }
    _write(path, "gemma", pieces, metadata | dict(extra_metadata or {}), n_embd=n_embd, with_scores=True)
    return {piece.text: id_ for id_, piece in enumerate(pieces)}


def _with_space_before(words: Iterable[str]) -> list[str]:
    return [variant for word in words for variant in (word, " " + word)]


def _bpe_pieces(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Byte tokens, the pieces that spell ``words`` from left to right, and the merges that make them."""
    alphabet = byte_alphabet()
    texts = [alphabet[byte] for byte in range(256)]
    merges: list[str] = []
    for word in _with_space_before(words):
        spelled = "".join(alphabet[byte] for byte in word.encode())
        for end in range(2, len(spelled) + 1):
            if spelled[:end] not in texts:
                texts.append(spelled[:end])
                merges.append(f"{spelled[: end - 1]} {spelled[end - 1]}")
    return texts, merges


def _sentencepiece_texts(words: Iterable[str]) -> list[str]:
    """Best score first: the beginnings of ``words`` (longer ones can only be built from shorter ones), then ASCII."""
    spelled = [word.replace(" ", "▁") for word in _with_space_before(words)]
    beginnings = [word[:end] for word in spelled for end in range(2, len(word) + 1)]
    characters = ["▁", "\n", "\t", *(chr(code) for code in range(33, 127))]
    return list(dict.fromkeys([*beginnings, *characters]))


def _lay_out(*, fixed: Mapping[int, Piece], rest: Iterable[Piece]) -> list[Piece]:
    """Pieces at their fixed ids with the others in the gaps; what is still empty becomes an unused token."""
    waiting = list(rest)
    pieces: list[Piece] = []
    while waiting or len(pieces) <= max(fixed, default=-1):
        id_ = len(pieces)
        if id_ in fixed:
            pieces.append(fixed[id_])
        elif waiting:
            pieces.append(waiting.pop(0))
        else:
            pieces.append(Piece(f"[PAD{id_}]", gguf.TokenType.UNUSED))
    return pieces


def _write(
    path: Path,
    architecture: str,
    pieces: Sequence[Piece],
    metadata: Mapping[str, MetadataValue],
    *,
    n_embd: int,
    with_scores: bool,
) -> None:
    n_head, n_ff = 2, 2 * n_embd
    shape: dict[str, MetadataValue] = {
        "general.name": f"tiny {architecture} of random weights",
        f"{architecture}.context_length": 2048,
        f"{architecture}.embedding_length": n_embd,
        f"{architecture}.block_count": 1,
        f"{architecture}.feed_forward_length": n_ff,
        f"{architecture}.attention.head_count": n_head,
        f"{architecture}.attention.head_count_kv": n_head,
        f"{architecture}.attention.key_length": n_embd // n_head,
        f"{architecture}.attention.value_length": n_embd // n_head,
        f"{architecture}.attention.layer_norm_rms_epsilon": 1e-6,
        f"{architecture}.rope.freq_base": 10_000.0,
        "tokenizer.ggml.tokens": [piece.text for piece in pieces],
        "tokenizer.ggml.token_type": [int(piece.kind) for piece in pieces],
    }
    if with_scores:
        shape["tokenizer.ggml.scores"] = [piece.score for piece in pieces]
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in (shape | dict(metadata)).items():
        _add(writer, key, value)
    for name, dimensions in _tensors(architecture, len(pieces), n_embd, n_ff).items():
        writer.add_tensor(name, _weights(name, dimensions))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add(writer: gguf.GGUFWriter, key: str, value: MetadataValue) -> None:
    if isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_array(key, value)


def _tensors(architecture: str, n_vocab: int, n_embd: int, n_ff: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes (rows first, as in numpy) of a one-layer model; Gemma's output is its embedding."""
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (n_vocab, n_embd), "output_norm.weight": (n_embd,)}
    for letter in "qkv":
        shapes[f"blk.0.attn_{letter}.weight"] = (n_embd, n_embd)
    shapes |= {
        "blk.0.attn_norm.weight": (n_embd,),
        "blk.0.attn_output.weight": (n_embd, n_embd),
        "blk.0.ffn_norm.weight": (n_embd,),
        "blk.0.ffn_gate.weight": (n_ff, n_embd),
        "blk.0.ffn_up.weight": (n_ff, n_embd),
        "blk.0.ffn_down.weight": (n_embd, n_ff),
    }
    if architecture == "qwen2":
        shapes["output.weight"] = (n_vocab, n_embd)
        shapes |= {f"blk.0.attn_{letter}.bias": (n_embd,) for letter in "qkv"}
    return shapes


def _weights(name: str, dimensions: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Random values that depend on the name only, so that a larger vocabulary leaves the layers as they were."""
    if name.endswith("norm.weight"):
        return np.ones(dimensions, dtype=np.float32)
    random = np.random.default_rng([SEED, *name.encode()])
    return random.standard_normal(dimensions, dtype=np.float32) / np.float32(np.sqrt(dimensions[-1]))
