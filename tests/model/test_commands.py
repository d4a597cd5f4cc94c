"""What commands ask of the engine process, on a real model: they give way and go on, and obey grammars."""

from __future__ import annotations

import asyncio
import json
import statistics
import textwrap
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.values import Generation, InputError, Priority, StopReason

SOURCE = Path(textwrap.__file__).read_text(encoding="utf-8")
QUESTION = f"<<<\n{SOURCE[:1500]}>>>\nAn explanation of this module, in full sentences:\n"

BRIEF = f"<<<\n{SOURCE[:300]}>>>\nAn explanation of this module, in full sentences:\n"
"""Where it does not matter what is said."""

N_KEYS = 6
"""Typed at most while a command is being answered: each takes its turn from it."""

COUNTING = "".join(f"{number}\n" for number in range(1, 60))
"""What follows is beyond doubt: batches of other sizes give logits that differ a little, and a doubt would be decided
in another way."""
JSON = r"""
root ::= "{" ws "\"name\":" ws string "," ws "\"lines\":" ws [1-9] [0-9]? [0-9]? "," ws "\"tags\":" ws tags "}"
string ::= "\"" [^"\\\n]+ "\""
tags ::= "[" (string ("," ws string){0,3})? "]"
ws ::= " "?
"""
BAD_GRAMMARS = ('root ::= "a', "root ::= nothing", "x", 'root ::= root "a" | "b"', 'root ::= x root | "b"\nx ::= "c"*')


@pytest.fixture
async def engine(small_model: Path) -> AsyncIterator[EngineProcess]:
    process = EngineProcess(EngineOptions(small_model))
    await process.ready(60_000)
    yield process
    await process.close()


async def asking(engine: EngineProcess, text: str, **options: Any) -> GenerateRequest:
    settings = {"max_tokens": 40, "document": "command", "priority": Priority.COMMAND, **options}
    [ids] = await engine.encode([text])
    return GenerateRequest(tuple(ids), (), frozenset(), time_budget_ms=600_000, **settings)


async def a_key(engine: EngineProcess, typed: str) -> GenerateRequest:
    prompt = await asking(engine, SOURCE[:1200], max_tokens=4, document="a.py", priority=Priority.COMPLETION)
    [typed_ids] = await engine.encode([typed])
    return replace(prompt, typed_ids=tuple(typed_ids))


async def run(engine: EngineProcess, wanted: GenerateRequest) -> Generation:
    async with engine.generate(wanted) as stream:
        return await stream.result()


async def run_suspended(engine: EngineProcess, wanted: GenerateRequest) -> tuple[Generation, list[float]]:
    """The answer while somebody types, and the milliseconds that each key took meanwhile."""
    latencies = []
    async with engine.generate(wanted) as stream:
        result = asyncio.create_task(stream.result())
        for number in range(N_KEYS):
            await asyncio.sleep(0.15)
            if result.done():
                break
            started = time.perf_counter()
            generation = await run(engine, await a_key(engine, "    def _spl"[: 5 + number % 7]))
            assert generation.stop in (StopReason.MAX_TOKENS, StopReason.END)
            latencies.append((time.perf_counter() - started) * 1000)
        return await result, latencies


async def test_a_command_suspended_by_completions_says_what_it_says_alone(
    engine: EngineProcess, record_property: Any
) -> None:
    await run(engine, await a_key(engine, "    de"))
    idle = []
    for typed in ("    de", "    def", "    def _s"):
        started = time.perf_counter()
        await run(engine, await a_key(engine, typed))
        idle.append((time.perf_counter() - started) * 1000)
    wanted = await asking(engine, COUNTING, max_tokens=60)
    alone = await run(engine, wanted)
    suspended, latencies = await run_suspended(engine, replace(wanted, document="another"))
    assert len(latencies) > 3, "the machine is too fast for this test; give it a longer answer"
    assert suspended.text == alone.text
    assert suspended.stop is alone.stop
    assert suspended.timings.n_decode == len(suspended.tokens)
    record_property("key_ms_idle", statistics.median(idle))
    record_property("key_ms_during_a_command", statistics.median(latencies))
    assert engine.evaluated().n_commands > 0


async def test_a_command_in_its_prompt_gives_way_too(engine: EngineProcess) -> None:
    wanted = await asking(engine, SOURCE[:2500], max_tokens=2)
    await run(engine, await a_key(engine, "    de"))
    async with engine.generate(wanted) as stream:
        result = asyncio.create_task(stream.result())
        await asyncio.sleep(0.3)
        assert (await run(engine, await a_key(engine, "    def"))).tokens
        assert not result.done(), "the machine is too fast for this test; give it a longer prompt"
        generation = await result
    assert generation.stop is StopReason.MAX_TOKENS
    assert generation.timings.n_prefill <= len(wanted.token_ids) + 2


