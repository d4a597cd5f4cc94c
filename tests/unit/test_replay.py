"""The one fake answers commands as the real engine does, as far as whoever asks can tell."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.values import Generation, InputError, Priority, StopReason
from tests.support.replay import MID, PRE, SUF, ReplayEngine, Script

COMMAND = GenerateRequest((65, 66), (), frozenset(), 100, 60_000, priority=Priority.COMMAND)
COMPLETION = GenerateRequest((PRE, 120, SUF, MID), (), frozenset(), 100, 60_000)


async def ask(engine: ReplayEngine, request: GenerateRequest = COMMAND) -> Generation:
    async with engine.generate(request) as stream:
        return await stream.result()


async def test_commands_are_answered_one_after_the_other() -> None:
    engine = ReplayEngine(Script(default="completion", command_answers=["first", "second"]))
    answers = [(await ask(engine, request)).text for request in (COMMAND, COMPLETION, COMMAND, COMMAND)]
    assert answers == ["first", "completion", "second", "second"]
    assert engine.evaluated().n_commands == 6


async def test_without_answers_of_their_own_they_are_answered_as_completions() -> None:
    assert (await ask(ReplayEngine(Script({"AB": "CD"})))).text == "CD"


async def test_samples_are_answers_in_branches() -> None:
    engine = ReplayEngine(Script(command_answers=["one", "", "three", "four"]))
    generation = await ask(engine, replace(COMMAND, n_samples=3, temperature=1.0))
    others = ["".join(token.text for token in tokens) for tokens in generation.alternatives]
    assert (generation.text, others, generation.stop) == ("one", ["", "three"], StopReason.END)
    assert (await ask(engine)).text == "four"


@pytest.mark.parametrize(
    ("options", "text", "stop"),
    [
        ({}, "a = 1\n```\nmore", StopReason.END),
        ({"stop_texts": ("\n```",)}, "a = 1", StopReason.END),
        ({"max_tokens": 3}, "a =", StopReason.MAX_TOKENS),
        ({"max_tokens": 9, "stop_texts": ("\n```",)}, "a = 1", StopReason.END),
    ],
)
async def test_ends(options: dict[str, Any], text: str, stop: StopReason) -> None:
    engine = ReplayEngine(Script(command_answers=["a = 1\n```\nmore"]))
    generation = await ask(engine, replace(COMMAND, **options))
    assert (generation.text, generation.stop) == (text, stop)
    assert "".join(token.text for token in generation.tokens) == text


async def test_a_grammar_is_refused_when_it_is_read() -> None:
    engine = ReplayEngine(Script(refuses="The grammar cannot be used; mend it.", command_answers=["x"]))
    with pytest.raises(InputError, match="mend it"):
        await ask(engine, replace(COMMAND, grammar='root ::= "x"'))
    assert (await ask(engine)).text == "x"


async def test_a_slow_command_can_be_stopped() -> None:
    engine = ReplayEngine(Script(command_answers=["a long answer" * 100], command_token_ms=20))
    started = time.perf_counter()
    async with engine.generate(replace(COMMAND, max_tokens=1000)) as stream:
        async for _ in stream:
            await stream.stop()
        generation = await stream.result()
    assert generation.stop is StopReason.CANCELLED
    assert len(generation.text) <= 2
    assert time.perf_counter() - started < 10, "all of it would have taken 26 seconds"


async def test_completions_are_answered_while_a_slow_command_runs() -> None:
    engine = ReplayEngine(Script(default="quick", command_answers=["slow" * 10], command_token_ms=10))
    command = asyncio.create_task(ask(engine))
    await asyncio.sleep(0)
    assert (await ask(engine, COMPLETION)).text == "quick"
    assert not command.done()
    assert (await command).text == "slow" * 10
