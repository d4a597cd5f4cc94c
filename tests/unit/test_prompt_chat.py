"""``prompts/chat.toml``: each family's conversation to the letter, its marks as single tokens, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from codeslm_lsp.prompt.chat import detect_chat, write_chat
from codeslm_lsp.prompt.chat_families import load_chat_families
from codeslm_lsp.prompt.vocabulary import TokenType, read_vocabulary
from codeslm_lsp.values import Message, ModelUnsuitable, Role
from tests.support.replay import ByteTokenizer

CONVERSATION = (
    Message(Role.SYSTEM, "Be brief."),
    Message(Role.USER, "1 + 1?"),
    Message(Role.ASSISTANT, "2"),
    Message(Role.USER, "Sure?"),
)

FAMILIES = [
    (
        "chatml",
        {"general.name": "Qwen2.5 Coder 1.5B Instruct"},
        ("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1 + 1?<|im_end|>\n"
        "<|im_start|>assistant\n2<|im_end|>\n"
        "<|im_start|>user\nSure?<|im_end|>\n<|im_start|>assistant\n",
    ),
    (
        "gemma",
        {"general.name": "codegemma-7b-it"},
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"),
        "<bos><start_of_turn>user\nBe brief.\n\n1 + 1?<end_of_turn>\n<start_of_turn>model\n2<end_of_turn>\n"
        "<start_of_turn>user\nSure?<end_of_turn>\n<start_of_turn>model\n",
    ),
    (
        "gemma",
        {"general.name": "Gemma 3 4b It", "general.architecture": "gemma3"},
        ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"),
        "<bos><start_of_turn>user\nBe brief.\n\n1 + 1?<end_of_turn>\n<start_of_turn>model\n2<end_of_turn>\n"
        "<start_of_turn>user\nSure?<end_of_turn>\n<start_of_turn>model\n",
    ),
    (
        "llama3",
        {"general.name": "Llama 3.2 1B Instruct"},
        ("<bos>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        "<bos><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\n1 + 1?<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n2<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nSure?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    (
        "granite",
        {"general.name": "granite 3.1 2b instruct"},
        ("<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>"),
        "<|start_of_role|>system<|end_of_role|>Be brief.<|end_of_text|>\n"
        "<|start_of_role|>user<|end_of_role|>1 + 1?<|end_of_text|>\n"
        "<|start_of_role|>assistant<|end_of_role|>2<|end_of_text|>\n"
        "<|start_of_role|>user<|end_of_role|>Sure?<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
    ),
    (
        "phi",
        {"general.name": "Phi 3 mini 4k instruct"},
        ("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
        "<|system|>\nBe brief.<|end|>\n<|user|>\n1 + 1?<|end|>\n<|assistant|>\n2<|end|>\n<|user|>\nSure?<|end|>\n"
        "<|assistant|>\n",
    ),
    (
        "deepseek-coder",
        {"general.name": "deepseek-coder 1.3b instruct"},
        ("<bos>", "<|EOT|>"),
        "<bos>Be brief.\n### Instruction:\n1 + 1?\n### Response:\n2\n<|EOT|>\n### Instruction:\nSure?\n### Response:\n",
    ),
    (
        "starcoder2",
        {"general.name": "starcoder2 15b instruct"},
        ("<|endoftext|>",),
        "<|endoftext|>Be brief.\n\n### Instruction\n1 + 1?\n\n### Response\n2<|endoftext|>### Instruction\nSure?\n\n"
        "### Response\n",
    ),
    (
        "mistral",
        {"general.name": "Codestral 22B instruct"},
        ("<bos>", "</s>", "[INST]", "[/INST]"),
        "<bos>[INST] Be brief.\n\n1 + 1?[/INST] 2</s>[INST] Sure?[/INST]",
    ),
]


each_family = pytest.mark.parametrize(
    ("family", "names", "marks", "expected"), FAMILIES, ids=[str(case[1]) for case in FAMILIES]
)


def metadata_of(names: dict[str, str], marks: tuple[str, ...]) -> dict[str, Any]:
    """A vocabulary of bytes with the marks behind them; ``<bos>`` is the token that begins a text, if there is one."""
    letters = [f"<0x{byte:02X}>" for byte in range(256)]
    begins = {"tokenizer.ggml.bos_token_id": 256 + marks.index("<bos>")} if "<bos>" in marks else {}
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": (*letters, *marks),
        "tokenizer.ggml.token_type": (*[TokenType.BYTE] * 256, *[TokenType.CONTROL] * len(marks)),
        **begins,
        **names,
    }


def test_every_family_has_a_case() -> None:
    assert {family for family, *_ in FAMILIES} == set(load_chat_families())


@each_family
async def test_a_conversation_to_the_letter(
    family: str, names: dict[str, str], marks: tuple[str, ...], expected: str
) -> None:
    metadata = metadata_of(names, marks)
    chat = detect_chat(read_vocabulary(metadata), metadata)
    assert chat.family == family
    tokens = await write_chat(CONVERSATION, chat, ByteTokenizer())
    said, letters = "", bytearray()
    for token in (*tokens, -1):
        if 0 <= token < 256:
            letters.append(token)
            continue
        said += letters.decode()
        letters.clear()
        said += marks[token - 256] if token >= 0 else ""
    assert said == expected
    assert chat.stop_ids
    assert all(token >= 256 for token in chat.stop_ids)


@each_family
async def test_nobody_gets_a_turn_by_saying_a_mark(
    family: str, names: dict[str, str], marks: tuple[str, ...], expected: str
) -> None:
    metadata = metadata_of(names, marks)
    chat = detect_chat(read_vocabulary(metadata), metadata)
    plain = await write_chat((Message(Role.USER, "x"),), chat, ByteTokenizer())
    marked = await write_chat((Message(Role.USER, f"x{''.join(marks)}x"),), chat, ByteTokenizer())
    assert [token for token in marked if token >= 256] == [token for token in plain if token >= 256], (family, expected)


@pytest.mark.parametrize("name", ["codegemma-2b", "Qwen2.5 Coder 1.5B", "starcoder2-3b"])
def test_a_base_model_is_refused_whatever_its_vocabulary(name: str) -> None:
    metadata = metadata_of({"general.name": name}, ("<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"))
    with pytest.raises(ModelUnsuitable, match=r"not trained to follow instructions; pull one.*commands\.model"):
        detect_chat(read_vocabulary(metadata), metadata)
