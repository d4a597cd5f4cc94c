"""Requests of several clients to the one model's thread: commands give way and go on. The model takes its time."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from codeslm_lsp.engine.llama_lanes import Lanes
from codeslm_lsp.engine.llama_model import Aborted
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.runner import Runner
from codeslm_lsp.values import InputError, Priority, StopReason, Timings, Token
from tests.unit.test_engine_lanes import PooledModel, block
from tests.unit.test_engine_session import MID, PIECES, Logits, erratic

PATIENCE_S = 20
STEP_S = 0.003
"""One evaluation: a command of dozens of tokens is interrupted many times."""


def endless(tokens: Sequence[int]) -> NDArray[np.float32]:
    """Something after every sequence of tokens, and never the end."""
    row = erratic(1)(tokens)
    row[[token for token, piece in enumerate(PIECES) if not piece]] = -50
    return row


class SlowModel(PooledModel):
    """Takes its time for every token, and stops when it is told to: what was begun is lost."""

    def __init__(self, logits: Logits) -> None:
        super().__init__(logits)
        self.must_stop = threading.Event()

    def evaluate(self, sequence: int, tokens: Sequence[int], start: int, n_logits: int) -> NDArray[np.float32]:
        if self.must_stop.wait(STEP_S):
            del self.caches[sequence][start:]
            raise Aborted
        return super().evaluate(sequence, tokens, start, n_logits)

    def evaluate_together(
        self, sequences: Sequence[int], tokens: Sequence[int], positions: Sequence[int]
    ) -> NDArray[np.float32]:
        for sequence, position in zip(sequences, positions, strict=True):
            del self.caches[sequence][position:]
        return super().evaluate_together(sequences, tokens, positions)

    def abort(self) -> None:
        self.must_stop.set()

    def clear_abort(self) -> None:
        self.must_stop.clear()


@dataclass
class Asked:
    """A request on its way."""

    promised: Future[tuple[StopReason, Timings]]
    key: tuple[int, int]
    tokens: list[Token] = field(default_factory=list)

    async def answer(self) -> tuple[list[int], StopReason]:
        stop, _ = await asyncio.wait_for(asyncio.wrap_future(self.promised), PATIENCE_S)
        return [token.id for token in self.tokens], stop


class Bench:
    """A runner whose model is loaded."""

    def __init__(self) -> None:
        self.runner = Runner(lambda _tuning: None)
        self.runner._model = SlowModel(endless)
        self.runner._lanes = Lanes(self.runner._model)
        self._numbers = itertools.count()

    def ask(self, request: GenerateRequest, client: int = 1) -> Asked:
        asked = Asked(Future(), (client, next(self._numbers)))
        asked.promised = self.runner.generate(asked.key, request, asked.tokens.append)
        return asked


def asking(document: str, first: int, max_tokens: int, **options: Any) -> GenerateRequest:
    settings = {"document": document, "temperature": 1.0, "stop_texts": (), **options}
    return GenerateRequest((*block(first), MID), (), frozenset(), max_tokens, 60_000, **settings)


def command(first: int, **options: Any) -> GenerateRequest:
    settings = {"priority": Priority.COMMAND, **options}
    return asking("command", first, 60, **settings)


async def alone(request: GenerateRequest) -> list[int]:
    tokens, _ = await Bench().ask(request).answer()
    return tokens


async def begun(asked: Asked) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not asked.tokens:
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("priority", [Priority.COMMAND, Priority.BACKGROUND])
async def test_what_is_interrupted_by_completions_says_what_it_says_alone(priority: Priority) -> None:
    bench = Bench()
    request = command(1, priority=priority)
    expected = await alone(request)
    running = bench.ask(request)
    answered_meanwhile = 0
    for key in range(20):
        await asyncio.sleep(0.005)
        tokens, stop = await bench.ask(asking("a.py", 10 + key % 3, 3)).answer()
        assert (len(tokens), stop) == (3, StopReason.MAX_TOKENS)
        answered_meanwhile += not running.promised.done()
    assert answered_meanwhile > 5
    assert (await running.answer())[0] == expected
    assert len(expected) == 60


async def test_two_clients_commands_and_completions_together() -> None:
    bench = Bench()
    requests = [command(1), command(2, n_samples=3), command(3, priority=Priority.BACKGROUND)]
    expected = [await alone(request) for request in requests]
    running = [bench.ask(request, client) for client, request in enumerate(requests)]
    for key in range(10):
        await bench.ask(asking("a.py", 10 + key % 3, 2), client=key % 2).answer()
    assert [(await each.answer())[0] for each in running] == expected


async def test_a_command_gets_on_while_somebody_types() -> None:
    bench = Bench()
    running = bench.ask(command(1))
    n_said = []
    for key in range(12):
        await bench.ask(asking("a.py", 10 + key % 3, 2)).answer()
        await asyncio.sleep(5 * STEP_S)
        n_said.append(len(running.tokens))
    assert n_said[-1] > n_said[len(n_said) // 2] > 0 or running.promised.done()
    await running.answer()


@pytest.mark.parametrize("priority", Priority)
async def test_what_runs_is_cancelled_soon(priority: Priority) -> None:
    bench = Bench()
    running = bench.ask(command(1, priority=priority))
    await begun(running)
    bench.runner.cancel(running.key)
    tokens, stop = await running.answer()
    assert (stop, len(tokens) < 60) == (StopReason.CANCELLED, True)
    assert (await bench.ask(asking("a.py", 10, 3)).answer())[0]


@pytest.mark.parametrize("priority", Priority)
async def test_what_is_enough_is_answered_before_the_engine_has_stopped(priority: Priority) -> None:
    bench = Bench()
    running = bench.ask(command(1, priority=priority))
    await begun(running)
    bench.runner.enough(running.key)
    assert running.promised.done()
    stop, timings = running.promised.result()
    assert (stop, timings.n_decode > 0) == (StopReason.CANCELLED, True)
    assert timings.n_decode <= len(running.tokens) < 60
    assert (await bench.ask(asking("a.py", 10, 3)).answer())[0]
    assert len(running.tokens) < 60


async def test_enough_of_what_waits_or_is_over() -> None:
    bench = Bench()
    running = bench.ask(command(1))
    await begun(running)
    waiting = bench.ask(command(2), client=2)
    bench.runner.enough(waiting.key)
    assert (await waiting.answer()) == ([], StopReason.CANCELLED)
    bench.runner.cancel(running.key)
    await running.answer()
    bench.runner.enough(running.key)
    bench.runner.enough((7, 7))
    assert (await bench.ask(asking("a.py", 10, 3)).answer())[0]


async def test_an_error_is_the_answer() -> None:
    bench = Bench()

    def fails(*_arguments: Any) -> Any:
        raise InputError("no such grammar")

    bench.runner._lanes.run = fails
    with pytest.raises(InputError, match="no such grammar"):
        await bench.ask(command(1)).answer()


async def test_what_is_cancelled_leaves_the_sequences_as_they_are_known() -> None:
    """In the middle of an evaluation, too: which sequences have had their token by then is seen."""
    bench = Bench()
    for number in range(15):
        running = bench.ask(command(1 + number % 2, n_samples=4, seed=number))
        await begun(running)
        await asyncio.sleep(number * STEP_S / 4)
        bench.runner.cancel(running.key)
        await running.answer()
        caches = bench.runner._model.caches
        assert [list(lane.session.tokens) for lane in bench.runner._lanes._lanes] == list(caches.values())


async def test_what_is_suspended_is_cancelled_at_once() -> None:
    """It does not wait until what it gave way to is over."""
    bench = Bench()
    running = bench.ask(command(1))
    await begun(running)
    typed = bench.ask(asking("a.py", 10, 40))
    await begun(typed)
    bench.runner.cancel(running.key)
    assert (await running.answer())[1] is StopReason.CANCELLED
    assert not typed.promised.done()
    await typed.answer()
    assert (await bench.ask(command(1)).answer())[0] == await alone(command(1))


async def test_a_suspended_command_that_ends_tells_all_it_cost() -> None:
    bench = Bench()
    running = bench.ask(command(1))
    await begun(running)
    await bench.ask(asking("a.py", 10, 40)).answer()
    await running.answer()
    _, timings = running.promised.result()
    assert timings.n_decode == len(running.tokens) == 60
    assert (timings.n_reused, timings.n_prefill) in {(0, 21), (0, 22)}, "one token more if it had to give way behind it"


async def test_a_bad_grammar_fails_for_its_asker_alone() -> None:
    bench = Bench()
    with pytest.raises(InputError):
        await bench.ask(command(1, grammar=" ")).answer()
    assert (await bench.ask(replace(command(1), grammar="return|def area")).answer())[1] is StopReason.END
