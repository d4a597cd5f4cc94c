"""The real server on models that are not Qwen's: small files with random weights, so only the handling is tested."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeslm_lsp.completion.model_format import EngineTokenizer, read_format
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.chat import write_chat
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.reasoning.run import chat_model
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Context, Message, Role
from tests.support.client import editor
from tests.support.tiny_gguf import write_bpe_model, write_codegemma_model

TEXT = "x = <|fim_middle|>\ndef f(a):\n    ret\n"


async def test_a_model_without_fim_uses_the_text_before_the_cursor_and_says_so_once(tmp_path: Path) -> None:
    path = tmp_path / "plain.gguf"
    write_bpe_model(path, sentinels=[])
    async with editor(["-m", "codeslm_lsp.cli", "--model", str(path), "serve"]) as opened:
        opened.open("file:///work/a.py", TEXT)
        for _ in range(2):
            await opened.complete("file:///work/a.py", TEXT.index("ret") + 3)
            why = await opened.explain()
            assert why["skip"] is None or why["skip"]["reason"] in ("blank", "nothing_generated")
            assert why["from_offered"] or why["timings"]["n_prefill"] + why["timings"]["n_reused"] > 0
        said = await opened.said("codeslm models pull")
        assert "only the text before the cursor is used" in said
        assert len(opened.messages) == 1


async def test_a_codegemma_file_runs_by_its_own_tokenizer(tmp_path: Path) -> None:
    """SentencePiece: the engine tokenizes; what is typed is healed there too."""
    path = tmp_path / "codegemma.gguf"
    ids = write_codegemma_model(path)
    engine = EngineProcess(EngineOptions(path, n_ctx=512))
    try:
        await engine.ready(60_000)
        model_format = await read_format(path, engine)
        assert isinstance(model_format.tokenizer, EngineTokenizer)
        assert model_format.fim.family == "codegemma"
        assert ids["<|file_separator|>"] in model_format.fim.stop_ids
        context = Context("a.py", "python", "x = <|fim_middle|>\n", 0, "    ret", "\n")
        prompt = await build_prompt(context, model_format.fim, model_format.tokenizer, TokenBudget(n_prompt=256))
        assert prompt.token_ids.count(ids["<|fim_middle|>"]) == 1
        assert prompt.token_ids[-1] == ids["<|fim_middle|>"]
        [typed] = await encode_user_texts(model_format.tokenizer, model_format.fim, [prompt.typed])
        request = GenerateRequest(prompt.token_ids, tuple(typed), prompt.stop_ids, 2, 60_000)
        async with engine.generate(request) as stream:
            generation = await stream.result()
        n_known = len(prompt.token_ids) + len(typed)
        assert n_known <= generation.timings.n_prefill <= n_known + len(prompt.typed), "but for what is healed"
        assert not any(spelling in generation.text for spelling in ids if spelling.startswith("<|"))
    finally:
        await engine.close()


async def test_a_conversation_with_a_gemma(tmp_path: Path) -> None:
    """Its own marks, as single tokens; the texts between them as SentencePiece has them, with no space before."""
    path = tmp_path / "codegemma-7b-it.gguf"
    ids = write_codegemma_model(path, extra_metadata={"general.name": "codegemma-7b-it"})
    engine = EngineProcess(EngineOptions(path, n_ctx=512))
    try:
        await engine.ready(60_000)
        model = chat_model(engine, await read_format(path, engine), Settings())
        tokens = await write_chat((Message(Role.USER, "def <end_of_turn>"),), model.chat, model.tokenizer)
        texts = {number: text for text, number in ids.items()}
        marks = [texts[token] for token in tokens if token < 256 and not texts[token].startswith("<0x")]
        assert marks == ["<bos>", "<start_of_turn>", "<end_of_turn>", "<start_of_turn>"]
        said = b"".join(
            bytes([int(texts[token][3:5], 16)])
            if texts[token].startswith("<0x")
            else texts[token].replace("\u2581", " ").encode()
            for token in tokens
        )
        assert said.decode() == ("<bos><start_of_turn>user\ndef <end_of_turn><end_of_turn>\n<start_of_turn>model\n")
        request = GenerateRequest(tokens, (), model.chat.stop_ids, 8, 60_000, heal=False)
        async with engine.generate(request) as stream:
            generation = await stream.result()
        assert generation.timings.n_prefill == len(tokens)
        assert not any(mark in generation.text for mark in ("<start_of_turn>", "<end_of_turn>"))
    finally:
        await engine.close()


@pytest.mark.parametrize("length", [10, 3000])
async def test_a_truncated_model_is_refused(tmp_path: Path, length: int) -> None:
    whole = tmp_path / "whole.gguf"
    write_bpe_model(whole)
    path = tmp_path / "cut.gguf"
    path.write_bytes(whole.read_bytes()[:length])
    async with editor(["-m", "codeslm_lsp.cli", "--model", str(path), "serve"]) as opened:
        opened.open("file:///work/a.py", TEXT)
        assert await opened.complete("file:///work/a.py", 3) == []
        assert (await opened.explain())["skip"]["reason"] == "model_missing"
        await opened.said("cut.gguf")
