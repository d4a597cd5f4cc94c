"""The order in which the engine's thread does what it is given."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from functools import partial
from typing import Any

import pytest

from codeslm_lsp.engine.schedule import Interrupted, Schedule
from codeslm_lsp.values import Priority

PATIENCE_S = 10


class Bench:
    """A schedule whose background work waits for a gate and notices interruptions, as a prefill does."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.started = threading.Semaphore(0)
        self.gate = threading.Event()
        self.interrupted = threading.Event()
        self.schedule = Schedule(self.interrupted.set, self.interrupted.clear)

    def quick(self, name: str) -> Future[str]:
        return self.schedule.submit(lambda: self._note(name))

    def slow(self, name: str) -> Future[str]:
        return self.schedule.submit(lambda: self._wait(name), Priority.BACKGROUND)

    def _note(self, name: str) -> str:
        self.done.append(name)
        return name

    def _wait(self, name: str) -> str:
        self.started.release()
        while not self.gate.wait(0.001):
            if self.interrupted.is_set():
                raise Interrupted
        return self._note(name)


def results(*promised: Future[Any]) -> list[Any]:
    return [each.result(PATIENCE_S) for each in promised]


def test_foreground_work_is_done_in_its_order() -> None:
    bench = Bench()
    names = [str(n) for n in range(50)]
    assert results(*[bench.quick(name) for name in names]) == names
    assert bench.done == names


def test_background_work_is_interrupted_and_goes_on() -> None:
    bench = Bench()
    slow = bench.slow("slow")
    assert bench.started.acquire(timeout=PATIENCE_S)
    assert results(bench.quick("quick")) == ["quick"]
    assert not slow.done()
    bench.gate.set()
    assert results(slow) == ["slow"]
    assert bench.done == ["quick", "slow"]


def test_the_newest_background_work_comes_first() -> None:
    bench = Bench()
    first = bench.slow("first")
    assert bench.started.acquire(timeout=PATIENCE_S)
    second = bench.slow("second")
    assert bench.started.acquire(timeout=PATIENCE_S), "the older one gives way"
    assert results(bench.quick("quick")) == ["quick"]
    bench.gate.set()
    results(first, second)
    assert bench.done == ["quick", "second", "first"]


def test_owners_take_turns() -> None:
    """One that asks for much at once delays the others by one piece of work, and comes to its own."""
    bench = Bench()
    slow = bench.schedule.submit(lambda: bench._wait("slow"))
    assert bench.started.acquire(timeout=PATIENCE_S)
    names = ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]
    promised = [bench.schedule.submit(partial(bench._note, name), owner=name[0]) for name in names]
    bench.gate.set()
    results(slow, *promised)
    assert bench.done == ["slow", "a1", "b1", "c1", "a2", "b2", "a3", "a4"]


def test_what_fails_fails_for_its_asker_alone() -> None:
    bench = Bench()

    def fail() -> None:
        raise ZeroDivisionError

    failing = bench.schedule.submit(fail)
    with pytest.raises(ZeroDivisionError):
        failing.result(PATIENCE_S)
    assert results(bench.quick("next")) == ["next"]


class Tidy:
    """A schedule that tidies up as often as it is told to, and notes when."""

    def __init__(self, n_times: int, idle_s: float) -> None:
        self.done: list[str] = []
        self.over = threading.Event()
        self._left = n_times
        self.schedule = Schedule(lambda: None, lambda: None, self._tidy_up, idle_s=idle_s)

    def _tidy_up(self) -> bool:
        self.done.append("tidied")
        self._left -= 1
        if self._left == 0:
            self.over.set()
        return self._left > 0

    def work(self, name: str) -> None:
        results(self.schedule.submit(lambda: self.done.append(name)))


def test_when_nothing_is_to_be_done_it_tidies_up_as_long_as_there_is_something() -> None:
    tidy = Tidy(n_times=3, idle_s=0.01)
    tidy.work("first")
    assert tidy.over.wait(PATIENCE_S)
    assert tidy.done == ["first", "tidied", "tidied", "tidied"]


def test_between_work_that_follows_soon_nothing_is_tidied_up() -> None:
    tidy = Tidy(n_times=1, idle_s=PATIENCE_S)
    for _ in range(5):
        tidy.work("work")
    assert tidy.done == ["work"] * 5


def test_work_goes_on_when_tidying_up_fails() -> None:
    failed = threading.Event()

    def fail() -> bool:
        failed.set()
        raise ZeroDivisionError

    schedule = Schedule(lambda: None, lambda: None, fail, idle_s=0.01)
    results(schedule.submit(lambda: None))
    assert failed.wait(PATIENCE_S)
    assert results(schedule.submit(lambda: "next")) == ["next"]
