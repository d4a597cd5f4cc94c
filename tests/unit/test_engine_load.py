"""What other programs use, and how the engine runs beside them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from codeslm_lsp.engine.load import SAMPLES, OthersLoad, _waited_s, is_busy, threads_beside
from codeslm_lsp.engine.tuning import choose_threads


@pytest.mark.parametrize(
    ("others_cores", "tuned", "n_cores", "expected"),
    [
        (0.0, (2, 2), 2, (2, 2)),
        (0.4, (2, 2), 2, (2, 2)),
        (1.0, (2, 2), 2, (1, 2)),
        (2.0, (2, 2), 2, (1, 2)),
        (1.0, (1, 2), 2, (1, 2)),
        (1.0, (3, 4), 4, (3, 4)),
        (2.0, (3, 4), 4, (2, 4)),
        (3.0, (8, 8), 8, (5, 8)),
        (64.0, (8, 8), 8, (1, 8)),
        (0.0, (1, 1), 1, (1, 1)),
    ],
)
def test_single_tokens_get_the_cores_that_are_left(
    others_cores: float, tuned: tuple[int, int], n_cores: int, expected: tuple[int, int]
) -> None:
    assert threads_beside(others_cores, tuned, n_cores) == expected


def test_busy_means_that_nothing_is_left() -> None:
    assert not is_busy(1.4, 2)
    assert is_busy(1.6, 2)


def test_threads_until_they_are_measured() -> None:
    assert [choose_threads(n) for n in (1, 2, 4, 8)] == [1, 2, 3, 7]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell such time apart")
def test_programs_that_give_way_are_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same second of all cores, once at the usual priority and once at a low one."""
    now = psutil.cpu_times()
    clock = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    times = iter([now, now._replace(nice=now.nice + 2), now._replace(nice=now.nice + 2, user=now.user + 1)])
    monkeypatch.setattr(psutil, "cpu_times", lambda: next(times))
    load = OthersLoad(os.getpid())
    load.sample()
    assert load.cores == 0.0
    load.sample()
    assert load.cores == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("waited", "cores"), [(0.0, 0.0), (0.1, 0.0), (0.9, 1.0)])
def test_programs_that_should_give_way_and_do_not_are_load(
    monkeypatch: pytest.MonkeyPatch, waited: float, cores: float
) -> None:
    """One core is busy at a low priority; whether it gives way is seen by how long the engine's threads wait."""
    now = psutil.cpu_times()
    n_looks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: float(next(n_looks)))
    seconds = itertools.count()
    monkeypatch.setattr(psutil, "cpu_times", lambda: now._replace(nice=now.nice + next(seconds)))
    waits = itertools.count()
    monkeypatch.setattr("codeslm_lsp.engine.load._waited_s", lambda _pid: waited * next(waits))
    load = OthersLoad(os.getpid())
    for _ in range(SAMPLES):
        load.sample()
    assert load.cores == pytest.approx(cores, abs=0.05)
    assert not load.is_quiet  # What is measured beside it would not be what the machine can do.


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="this system does not tell how long threads wait")
def test_waiting_for_a_core_is_seen() -> None:
    """Two loops on one core wait for each other half of the time."""
    core = min(os.sched_getaffinity(0))
    loops = [subprocess.Popen(["taskset", "-c", str(core), sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        before = _waited_s(loops[0].pid)
        time.sleep(1.0)
        assert _waited_s(loops[0].pid) - before > 0.2
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_the_load_of_others_is_without_the_engine_itself() -> None:
    """A busy loop counts unless it is the engine. Other programs run during a test, so only the difference is known."""
    loop = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        beside, as_engine = OthersLoad(os.getpid()), OthersLoad(loop.pid)
        for _ in range(SAMPLES):
            time.sleep(0.3)
            beside.sample()
            as_engine.sample()
        assert beside.cores > as_engine.cores + 0.1
        assert not beside.is_quiet or beside.cores < 0.3
    finally:
        loop.kill()
        loop.wait()
