"""Only the newest request is computed."""

from __future__ import annotations

import asyncio

import pytest

from codeslm_lsp.completion.latest import LatestWins
from codeslm_lsp.values import Report, Skip, SkipReason, Trigger

REPORT = Report(Skip(SkipReason.BLANK, "The model proposes nothing here."), Trigger.AUTOMATIC)


class Work:
    """A request's work, which ends when it is told to; ``events`` is what happened to it."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()

    async def run(self) -> Report:
        self.events.append("started")
        self.started.set()
        try:
            async with asyncio.timeout(5):  # Rather than to wait for ever for what nobody cancels.
                await self.go_on.wait()
        except asyncio.CancelledError:
            self.events.append("cancelled")
            raise
        self.events.append("done")
        return REPORT


async def test_the_work_of_one_request() -> None:
    work = Work()
    work.go_on.set()
    assert await LatestWins().run(work.run()) is REPORT
    assert work.events == ["started", "done"]


async def test_a_newer_request_cancels_the_older_one() -> None:
    latest, old, new = LatestWins(), Work(), Work()
    first = asyncio.create_task(latest.run(old.run()))
    await old.started.wait()
    second = asyncio.create_task(latest.run(new.run()))
    assert await first is None
    assert old.events == ["started", "cancelled"]
    assert not second.done()
    new.go_on.set()
    assert await second is REPORT


async def test_only_the_last_of_many_is_computed() -> None:
    latest = LatestWins()
    works = [Work() for _ in range(10)]
    works[-1].go_on.set()
    answers = await asyncio.gather(*(latest.run(work.run()) for work in works))
    assert answers == [None] * 9 + [REPORT]
    assert [work.events for work in works] == [[]] * 9 + [["started", "done"]]


async def test_requests_one_after_the_other_do_not_disturb_each_other() -> None:
    latest = LatestWins()
    for _ in range(3):
        work = Work()
        work.go_on.set()
        assert await latest.run(work.run()) is REPORT


async def test_a_cancelled_caller_cancels_its_work() -> None:
    latest, work = LatestWins(), Work()
    caller = asyncio.create_task(latest.run(work.run()))
    await work.started.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.sleep(0)
    assert work.events == ["started", "cancelled"]


async def test_a_cancelled_caller_does_not_cancel_what_came_after() -> None:
    latest, old, new = LatestWins(), Work(), Work()
    first = asyncio.create_task(latest.run(old.run()))
    await old.started.wait()
    second = asyncio.create_task(latest.run(new.run()))
    await new.started.wait()
    first.cancel()
    await asyncio.wait({first})
    new.go_on.set()
    assert await second is REPORT
    assert new.events == ["started", "done"]


async def test_cancel_stops_what_runs() -> None:
    latest, work = LatestWins(), Work()
    latest.cancel()
    caller = asyncio.create_task(latest.run(work.run()))
    await work.started.wait()
    latest.cancel()
    assert await caller is None
    assert work.events == ["started", "cancelled"]
    latest.cancel()


async def test_an_error_reaches_its_own_caller_only() -> None:
    async def broken() -> Report:
        raise ZeroDivisionError

    latest, work = LatestWins(), Work()
    with pytest.raises(ZeroDivisionError):
        await latest.run(broken())
    work.go_on.set()
    assert await latest.run(work.run()) is REPORT
