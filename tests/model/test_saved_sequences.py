"""What one engine evaluated, the next one reads from disk: the same answers, and next to nothing evaluated."""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from codeslm_lsp.engine.llama_lanes import Lanes
from codeslm_lsp.engine.llama_model import LlamaModel, LlamaOptions
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.sequence_folder import SequenceFolder
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.prompt.vocabulary import read_vocabulary
from codeslm_lsp.values import Generation, Timings
from tests.model.test_server import PATIENT, session
from tests.support.planted import made_up

SOURCE = Path(textwrap.__file__).read_text(encoding="utf-8")
PROMPT = SOURCE[:500]
N_TOKENS = 12
DISK_BYTES = 64 << 20
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def model(small_model: Path) -> Iterator[LlamaModel]:
    loaded = LlamaModel(str(small_model), LlamaOptions(n_ctx=1024, n_threads=1, cache_bytes=24 << 20))
    yield loaded
    loaded.close()


@pytest.fixture
def cold(model: LlamaModel) -> LlamaModel:
    for sequence in range(16):
        model.forget(sequence)
    return model


# --- States of sequences -----------------------------------------------------------------------------------------


def test_a_state_is_exact_and_may_replace_cells_that_are_shared(cold: LlamaModel) -> None:
    tokens = cold.tokenize(PROMPT)
    cold.evaluate(0, tokens, 0, 1)
    cold.fork(0, 1, 100)
    cold.evaluate(1, tokens[:50], 100, 1)
    state = bytes(cold.state(0, len(tokens) - 1))
    for target in (1, 7):
        cold.set_state(target, state)
        assert bytes(cold.state(target, len(tokens) - 1)) == state
        cold.evaluate(target, tokens[:50], 100, 1)
    assert bytes(cold.state(0, len(tokens) - 1)) == state