async def test_two_clients_commands_both_go_on(engine: EngineProcess, small_model: Path) -> None:
    other = EngineProcess(EngineOptions(small_model))
    await other.ready(60_000)
    wanted = await asking(engine, COUNTING, max_tokens=40)
    try:
        async with engine.generate(wanted) as one, other.generate(wanted) as two:
            ends = await asyncio.gather(one.result(), two.result())
    finally:
        await other.close()
    assert [len(generation.tokens) > 20 for generation in ends] == [True, True]
    assert ends[0].text[:40] == ends[1].text[:40]


async def test_a_command_is_cancelled_soon(engine: EngineProcess) -> None:
    """The engine says itself what it had done by then; how long it took is told, not judged."""
    for text, is_being_said in ((SOURCE[:4000], False), (BRIEF, True)):
        async with engine.generate(await asking(engine, text, max_tokens=800)) as stream:
            if is_being_said:
                await anext(aiter(stream))
            else:
                await asyncio.sleep(0.3)
            started = time.perf_counter()
            await stream.stop()
            generation = await stream.result()
        assert generation.stop is StopReason.CANCELLED
        print(f"cancelled after {(time.perf_counter() - started) * 1000:.0f} ms, {len(generation.tokens)} tokens")
    assert (await run(engine, await a_key(engine, "    de"))).tokens


@pytest.mark.parametrize("options", [{}, {"temperature": 1.2, "seed": 1}, {"temperature": 0.8, "top_p": 0.9}])
async def test_the_answer_obeys_its_grammar(engine: EngineProcess, options: dict[str, Any]) -> None:
    wanted = await asking(engine, QUESTION + "As JSON: ", grammar=JSON, max_tokens=200, **options)
    generation = await run(engine, wanted)
    assert generation.stop is StopReason.END
    answer = json.loads(generation.text)
    assert list(answer) == ["name", "lines", "tags"]
    assert 1 <= answer["lines"] <= 999
    assert all(token.logprob <= 0 for token in generation.tokens)


async def test_a_suspended_answer_obeys_its_grammar(engine: EngineProcess) -> None:
    await run(engine, await a_key(engine, "    de"))
    wanted = await asking(engine, QUESTION + "As JSON: ", grammar=JSON, max_tokens=200)
    generation, _ = await run_suspended(engine, wanted)
    assert list(json.loads(generation.text)) == ["name", "lines", "tags"]


async def test_a_bad_grammar_is_refused_and_the_engine_lives(engine: EngineProcess) -> None:
    before = engine.pid
    for grammar in BAD_GRAMMARS:
        with pytest.raises(InputError, match=r"^The grammar.*\.$"):
            await run(engine, await asking(engine, BRIEF, grammar=grammar))
        assert (await run(engine, await asking(engine, BRIEF, max_tokens=2))).tokens, grammar
        assert engine.pid == before, grammar


async def test_a_grammar_that_gets_stuck_says_so(engine: EngineProcess) -> None:
    grammar = r'root ::= "This" [^\x00-\U7FFFFFFF]'
    generation = await run(engine, await asking(engine, BRIEF, grammar=grammar))
    assert (generation.text, generation.stop) == ("This", StopReason.OFF_GRAMMAR)


async def test_a_stop_text_ends_the_answer(engine: EngineProcess) -> None:
    wanted = await asking(engine, COUNTING, max_tokens=30)
    whole = (await run(engine, wanted)).text
    stop = whole[len(whole) // 2 :][:6]
    generation = await run(engine, replace(wanted, stop_texts=(stop, "\x00never")))
    assert (generation.text, generation.stop) == (whole[: whole.index(stop)], StopReason.END)


async def test_a_seed_says_the_same_again(engine: EngineProcess) -> None:
    """One token each: behind it, batches of other sizes might decide otherwise where two are equally likely."""
    wanted = await asking(engine, QUESTION, temperature=1.0, top_p=0.95, max_tokens=1)
    await run(engine, wanted)
    seeds = [*range(8), *range(8)]
    said = [(await run(engine, replace(wanted, seed=seed))).text for seed in seeds]
    assert said[:8] == said[8:]
    assert len(set(said)) > 1


async def test_samples_are_different_and_suspended_together(engine: EngineProcess) -> None:
    await run(engine, await a_key(engine, "    de"))
    wanted = await asking(engine, QUESTION, temperature=1.0, n_samples=3, max_tokens=14)
    generation, latencies = await run_suspended(engine, wanted)
    texts = {tuple(token.id for token in tokens) for tokens in (generation.tokens, *generation.alternatives)}
    assert len(texts) == 3
    assert latencies, "the machine is too fast for this test; give it a longer answer"
    assert generation.timings.n_prefill < len(wanted.token_ids) + 3 * 14, "the prompt was evaluated once"
