"""Commands on a real model: our grammars hold, and a problem is solved with its evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeslm_lsp.completion.model_format import read_format
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.prompt.chat import write_chat
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.run import chat_model, run
from codeslm_lsp.reasoning.speaker import ChatModel, Speaker, Style
from codeslm_lsp.resources import read_text
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Badge, Message, Priority, Role, StopReason

LONG = (Message(Role.USER, "Count from 1 to 40 in words, one number a line."),)


@pytest.fixture
async def model(small_model: Path):  # type: ignore[no-untyped-def]
    engine = EngineProcess(EngineOptions(small_model, n_ctx=2048))
    try:
        await engine.ready(60_000)
        yield chat_model(engine, await read_format(small_model, engine), Settings())
    finally:
        await engine.close()


async def asked(model: ChatModel, messages: tuple[Message, ...], **options: object) -> GenerateRequest:
    token_ids = await write_chat(messages, model.chat, model.tokenizer)
    fields = {"max_tokens": 60, "time_budget_ms": 60_000, "heal": False, "priority": Priority.COMMAND} | options
    return GenerateRequest(token_ids, (), model.chat.stop_ids, **fields)  # type: ignore[arg-type]


async def said(model: ChatModel, request: GenerateRequest) -> tuple[str, StopReason]:
    async with model.engine.generate(request) as stream:
        generation = await stream.result()
    return generation.text, generation.stop


async def test_a_grammar_holds_whatever_is_asked(model: ChatModel) -> None:
    messages = (Message(Role.USER, "Write a poem about rain."),)
    grammar = read_text("grammars/output/derivation.gbnf")
    text, _ = await said(model, await asked(model, messages, grammar=grammar, max_tokens=200))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    assert all(" = " in line for line in lines[:-1])
    ended, stop = await said(model, await asked(model, messages, grammar='root ::= "a" [0-9] "b"'))
    assert (len(ended), ended[0], ended[2], stop) == (3, "a", "b", StopReason.END)


async def test_a_problem_in_words_is_solved_with_its_evidence(model: ChatModel) -> None:
    async def read_model() -> ChatModel:
        return model

    mathematician = Mathematician(30)
    try:
        means = Means(Speaker(read_model, "solve"), mathematician)
        answer = await run("solve", Question("A book costs 4 dollars. How many dollars do 3 books cost?"), means)
    finally:
        await mathematician.close()
    assert answer.model
    assert answer.n_tokens > 10
    assert answer.badge in (Badge.CROSS_CHECKED, Badge.UNVERIFIED)
    agreeing = [check for check in answer.checks if check.passed]
    assert (answer.badge is Badge.CROSS_CHECKED) == (len({check.detail.partition(",")[0] for check in agreeing}) > 1)
    speaker = Speaker(read_model, "short")
    await speaker.say(LONG, Style(max_tokens=3))
    assert speaker.account.n_tokens == 3
