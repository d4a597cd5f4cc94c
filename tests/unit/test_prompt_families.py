"""``prompts/fim.toml`` and the choice among its families by vocabulary and name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from codeslm_lsp.prompt.detect import FimFormat, Slot, detect, prefix_only
from codeslm_lsp.prompt.families import load_formats, parse_formats
from codeslm_lsp.prompt.user_text import split_sentinel_spellings
from codeslm_lsp.prompt.vocabulary import read_vocabulary
from codeslm_lsp.values import InputError, ModelDamaged, ModelUnsuitable

NORMAL, CONTROL, USER_DEFINED = 1, 3, 4


def metadata_with(specials: Sequence[str], kind: int = CONTROL, **extra: Any) -> dict[str, Any]:
    """A vocabulary of two letters and then ``specials``, from id 2 on."""
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.tokens": ("a", "b", *specials),
        "tokenizer.ggml.token_type": (NORMAL, NORMAL, *(kind for _ in specials)),
        **{key.replace("__", "."): value for key, value in extra.items()},
    }


def detected(metadata: dict[str, Any]) -> FimFormat:
    return detect(read_vocabulary(metadata), metadata)


QWEN = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|repo_name|>", "<|file_sep|>", "<|endoftext|>")
CODEGEMMA = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|file_separator|>")
STARCODER = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<filename>", "<reponame>")
STARCODER2 = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<file_sep>", "<repo_name>")


def test_every_family_says_where_its_facts_are_from() -> None:
    formats = load_formats()
    assert {"codegemma", "qwen2.5-coder", "starcoder2", "deepseek-coder", "code-llama", "codestral"} <= set(
        formats.families
    )
    for name, family in formats.families.items():
        assert family.note.strip(), name
        for order, parts in family.layouts.items():
            assert order in ("PSM", "SPM"), name
            assert {"{prefix}", "{suffix}"} <= set(parts), name
    assert formats.comments["python"] == "#"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[famlies.a]\n", "famlies"),
        ("[families.a]\ntitle = 'A'\n", "missing"),
        (
            "[families.a]\ntitle='A'\nnames=[]\nprefix='p'\nsuffix='s'\nnote=''\ncolour=1\n"
            "[families.a.layouts]\nPSM=['prefix']",
            "colour",
        ),
        (
            "[families.a]\ntitle='A'\nnames=[]\nprefix='p'\nsuffix='s'\nnote=''\n[families.a.layouts]\nPSM=['middle']",
            "sentinel 'middle'",
        ),
        ("[families.a]\ntitle='A'\nnames=[]\nprefix='p'\nsuffix='s'\nnote=''\n", "needs a layout"),
    ],
)
def test_a_wrong_key_is_an_error(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parse_formats(text)


@pytest.mark.parametrize(
    ("specials", "names", "family"),
    [
        (QWEN, {"general__name": "Qwen2.5 Coder 0.5B"}, "qwen2.5-coder"),
        (QWEN, {}, "qwen2.5-coder"),
        (CODEGEMMA, {"general__architecture": "gemma"}, "codegemma"),
        (CODEGEMMA, {}, "codegemma"),
        (STARCODER2, {"general__architecture": "starcoder2"}, "starcoder2"),
        (STARCODER2, {"tokenizer__ggml__pre": "starcoder"}, "starcoder2"),
        (STARCODER, {"general__architecture": "starcoder"}, "starcoder"),
        (STARCODER, {}, "starcoder"),
        (STARCODER, {"general__basename": "granite-3b-code-base"}, "granite-code"),
        (STARCODER, {"general__name": "Mellum 4b Base"}, "mellum"),
        (("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"), {}, "deepseek-coder"),
        (("▁<PRE>", "▁<SUF>", "▁<MID>", "▁<EOT>"), {}, "code-llama"),
        (("[PREFIX]", "[SUFFIX]", "[MIDDLE]"), {}, "codestral"),
        (("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"), {}, "seed-coder"),
    ],
)
def test_families_are_told_apart(specials: Sequence[str], names: dict[str, Any], family: str) -> None:
    assert detected(metadata_with(specials, **names)).family == family


def test_a_formats_parts_are_ids() -> None:
    fim = detected(metadata_with(QWEN, tokenizer__ggml__eos_token_id=7))
    assert fim.layout == (2, Slot.PREFIX, 4, Slot.SUFFIX, 3)
    assert fim.stop_ids == {2, 3, 4, 5, 6, 7}
    assert fim.bos_ids == ()
    assert fim.repository is not None
    assert fim.repository.header == (5, "{repository}\n")


def test_codestral_ends_with_the_prefix() -> None:
    fim = detected(metadata_with(("[PREFIX]", "[SUFFIX]"), tokenizer__ggml__bos_token_id=0))
    assert fim.layout == (3, Slot.SUFFIX, 2, Slot.PREFIX)
    assert fim.bos_ids == (0,)


def test_sentinels_may_be_user_defined_but_not_ordinary() -> None:
    assert detected(metadata_with(QWEN, USER_DEFINED)).family == "qwen2.5-coder"
    with pytest.raises(ModelUnsuitable, match="codeslm models pull"):
        detected(metadata_with(QWEN, NORMAL))


def test_an_unfamiliar_model_may_name_its_tokens() -> None:
    metadata = metadata_with(
        ("<P>", "<S>", "<M>"),
        tokenizer__ggml__fim_pre_token_id=2,
        tokenizer__ggml__suffix_token_id=3,
        tokenizer__ggml__fim_mid_token_id=4,
    )
    fim = detected(metadata)
    assert (fim.family, fim.layout) == ("generic", (2, Slot.PREFIX, 3, Slot.SUFFIX, 4))
    assert "<M>" in fim.spellings


def test_a_wrong_id_in_the_metadata_is_no_id() -> None:
    metadata = metadata_with(
        ("<P>",),
        tokenizer__ggml__fim_pre_token_id=2,
        tokenizer__ggml__fim_suf_token_id=99,
        tokenizer__ggml__fim_mid_token_id=2,
    )
    with pytest.raises(ModelUnsuitable):
        detected(metadata)


def test_without_sentinels_there_is_the_prefix_alone() -> None:
    metadata = metadata_with(("<s>", "</s>"), tokenizer__ggml__bos_token_id=2, tokenizer__ggml__eos_token_id=3)
    fim = prefix_only(read_vocabulary(metadata | {"tokenizer.ggml.add_bos_token": True}))
    assert fim.layout == (Slot.PREFIX,)
    assert fim.bos_ids == (2,)
    assert fim.stop_ids == {3}
    assert fim.repository is None


@pytest.mark.parametrize(
    "metadata",
    [{}, {"tokenizer.ggml.tokens": "abc"}, {"tokenizer.ggml.tokens": ("a",), "tokenizer.ggml.token_type": ()}],
)
def test_a_file_without_a_vocabulary_is_damaged(metadata: dict[str, Any]) -> None:
    with pytest.raises(ModelDamaged):
        read_vocabulary(metadata)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plain", ["plain"]),
        ("", [""]),
        ("<M>", ["<", "M>"]),
        ("a<M><M>b", ["a<", "M><", "M>b"]),
        ("<<M>", ["<<", "M>"]),
        ("aba", ["a", "ba"]),
        ("ababa", ["a", "ba", "ba"]),
    ],
)
def test_a_spelling_is_cut_wherever_it_stands(text: str, parts: list[str]) -> None:
    assert split_sentinel_spellings(text, ("<M>", "aba")) == parts
