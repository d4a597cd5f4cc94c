"""The tiny GGUF files of the tests are real models: llama.cpp loads them, knows their vocabulary, decodes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llama_cpp
import pytest

from tests.support import tiny_gguf


@contextmanager
def loaded(path: Path) -> Iterator[tuple[Any, Any]]:
    """The model of one file and its vocabulary."""
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
    assert model, f"llama.cpp refused {path}"
    try:
        yield model, llama_cpp.llama_model_get_vocab(model)
    finally:
        llama_cpp.llama_model_free(model)


def tokenize(vocab: Any, text: str) -> list[int]:
    raw = text.encode()
    ids = (llama_cpp.llama_token * (len(raw) + 8))()
    n_tokens = llama_cpp.llama_tokenize(vocab, raw, len(raw), ids, len(ids), False, False)
    assert n_tokens >= 0
    return list(ids[:n_tokens])


def piece(vocab: Any, token: int) -> bytes:
    buffer = ctypes.create_string_buffer(64)
    length = llama_cpp.llama_token_to_piece(vocab, token, buffer, len(buffer), 0, True)
    return buffer.raw[:length]


def decode_greedily(model: Any, vocab: Any, tokens: list[int], n_new: int) -> list[int]:
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx, parameters.n_threads, parameters.n_threads_batch = 256, 1, 1
    context = llama_cpp.llama_init_from_model(model, parameters)
    assert context
    n_vocab = llama_cpp.llama_vocab_n_tokens(vocab)
    produced: list[int] = []
    try:
        pending = tokens
        for _ in range(n_new):
            array = (llama_cpp.llama_token * len(pending))(*pending)
            assert llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(array, len(pending))) == 0
            logits = llama_cpp.llama_get_logits_ith(context, -1)[:n_vocab]
            pending = [max(range(n_vocab), key=logits.__getitem__)]
            produced += pending
    finally:
        llama_cpp.llama_free(context)
    return produced


CODE = "def f(value):\n    return value + 'ä🙂'\n"


@pytest.mark.parametrize("kind", ["control", "user_defined"])
def test_bpe_model_loads_tokenises_and_decodes(tmp_path: Path, kind: Any) -> None:
    ids = tiny_gguf.write_bpe_model(tmp_path / "bpe.gguf", sentinel_kind=kind)
    with loaded(tmp_path / "bpe.gguf") as (model, vocab):
        assert llama_cpp.llama_vocab_n_tokens(vocab) == len(ids)
        assert llama_cpp.llama_vocab_fim_pre(vocab) == ids["<|fim_prefix|>"]
        assert llama_cpp.llama_vocab_fim_mid(vocab) == ids["<|fim_middle|>"]
        assert llama_cpp.llama_vocab_fim_sep(vocab) == ids["<|file_sep|>"]
        assert llama_cpp.llama_vocab_is_eog(vocab, ids["<|endoftext|>"])
        tokens = tokenize(vocab, CODE)
        assert ids["def"] in tokens
        assert b"".join(piece(vocab, token) for token in tokens) == CODE.encode()
        first = decode_greedily(model, vocab, tokens, 4)
        assert first == decode_greedily(model, vocab, tokens, 4)
        assert all(0 <= token < len(ids) for token in first)


def test_sentinels_stand_at_the_ids_that_were_asked_for(tmp_path: Path) -> None:
    wanted = {"<fim_prefix>": 1, "<fim_middle>": 2, "<fim_suffix>": 3, "<|endoftext|>": 0, "<file_sep>": 700}
    ids = tiny_gguf.write_bpe_model(tmp_path / "m.gguf", sentinels=wanted, pre="starcoder")
    assert {name: ids[name] for name in wanted} == wanted
    with loaded(tmp_path / "m.gguf") as (model, vocab):
        assert piece(vocab, 700) == b"<file_sep>"
        assert llama_cpp.llama_vocab_fim_pre(vocab) == 1
        assert len(decode_greedily(model, vocab, [1, 300, 3, 2], 2)) == 2


def test_codegemma_model_loads_tokenises_and_decodes(tmp_path: Path) -> None:
    ids = tiny_gguf.write_codegemma_model(tmp_path / "gemma.gguf")
    with loaded(tmp_path / "gemma.gguf") as (model, vocab):
        assert llama_cpp.llama_vocab_bos(vocab) == 2
        assert llama_cpp.llama_vocab_get_add_bos(vocab)
        for name, id_ in tiny_gguf.CODEGEMMA_IDS.items():
            assert ids[name] == id_
        assert [piece(vocab, id_) for id_ in (67, 68, 69, 70)] == [
            b"<|fim_prefix|>",
            b"<|fim_middle|>",
            b"<|fim_suffix|>",
            b"<|file_separator|>",
        ]
        tokens = tokenize(vocab, CODE)
        assert ids["def"] in tokens
        assert ids["<0xF0>"] in tokens
        assert b"".join(piece(vocab, token) for token in tokens) == CODE.encode()
        assert tokenize(vocab, "<|fim_middle|>") != [68]
        assert len(decode_greedily(model, vocab, [2, 67, *tokens, 69, 68], 3)) == 3


def test_codegemma_file_separator_is_not_known_to_llama_cpp(tmp_path: Path) -> None:
    """The trap this layout exists for: whoever relies on llama.cpp's own list runs past the end of the file."""
    tiny_gguf.write_codegemma_model(tmp_path / "gemma.gguf")
    with loaded(tmp_path / "gemma.gguf") as (_, vocab):
        assert llama_cpp.llama_vocab_fim_sep(vocab) == -1
        assert not llama_cpp.llama_vocab_is_eog(vocab, 70)
