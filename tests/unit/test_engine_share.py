"""Background work keeps to its share of the time, gives way, and loses nothing by it."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.engine.schedule import Schedule
from codeslm_lsp.engine.share import WINDOW_S, Share
from codeslm_lsp.values import Priority

PATIENCE_S = 10


@given(st.floats(0.05, 0.95), st.lists(st.tuples(st.floats(0, 5), st.floats(0.05, 2)), min_size=1, max_size=200))
def test_no_window_holds_more_than_the_share_and_one_piece(share: float, pieces: list[tuple[float, float]]) -> None:
    """However the pieces come: each waits as long as it is told to, and then runs to its end."""
    limit, now = Share(share), 0.0
    ran: list[tuple[float, float]] = []
    for pause, length in pieces:
        now += pause
        now += limit.delay_s(now)
        assert limit.delay_s(now) < 1e-6, "whoever has waited may run"
        ran.append((now, now + length))
        now += length
        limit.spent(*ran[-1])
    longest = max(length for _, length in pieces)
    for _, end in ran:
        used = sum(max(0.0, min(e, end) - max(s, end - WINDOW_S)) for s, e in ran)
        assert used <= share * WINDOW_S + longest + 1e-6


def test_a_burst_within_the_share_is_not_slowed_down() -> None:
    limit = Share(0.5)
    for second in range(15):
        assert limit.delay_s(second) == 0
        limit.spent(second, second + 1)
    assert limit.delay_s(15) == pytest.approx(15), "the first second leaves the window when it is 30 seconds old"
    assert limit.delay_s(20) == pytest.approx(10)
    assert limit.delay_s(30.5) == 0


def test_a_whole_share_is_no_limit() -> None:
    limit = Share(1.0)
    limit.spent(0, 1000)
    assert limit.delay_s(1000) == 0


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Worker:
    """Background work in three pieces of twenty seconds each, on a schedule whose clock stands still otherwise."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.interrupted = threading.Event()
        self.schedule = Schedule(self.interrupted.set, lambda: None, clock=self.clock)
        self.pieces: list[str] = []
        self.piece_done = threading.Semaphore(0)

    def work(self) -> None:
        for n in range(3):
            self.schedule.pause()
            if self.schedule.is_interrupted:
                self.pieces.append("interrupted")
                return
            self.clock.now += 20
            self.pieces.append(str(n))
            self.piece_done.release()


def test_work_pauses_between_its_pieces_and_a_request_ends_the_pause() -> None:
    worker = Worker()
    worker.schedule.limit_background(0.5)
    promised = worker.schedule.submit(worker.work, Priority.BACKGROUND)
    assert worker.piece_done.acquire(timeout=PATIENCE_S)
    assert not worker.piece_done.acquire(timeout=0.2), "twenty of thirty seconds are more than the half"
    worker.schedule.submit(lambda: worker.pieces.append("request")).result(PATIENCE_S)
    promised.result(PATIENCE_S)
    assert worker.pieces == ["0", "interrupted", "request"]
    assert worker.interrupted.is_set()


@pytest.mark.parametrize("priority", [Priority.COMPLETION, Priority.COMMAND])
def test_what_somebody_waits_for_is_never_limited(priority: Priority) -> None:
    worker = Worker()
    worker.schedule.limit_background(0.05)
    worker.schedule.submit(worker.work, priority).result(PATIENCE_S)
    assert worker.pieces == ["0", "1", "2"]


def test_work_withdrawn_while_it_waits_for_its_share_is_not_waited_for() -> None:
    worker = Worker()
    worker.schedule.submit(worker.work, Priority.BACKGROUND).result(PATIENCE_S)
    worker.schedule.limit_background(0.05)
    waiting = worker.schedule.submit(worker.work, Priority.BACKGROUND)
    worker.schedule.withdraw(waiting, None)
    waiting.result(PATIENCE_S)
    worker.schedule.submit(lambda: None).result(PATIENCE_S)
    assert worker.pieces == ["0", "1", "2"]


def test_a_raised_limit_ends_the_pause() -> None:
    worker = Worker()
    worker.schedule.limit_background(0.05)
    promised = worker.schedule.submit(worker.work, Priority.BACKGROUND)
    assert worker.piece_done.acquire(timeout=PATIENCE_S)
    worker.schedule.limit_background(1.0)
    promised.result(PATIENCE_S)
    assert worker.pieces == ["0", "1", "2"]


def test_a_schedule_knows_how_long_it_has_been_idle() -> None:
    worker = Worker()
    worker.schedule.submit(lambda: None).result(PATIENCE_S)
    worker.clock.now += 7
    assert worker.schedule.idle_s() in (0.0, 7.0), "the thread may not have noticed its own idleness yet"
    busy, go = threading.Event(), threading.Event()
    worker.schedule.submit(busy.set)
    promised = worker.schedule.submit(lambda: go.wait(PATIENCE_S))
    assert busy.wait(PATIENCE_S)
    worker.clock.now += 7
    assert worker.schedule.idle_s() == 0
    go.set()
    promised.result(PATIENCE_S)
