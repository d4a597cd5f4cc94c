"""The engine process on a real model: reuse, healing, cancelling, dying, leaving nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from codeslm_lsp.completion.model_format import ModelFormat, read_format
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.values import Context, EngineDied, EngineUnavailable, Generation, Priority, StopReason

SOURCE = Path(textwrap.__file__).read_text(encoding="utf-8")
CURSOR = SOURCE.index("    def _split_chunks")

N_BEFORE, N_BEHIND = 600, 240
"""Characters of the source around the cursor: enough to be continued well, and soon evaluated."""


@pytest.fixture
async def engine(small_model: Path) -> AsyncIterator[EngineProcess]:
    process = EngineProcess(EngineOptions(small_model))
    await process.ready(60_000)
    yield process
    await process.close()


async def request(model_format: ModelFormat, typed: str, *, max_tokens: int = 16, heal: bool = True) -> GenerateRequest:
    before = SOURCE[CURSOR - N_BEFORE : CURSOR]
    context = Context("textwrap.py", "python", before, 0, typed, SOURCE[CURSOR + 100 :][:N_BEHIND])
    prompt = await build_prompt(context, model_format.fim, model_format.tokenizer, TokenBudget(n_prompt=1024))
    [typed_ids] = await model_format.tokenizer.encode([typed])
    return GenerateRequest(prompt.token_ids, tuple(typed_ids), prompt.stop_ids, max_tokens, 60_000, heal)


async def run(engine: EngineProcess, wanted: GenerateRequest) -> Generation:
    async with engine.generate(wanted) as stream:
        return await stream.result()


async def test_a_key_costs_only_its_own_tokens(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    first = await run(engine, await request(model_format, "    def _s"))
    n_prompt = first.timings.n_prefill
    assert n_prompt > 100
    for typed in ("    def _sp", "    def _spl", "    def _split_", "    def _split_ch"):
        timings = (await run(engine, await request(model_format, typed))).timings
        assert timings.n_prefill <= 4, (typed, timings)
        assert timings.n_reused >= n_prompt - 4


async def test_typing_what_was_generated_evaluates_nothing_new(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    first = await run(engine, await request(model_format, "    def "))
    typed = "    def " + first.text[:2]
    again = await run(engine, await request(model_format, typed))
    assert typed + again.text == "    def " + first.text
    assert again.timings.n_prefill <= 2


async def test_healing_repairs_a_split_token(engine: EngineProcess, small_model: Path) -> None:
    """``ret`` ends inside the token `` return``: the text goes on as if it had been written whole."""
    model_format = await read_format(small_model, engine)
    generation = await run(
        engine, await request(model_format, "    def _first(self, text):\n        ret", max_tokens=4)
    )
    assert generation.text.startswith("urn ")


async def test_healed_text_always_continues_what_was_typed(engine: EngineProcess, small_model: Path) -> None:
    """Characters outside ASCII, split tokens, lone spaces: nothing typed is repeated or lost."""
    model_format = await read_format(small_model, engine)
    for typed in ("    # naïve café – 日本", '    x = "😀', "    def _split_chu", "   ", "\t", "    self.wid"):
        ids = await request(model_format, typed)
        generation = await run(engine, ids)
        joined = typed + generation.text
        healed = b"".join(token.text.encode() for token in generation.tokens)
        assert healed.decode() == generation.text
        assert "\ufffd" not in joined


async def test_logprobs_are_logarithms_of_probabilities(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    tokens = (await run(engine, await request(model_format, "    "))).tokens
    assert tokens
    assert all(token.logprob <= 0 for token in tokens)
    assert any(token.logprob > -0.7 for token in tokens)


async def test_cancelling_stops_a_prefill_and_keeps_its_work(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    [ids] = await model_format.tokenizer.encode([SOURCE])
    long = GenerateRequest(tuple(ids[:3000]), (), frozenset(), 4, 60_000)
    kept = 0
    for patience_s in (1, 3, 9, 27):  # A busy machine may need long for the first micro-batch.
        async with engine.generate(long) as stream:
            await asyncio.sleep(patience_s)
            await stream.stop()
            generation = await stream.result()
        assert generation.stop is StopReason.CANCELLED
        kept = generation.timings.n_reused + generation.timings.n_prefill
        if kept:
            break
    assert 0 < kept < 3000
    async with engine.generate(long) as stream:
        await asyncio.sleep(0.2)
        await stream.stop()
        assert (await stream.result()).timings.n_reused >= kept - 64


async def test_switching_documents_evaluates_next_to_nothing(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    one = replace(await request(model_format, "    def _s"), document="one.py")
    [ids] = await model_format.tokenizer.encode([SOURCE[:600]])
    two = GenerateRequest(tuple(ids), (), frozenset(), 4, 60_000, document="two.py")
    answer = (await run(engine, one)).text
    assert (await run(engine, two)).timings.n_prefill == len(ids)
    again = await run(engine, one)
    assert again.text == answer
    assert again.timings.n_prefill <= 3, "at most the healed tokens, for their logits"
    assert (await run(engine, two)).timings.n_prefill <= 1


async def test_work_ahead_gives_way_and_goes_on(engine: EngineProcess, small_model: Path) -> None:
    """A long prompt is prefilled in the background; a request in the foreground is answered meanwhile."""
    model_format = await read_format(small_model, engine)
    urgent = replace(await request(model_format, "    def _s", max_tokens=4), document="one.py")
    await run(engine, urgent)
    [ids] = await model_format.tokenizer.encode([SOURCE])
    ahead = GenerateRequest(
        tuple(ids[:500]), (), frozenset(), 0, 60_000, document="two.py", priority=Priority.BACKGROUND
    )
    async with engine.generate(ahead) as stream:
        result = asyncio.create_task(stream.result())
        await asyncio.sleep(0.5)
        assert (await run(engine, urgent)).tokens
        assert not result.done(), "the machine is too fast for this test; give it a longer prompt"
        generation = await result
    assert generation.stop is StopReason.MAX_TOKENS
    assert generation.timings.n_prefill <= 500 + 2, "what was evaluated before the interruption was kept"
    assert (await run(engine, replace(ahead, max_tokens=2, priority=Priority.COMPLETION))).timings.n_prefill <= 1
    assert engine.evaluated().n_background > 0


async def test_work_ahead_can_be_called_off(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    [ids] = await model_format.tokenizer.encode([SOURCE])
    ahead = GenerateRequest(
        tuple(ids[:1600]), (), frozenset(), 0, 60_000, document="two.py", priority=Priority.BACKGROUND
    )
    async with engine.generate(ahead) as stream:
        await asyncio.sleep(0.5)
        await stream.stop()
        assert (await stream.result()).stop is StopReason.CANCELLED
    assert (await run(engine, await request(model_format, "    "))).tokens


async def test_budgets_end_a_generation(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    some = await request(model_format, "    ", max_tokens=3)
    assert (await run(engine, some)).stop is StopReason.MAX_TOKENS
    hasty = GenerateRequest(some.token_ids, (), some.stop_ids, 200, 1.0)
    assert (await run(engine, hasty)).stop in (StopReason.TIME_BUDGET, StopReason.END)
    too_long = GenerateRequest(some.token_ids * 80, (), some.stop_ids, 8, 60_000)
    assert (await run(engine, too_long)).stop is StopReason.CONTEXT_FULL


async def test_killed_during_a_request_the_next_one_works(engine: EngineProcess, small_model: Path) -> None:
    model_format = await read_format(small_model, engine)
    wanted = await request(model_format, "    ")
    pid = engine.pid
    assert pid is not None
    async with engine.generate(wanted) as stream:
        await asyncio.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EngineDied):
            await stream.result()
    await engine.ready(60_000)
    assert engine.pid != pid
    assert (await run(engine, wanted)).tokens


async def test_closing_leaves_no_process_and_no_file(small_model: Path) -> None:
    engine = EngineProcess(EngineOptions(small_model))
    await engine.ready(60_000)
    pid = engine.pid
    assert pid is not None
    folder = socket_folder(pid)
    assert folder.stat().st_mode & 0o077 == 0
    await engine.close()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


def socket_folder(pid: int) -> Path:
    """The private folder of an engine's socket, which is on its command line."""
    return Path(psutil.Process(pid).cmdline()[-1])


def test_the_engine_leaves_when_its_parent_is_killed(small_model: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from codeslm_lsp.engine.process import EngineOptions, EngineProcess\n"
        "async def main():\n"
        "    engine = EngineProcess(EngineOptions(Path(sys.argv[1])))\n"
        "    await engine.ready(60_000)\n"
        "    print(engine.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(small_model)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        folder = socket_folder(pid)
        assert folder.exists()
        parent.kill()
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
    assert not folder.exists()


@pytest.mark.parametrize("content", [b"", b"not a model", b"GGUF" + b"\0" * 60])
async def test_a_foreign_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    engine = EngineProcess(EngineOptions(path))
    with pytest.raises(EngineUnavailable, match=r"model\.gguf.*codeslm models pull"):
        await engine.ready(60_000)
    await engine.close()
