"""A loaded model is measured once, when nobody is disturbed by it, and runs accordingly from then on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from codeslm_lsp.engine import tuner as tuner_module
from codeslm_lsp.engine.llama_lanes import Lanes
from codeslm_lsp.engine.llama_model import LlamaModel, LlamaOptions
from codeslm_lsp.engine.llama_probe import (
    VERIFIED,
    Attention,
    Probe,
    Stopped,
    choose_attention,
    fewest,
    thread_candidates,
)
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.schedule import Schedule
from codeslm_lsp.engine.tuner import Tuner, Wishes
from codeslm_lsp.engine.tuning import FOLDER_VARIABLE, load_tuning, save_tuning
from codeslm_lsp.models.cores import n_physical_cores, n_usable_cores
from codeslm_lsp.values import Tuning
from tests.support import tiny_gguf

PATIENCE_S = 60


class Machine:
    """The load of a machine that a test can control."""

    def __init__(self) -> None:
        self.cores = 0.0
        self.is_quiet = True

    def sample(self) -> None:
        pass


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that takes no time, without figures."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "machine"))
    tiny_gguf.write_bpe_model(tmp_path / "tiny.gguf")
    return tmp_path / "tiny.gguf"


@pytest.fixture
def loaded(tiny: Path) -> Iterator[LlamaModel]:
    model = LlamaModel(str(tiny), LlamaOptions(n_threads=1))
    yield model
    model.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuner_module, "SAMPLE_S", 0.01)
    monkeypatch.setattr(tuner_module, "IDLE_S", 0.05)


def wishes(*, n_threads: int = 0, n_ubatch: int = 0) -> Wishes:
    return Wishes(n_ctx=1024, n_ubatch=n_ubatch, n_threads=n_threads, cache_bytes=0, background_share=0.8)


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_everything_is_measured_and_chosen_from_that(loaded: LlamaModel) -> None:
    tuning = Probe(loaded, 2).run(lambda: True)
    assert tuning.n_threads in (1, 2)
    assert tuning.n_threads_batch in (1, 2)
    assert tuning.prefill_tokens_s > 0
    assert tuning.decode_tokens_s > 0
    assert [n for n, _ in tuning.verify_cost] == list(VERIFIED)
    assert tuning.verify_cost[0] == (1, 1.0)
    assert str(tuning.n_ubatch) in {trial.choice for trial in tuning.trials if trial.subject == "micro-batch"}
    assert {trial.choice for trial in tuning.trials if trial.subject == "attention"} == {"flash", "plain"}


def test_a_stopped_probe_goes_on_where_it_was(loaded: LlamaModel) -> None:
    probe, asked, stops = Probe(loaded, 2), 0, 0

    def every_third_time() -> bool:
        nonlocal asked
        asked += 1
        return asked % 3 != 0

    while True:
        n_before = len(probe._seconds)
        try:
            probe.run(every_third_time)
            break
        except Stopped:
            stops += 1
            assert len(probe._seconds) >= n_before
    assert stops > 10
    assert asked < 10 * len(probe._seconds), "what was measured is not measured again"


def test_an_abort_stops_the_probe_and_leaves_documents_as_they_are(loaded: LlamaModel) -> None:
    lanes = Lanes(loaded)
    prompt = tuple(loaded.tokenize("def f(value):\n    return value\n" * 8))
    before = answer(lanes, prompt)
    probe = Probe(loaded, 2)
    loaded.abort()
    with pytest.raises(Stopped):
        probe.run(lambda: True)
    loaded.clear_abort()
    probe.run(lambda: True)
    again = answer(lanes, prompt)
    assert again[0] == before[0]
    assert again[1] <= 1, "the prompt was still there"


def answer(lanes: Lanes, prompt: tuple[int, ...]) -> tuple[list[int], int]:
    tokens = lanes.run(GenerateRequest(prompt, (), frozenset(), 8, 60_000, document="a"), lambda: False)
    ids = []
    while True:
        try:
            ids.append(next(tokens).id)
        except StopIteration as end:
            return ids, end.value[1].n_prefill


@pytest.mark.usefixtures("quick")
def test_an_idle_quiet_machine_is_measured_once(tiny: Path) -> None:
    told: list[Tuning] = []
    tuner = Tuner(tiny, wishes(), Schedule(lambda: None, lambda: None), told.append, Machine())
    assert load_tuning(tiny) is None
    until(lambda: told)
    assert load_tuning(tiny) == told[0] == tuner.tuning
    assert tuner.model.verify_cost == told[0].verify_cost
    until(lambda: tuner.model.n_threads == (told[0].n_threads, told[0].n_threads_batch))
    time.sleep(0.3)
    assert len(told) == 1
    tuner.close()


@pytest.mark.usefixtures("quick")
def test_nothing_is_measured_while_the_machine_or_the_engine_is_busy(tiny: Path) -> None:
    told: list[Tuning] = []
    machine, schedule = Machine(), Schedule(lambda: None, lambda: None)
    machine.is_quiet = False
    tuner = Tuner(tiny, wishes(), schedule, told.append, machine)
    time.sleep(0.3)
    assert not told
    occupied = schedule.submit(lambda: time.sleep(0.3))
    machine.is_quiet = True
    occupied.result()
    assert not told
    until(lambda: told)
    tuner.close()


@pytest.mark.usefixtures("quick")
def test_threads_follow_the_load_of_others(tiny: Path) -> None:
    machine = Machine()
    machine.is_quiet = False
    save_tuning(tiny, replace(some_tuning(tiny), n_threads=n_usable_cores(), n_threads_batch=n_usable_cores()))
    tuner = Tuner(tiny, wishes(), Schedule(lambda: None, lambda: None), lambda _: None, machine)
    assert tuner.model.n_threads == (n_usable_cores(), n_usable_cores())
    machine.cores = float(n_physical_cores())
    until(lambda: tuner.model.n_threads == (1, n_usable_cores()))
    tuner.model.evaluate(0, tuner.model.tokenize("def f(): pass"), 0, 1)
    machine.cores = 0.0
    until(lambda: tuner.model.n_threads[0] == n_usable_cores())
    tuner.close()


def test_what_was_measured_holds_at_the_next_start_and_what_is_set_goes_before(tiny: Path) -> None:
    machine = Machine()
    save_tuning(tiny, replace(some_tuning(tiny), n_threads=1, n_threads_batch=2, n_ubatch=32, flash_attention=False))
    tuner = Tuner(tiny, wishes(), Schedule(lambda: None, lambda: None), lambda _: None, machine)
    options = tuner._options()
    assert (options.n_threads, options.n_threads_batch, options.n_ubatch) == (1, 2, 32)
    assert not options.flash_attention
    tuner.model.evaluate(0, tuner.model.tokenize("def f(): pass"), 0, 1)
    tuner.close()
    tuner = Tuner(tiny, wishes(n_threads=3, n_ubatch=16), Schedule(lambda: None, lambda: None), lambda _: None, machine)
    assert (tuner._options().n_threads, tuner._options().n_ubatch) == (3, 16)
    tuner.close()


def some_tuning(tiny: Path) -> Tuning:
    model = LlamaModel(str(tiny), LlamaOptions(n_threads=1))
    tuning = Probe(model, 1).run(lambda: True)
    model.close()
    return tuning


async def test_the_engine_process_measures_on_request_and_remembers(tiny: Path) -> None:
    engine = EngineProcess(EngineOptions(tiny, n_ctx=1024))
    await engine.ready(60_000)
    assert engine.tuning() is None
    measured = await engine.measure()
    assert engine.tuning() == measured
    await engine.close()
    again = EngineProcess(EngineOptions(tiny, n_ctx=1024))
    await again.ready(60_000)
    assert again.tuning() == measured
    await again.close()


@pytest.mark.parametrize(
    ("n_cores", "expected"), [(1, (1,)), (2, (1, 2)), (4, (2, 3, 4)), (8, (4, 6, 7, 8)), (3, (1, 2, 3))]
)
def test_few_numbers_of_threads_are_tried(n_cores: int, expected: tuple[int, ...]) -> None:
    assert thread_candidates(n_cores) == expected


def test_more_is_taken_only_where_it_pays() -> None:
    assert fewest({1: 2.0, 2: 1.0}) == 2
    assert fewest({1: 1.02, 2: 1.0}) == 1
    assert fewest({4: 1.0, 6: 0.9, 8: 0.88}) == 6
    assert choose_attention({Attention.FLASH: (1.0, 0.2), Attention.PLAIN: (0.95, 0.2)}) is Attention.FLASH
    assert choose_attention({Attention.FLASH: (1.3, 0.2), Attention.PLAIN: (1.0, 0.2)}) is Attention.PLAIN
