"""``TiktokenTokenizer`` gives token for token what llama.cpp gives, on a real model's vocabulary."""

from __future__ import annotations

import ctypes
import sysconfig
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import llama_cpp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.prompt.bpe import byte_of_character
from codeslm_lsp.prompt.pre_tokenizers import EXPRESSIONS
from codeslm_lsp.prompt.tokenizer import TiktokenTokenizer, exact_tokenizer
from codeslm_lsp.prompt.vocabulary import TokenType, Vocabulary, read_vocabulary

DATA = Path(__file__).parents[1] / "data"
ONE_OF_EACH = ("qwen2", "llama-bpe", "gpt-2", "starcoder", "seed-coder")
"""One name for every expression; all are tried on the same vocabulary, which llama.cpp is told to split so."""

FRAGMENTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "def ",
                "return",
                "    ",
                "\t",
                "\n",
                "\r\n",
                "\r",
                "\n\n\n",
                " ",
                "  ",
                "'s",
                "'LL",
                "'",
                "’s",
                "0",
                "1234567",
                "==",
            ]
        ),
        st.sampled_from(
            ["();", "{}", "<|endoftext|>", "<|fim_middle|>", "中文", "かな", "한국", "é", "é", "👩‍💻", "🇩🇪", "ﬀ"]
        ),
        st.sampled_from(
            [
                "\u00a0",
                "\u2028",
                "\u0085",
                "\u200b",
                "\ufeff",
                "\x00",
                "\x1c",
                "\x1f",
                "\x0b",
                "\x0c",
                "\u3000",
                "²",
                "Ⅷ",
            ]
        ),
        st.text(max_size=6),
    ),
    max_size=40,
).map("".join)


class Both:
    """Both tokenizers of one model, with one pre-tokenizer."""

    def __init__(self, path: Path, vocabulary: Vocabulary, pre: str) -> None:
        found = exact_tokenizer(replace(vocabulary, pre=pre))
        assert found is not None
        self.tiktoken: TiktokenTokenizer = found
        overrides = (llama_cpp.llama_model_kv_override * 2)()
        overrides[0].tag = llama_cpp.LLAMA_KV_OVERRIDE_TYPE_STR
        overrides[0].key = b"tokenizer.ggml.pre"
        value: Any = overrides[0].value
        ctypes.memmove(ctypes.addressof(value), pre.encode() + b"\0", len(pre) + 1)
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = True
        params.kv_overrides = overrides
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        self.vocab: Any = llama_cpp.llama_model_get_vocab(self.model)

    def check(self, text: str) -> None:
        data = text.encode("utf-8", errors="replace")
        buffer = (llama_cpp.llama_token * (len(data) + 8))()
        count = llama_cpp.llama_tokenize(self.vocab, data, len(data), buffer, len(buffer), False, False)
        expected = list(buffer[:count])
        found = self.tiktoken.encode_text(text)
        if found != expected:
            at = next((n for n, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other), -1)
            pytest.fail(f"token {at}: {found[at : at + 5]} for {expected[at : at + 5]} in {text[:200]!r}")


@pytest.fixture(scope="module")
def vocabulary(small_model: Path) -> Vocabulary:
    return read_vocabulary(read_header(small_model).metadata)


@pytest.fixture(scope="module")
def real(small_model: Path, vocabulary: Vocabulary) -> Iterator[Both]:
    both = Both(small_model, vocabulary, "qwen2")
    yield both
    llama_cpp.llama_model_free(both.model)


@pytest.fixture(scope="module", params=ONE_OF_EACH)
def each(request: pytest.FixtureRequest, small_model: Path, vocabulary: Vocabulary) -> Iterator[Both]:
    both = Both(small_model, vocabulary, request.param)
    yield both
    llama_cpp.llama_model_free(both.model)


def test_every_expression_is_tried() -> None:
    assert {EXPRESSIONS[name] for name in ONE_OF_EACH} == set(EXPRESSIONS.values())


def source_files() -> list[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    python = sorted(library.glob("*.py"))[::8] + sorted((library / "json").glob("*.py"))
    headers = sorted(Path(sysconfig.get_path("include")).glob("*.h"))[::10]
    others = sorted(path for path in (DATA / "syntax").glob("*/*.txt"))
    return python + headers + others


def test_real_source_in_many_languages(each: Both) -> None:
    files = source_files()
    assert len(files) > 30
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")[:40_000]
        each.check(text)
        each.check(text.replace("\n", "\r\n").replace("    ", "\t"))


def test_every_token_by_itself(real: Both, vocabulary: Vocabulary) -> None:
    """Also the ones that are whole words to tiktoken and must come out of merges in llama.cpp."""
    table = {ord(character): byte for character, byte in byte_of_character().items()}
    ordinary = [
        piece for piece, kind in zip(vocabulary.tokens, vocabulary.types, strict=True) if kind == TokenType.NORMAL
    ]
    texts = [bytes(table[ord(character)] for character in piece).decode(errors="ignore") for piece in ordinary]
    assert len(texts) > 150_000
    for text in texts:
        real.check(text)


def test_every_character(each: Both) -> None:
    """Which characters are letters, digits or spaces is the pre-tokenizer's whole knowledge of Unicode."""
    # Unassigned characters may be letters to the newer of two versions of Unicode.
    assigned = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]
    for start in range(0, len(assigned), 100):
        around = (
            f"a{character}b 1{character}2  {character} !{character}\n" for character in assigned[start : start + 100]
        )
        each.check("".join(around))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=FRAGMENTS)
def test_fragments_in_any_order(each: Both, text: str) -> None:
    each.check(text)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_any_unicode(real: Both, text: str) -> None:
    real.check(text)