def test_a_state_that_is_refused_leaves_its_sequence_empty_and_the_others_whole(cold: LlamaModel) -> None:
    tokens = cold.tokenize(PROMPT)
    cold.evaluate(0, tokens, 0, 1)
    cold.fork(0, 1, 100)
    state = bytes(cold.state(0, len(tokens)))
    for damaged in (state[: len(state) // 2], b"\xff" * 64 + state[64:], b""):
        cold.set_state(1, damaged)
        assert cold.n_evaluated(1) == 0
    for number in range(1, 16):
        cold.set_state(number, state)
    held = [cold.n_evaluated(number) for number in range(16)]
    assert set(held) == {0, len(tokens)}, "the last ones found no cells"
    assert all(bytes(cold.state(number, n)) == state for number, n in enumerate(held) if n)


# --- Lanes over a restart ----------------------------------------------------------------------------------------


def lanes_on(model: LlamaModel, path: Path) -> Lanes:
    """The lanes of a new engine: it holds nothing."""
    for sequence in range(16):
        model.forget(sequence)
    return Lanes(model, SequenceFolder(path, model.state_key(), DISK_BYTES))


def answer(lanes: Lanes, model: LlamaModel) -> tuple[list[int], Timings]:
    request = GenerateRequest(tuple(model.tokenize(PROMPT)), (), frozenset(), N_TOKENS, 60_000, document="a.py")
    tokens = lanes.run(request, lambda: False)
    ids = []
    while True:
        try:
            ids.append(next(tokens).id)
        except StopIteration as end:
            return ids, end.value[1]


def test_restored_and_cold_prompts_are_continued_alike(model: LlamaModel, tmp_path: Path) -> None:
    first = lanes_on(model, tmp_path)
    cold, timings = answer(first, model)
    assert (len(cold), timings.n_restored) == (N_TOKENS, 0)
    first.save()
    restored, timings = answer(lanes_on(model, tmp_path), model)
    assert restored == cold
    assert timings.n_prefill == 1
    assert timings.n_restored == timings.n_reused == len(model.tokenize(PROMPT)) - 1


def cut(content: bytearray) -> bytearray:
    return content[: len(content) // 2]


def flipped(content: bytearray) -> bytearray:
    content[len(content) // 2] ^= 1
    return content


def of_another_model(content: bytearray) -> bytearray:
    content[30] ^= 1
    return content


def of_another_version(content: bytearray) -> bytearray:
    content[8] += 1
    return content


@pytest.mark.parametrize("damage", [cut, flipped, of_another_model, of_another_version])
def test_a_file_that_is_not_right_is_deleted_and_the_answer_is_right(
    model: LlamaModel, tmp_path: Path, damage: Callable[[bytearray], bytearray]
) -> None:
    first = lanes_on(model, tmp_path)
    cold, _ = answer(first, model)
    first.save()
    [path] = tmp_path.iterdir()
    path.write_bytes(damage(bytearray(path.read_bytes())))
    again, timings = answer(lanes_on(model, tmp_path), model)
    assert (again, timings.n_restored) == (cold, 0)
    assert not path.exists()


def test_another_file_of_the_same_name_is_another_model(small_model: Path, model: LlamaModel, tmp_path: Path) -> None:
    copy = tmp_path / small_model.name
    copy.symlink_to(small_model)
    same = LlamaModel(str(copy), LlamaOptions(n_ctx=256))
    assert same.state_key() == model.state_key()
    copy.unlink()
    copy.write_bytes(small_model.read_bytes()[:-1] + b"\x7f")
    os.utime(copy, ns=(0, small_model.stat().st_mtime_ns))
    assert same.state_key() != model.state_key()
    same.close()


# --- The engine process ------------------------------------------------------------------------------------------


async def started(model: Path) -> EngineProcess:
    engine = EngineProcess(EngineOptions(model, disk_bytes=DISK_BYTES))
    await engine.ready(PATIENCE_S * 1000)
    return engine


async def run(engine: EngineProcess) -> Generation:
    [ids] = await engine.encode([PROMPT])
    async with engine.generate(GenerateRequest(tuple(ids), (), frozenset(), 8, 60_000)) as stream:
        return await stream.result()


async def test_an_engine_goes_on_where_the_last_one_ended(small_model: Path) -> None:
    engine = await started(small_model)
    [ids] = await engine.encode([PROMPT])
    assert await engine.n_warm(ids) == 0
    cold = await run(engine)
    await engine.close()
    engine = await started(small_model)
    assert await engine.n_warm(ids) == len(ids)
    warm = await run(engine)
    assert (warm.text, warm.timings.n_prefill, warm.timings.n_restored) == (cold.text, 1, len(ids) - 1)
    await engine.close()


async def test_a_killed_engine_loses_nothing_that_was_saved_while_it_was_idle(
    small_model: Path, sequences_dir: Path
) -> None:
    engine = await started(small_model)
    cold = await run(engine)
    async with asyncio.timeout(PATIENCE_S):
        while not list(sequences_dir.glob("*.sequence")):
            await asyncio.sleep(0.1)
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_S):
        while engine.pid in (None, pid):
            await asyncio.sleep(0.1)
    warm = await run(engine)
    assert (warm.text, warm.timings.n_prefill) == (cold.text, 1)
    await engine.close()


async def worked(engine: EngineProcess, cpu_s: float) -> None:
    """Wait until it has worked for so long, however busy the machine is."""
    process = psutil.Process(engine.pid)
    wanted_s = sum(process.cpu_times()[:2]) + cpu_s
    async with asyncio.timeout(PATIENCE_S):
        while sum(process.cpu_times()[:2]) < wanted_s:
            await asyncio.sleep(0.05)


async def test_closing_in_the_middle_of_a_prompt_saves_what_is_there(small_model: Path) -> None:
    engine = await started(small_model)
    [ids] = await engine.encode([SOURCE])
    async with engine.generate(GenerateRequest(tuple(ids[:3000]), (), frozenset(), 4, 60_000)) as stream:
        ended = asyncio.create_task(stream.result())
        await worked(engine, 6.0)
        await engine.close()
        with pytest.raises(BaseException, match="stopped"):
            await ended
    engine = await started(small_model)
    assert 64 <= await engine.n_warm(ids[:3000]) < 3000
    await engine.close()


async def test_without_disk_space_nothing_is_saved(small_model: Path, sequences_dir: Path) -> None:
    engine = EngineProcess(EngineOptions(small_model))
    await engine.ready(PATIENCE_S * 1000)
    await run(engine)
    await engine.close()
    assert not list(sequences_dir.iterdir())


# --- The editor --------------------------------------------------------------------------------------------------


async def test_after_a_restart_of_the_editor_the_first_key_waits_for_no_prompt(
    small_model: Path, sequences_dir: Path
) -> None:
    uri, text = "file:///work/textwrap.py", SOURCE
    cursor = text.index("    def _split_chunks")

    async def first_key() -> dict[str, int]:
        options = {"completion": {"wait_for_model_ms": 120_000}, "prompt": {"max_tokens": 256}}
        async with session(small_model, options=options) as opened:
            opened.open(uri, text)
            end = opened.type(uri, cursor, "    def _")
            await opened.complete(uri, end, 2)
            timings: dict[str, int] = (await opened.explain())["timings"]
            async with asyncio.timeout(PATIENCE_S):  # The whole prompt follows the short one in the background.
                while not list(sequences_dir.glob("*.sequence")):
                    await asyncio.sleep(0.1)
            return timings

    assert (await first_key())["n_prefill"] > 64
    again = await first_key()
    assert again["n_restored"] > 100
    assert again["n_prefill"] <= 4


async def test_what_was_evaluated_near_a_secret_is_not_saved(small_model: Path, sequences_dir: Path) -> None:
    """A document without one is, in the same session; of the other one no token is found in any file."""
    vocabulary = read_vocabulary(read_header(small_model).metadata)
    secret = made_up(24)
    clean, other = (f"# {name}\n{PROMPT * 2}\n\ndef f():\n    ret" for name in ("without_one", "with_one"))
    other = other.replace("def f", f"password = '{secret}'\n\n\ndef f")
    options = {**PATIENT, "context": {"enabled": False}}
    async with session(small_model, options=options) as opened:
        for name, text in {"other": other, "clean": clean}.items():
            uri = f"file:///work/{name}.py"
            opened.open(uri, text)
            assert await opened.complete(uri, len(text))
        async with asyncio.timeout(PATIENCE_S):
            while not list(sequences_dir.glob("*.sequence")):
                await asyncio.sleep(0.1)
    saved = [shown_in(path, vocabulary.tokens) for path in sequences_dir.iterdir()]
    assert any("without_one" in text for text in saved)
    assert not any("with_one" in text or secret in text for text in saved)


def shown_in(path: Path, pieces: Sequence[str]) -> str:
    """The text whose tokens a file holds, as byte-level BPE spells it: letters are themselves."""
    data = path.read_bytes()
    n_tokens = struct.unpack_from("<8sII", data)[2]
    start = struct.calcsize("<8sIIQ32s32s")
    return "".join(pieces[token] for token in struct.unpack_from(f"<{n_tokens}i", data, start))
