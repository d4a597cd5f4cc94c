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

    def __init__(self, turn_s: float = PATIENCE_S) -> None:
        self.done: list[str] = []
        self.started = threading.Semaphore(0)
        self.gate = threading.Event()
        self.interrupted = threading.Event()
        self.schedule = Schedule(self.interrupted.set, self.interrupted.clear, turn_s=turn_s)

    def quick(self, name: str) -> Future[str]:
        return self.schedule.submit(lambda: self._note(name))

    def slow(self, name: str, priority: Priority = Priority.BACKGROUND, owner: str = "") -> Future[str]:
        return self.schedule.submit(lambda: self._wait(name), priority, owner)

    def _note(self, name: str) -> str:
        self.done.append(name)
        return name

    def _wait(self, name: str) -> str:
        self.started.release()
        while not self.gate.wait(0.001):
            self.schedule.pause()
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


def test_completions_come_before_commands_and_these_before_background_work() -> None:
    bench = Bench()
    first = bench.slow("first", Priority.COMPLETION)
    assert bench.started.acquire(timeout=PATIENCE_S)
    names = ["background", "command", "completion", "second command"]
    priorities = [Priority.BACKGROUND, Priority.COMMAND, Priority.COMPLETION, Priority.COMMAND]
    promised = [bench.slow(name, priority) for name, priority in zip(names, priorities, strict=True)]
    bench.gate.set()
    results(first, *promised)
    assert bench.done == ["first", "completion", "command", "second command", "background"]


def test_a_command_gives_way_to_completions_and_goes_on() -> None:
    bench = Bench()
    command = bench.slow("command", Priority.COMMAND)
    for number in range(3):
        assert bench.started.acquire(timeout=PATIENCE_S)
        assert results(bench.quick(str(number))) == [str(number)]
    bench.gate.set()
    results(command)
    assert bench.done == ["0", "1", "2", "command"]


@pytest.mark.parametrize("priority", [Priority.COMMAND, Priority.BACKGROUND])
def test_a_command_does_not_give_way_to_what_comes_after_it(priority: Priority) -> None:
    bench = Bench()
    command = bench.slow("command", Priority.COMMAND, "a")
    assert bench.started.acquire(timeout=PATIENCE_S)
    other = bench.slow("other", priority, "b")
    assert not bench.interrupted.wait(0.05)
    bench.gate.set()
    results(command, other)
    assert bench.done == ["command", "other"]


def test_commands_of_several_owners_take_turns() -> None:
    """Each goes on for a while; one owner's own commands come one after the other."""
    bench = Bench(turn_s=0.02)
    order: list[str] = []

    def work(name: str) -> None:
        order.append(name)
        bench._wait(name)

    promised = [
        bench.schedule.submit(partial(work, name), Priority.COMMAND, name[0]) for name in ("a1", "a2", "b1", "c1")
    ]
    for _ in range(9):
        assert bench.started.acquire(timeout=PATIENCE_S)
    bench.gate.set()
    results(*promised)
    assert order[:9] == ["a1", "b1", "c1"] * 3
    assert bench.done.index("a1") < bench.done.index("a2")


def test_a_command_that_gave_way_to_a_completion_goes_on_before_another_begins() -> None:
    bench = Bench()
    first, second = bench.slow("first", Priority.COMMAND, "a"), bench.slow("second", Priority.COMMAND, "b")
    assert bench.started.acquire(timeout=PATIENCE_S)
    results(bench.quick("completion"))
    bench.gate.set()
    results(first, second)
    assert bench.done == ["completion", "first", "second"]


def test_what_waits_can_be_withdrawn_and_what_runs_cannot() -> None:
    bench = Bench()
    running = bench.slow("running", Priority.COMMAND)
    assert bench.started.acquire(timeout=PATIENCE_S)
    waiting = bench.slow("waiting", Priority.BACKGROUND)
    for promised in (running, waiting):
        bench.schedule.withdraw(promised, "withdrawn")
    assert results(waiting) == ["withdrawn"]
    assert not running.done()
    bench.gate.set()
    assert results(running) == ["running"]
    bench.schedule.withdraw(running, "withdrawn")
    assert bench.done == ["running"]


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
