"""The real worker: it answers, is started when needed, is killed when it takes too long, and keeps nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.values import ExpressionError


@pytest.fixture
async def mathematician() -> AsyncIterator[Mathematician]:
    opened = Mathematician(20.0)
    yield opened
    await opened.close()


async def test_starts_with_the_first_question(mathematician: Mathematician) -> None:
    assert mathematician.pid is None
    assert (await mathematician.verify("sin(2x) = 2 sin x cos x")).outcome == "proved"
    assert mathematician.pid is not None


async def test_answers_in_turn(mathematician: Mathematician) -> None:
    verdict, computed, is_equal = await asyncio.gather(
        mathematician.verify("sqrt(x^2) = x"),
        mathematician.compute("a = 2\nanswer = a/4"),
        mathematician.equal("1/2", "0.5"),
    )
    assert verdict.outcome == "refuted"
    assert verdict.counterexample == {"x": "-1"}
    assert verdict.detail == "At x = -1 the left side is 1 and the right side is -1, so sqrt(x^2) = x is false there."
    assert (computed.answer, computed.decimal, computed.values) == ("1/2", "0.5", (("a", "2"), ("answer", "1/2")))
    assert is_equal is True


async def test_errors_cross_the_pipe(mathematician: Mathematician) -> None:
    with pytest.raises(ExpressionError, match="y is not defined"):
        await mathematician.compute("answer = y")
    assert await mathematician.equal("2", "2")


@pytest.mark.parametrize(
    "text",
    [
        "9^9^9 = 1",
        "100000000! = 1",
        "binomial(10^9, 5*10^8) = 1",
        "(x + y + z + 1)^200 = (z + y + x + 1)^199*(x + y + z + 2)",
        "sqrt(1 + sqrt(2 + sqrt(3 + sqrt(4 + sqrt(5 + sqrt(x)))))) = y",
        "sum(k^100, k, 1, 10^100) = 1",
        "product(k, k, 1, 10^8) = 1",
        "2^(2^(2^(2^x))) = x",
        "tan(10^300) = 1",
        "e^e^e^e^e^x = 1",
    ],
)
async def test_explosive_claims_are_answered(mathematician: Mathematician, text: str) -> None:
    verdict = await mathematician.verify(text)
    assert verdict.outcome != "proved"
    assert verdict.detail.endswith(".")


async def test_is_killed_when_it_takes_too_long() -> None:
    mathematician = Mathematician(0.3)
    assert await mathematician.equal("1", "1")
    before = mathematician.pid
    assert before is not None
    process = psutil.Process(before)
    process.suspend()
    with pytest.raises(ExpressionError, match=r"It took longer than 0\.3 s"):
        await mathematician.compute("answer = 1")
    assert not process.is_running()
    assert await mathematician.equal("1", "1.0")
    assert mathematician.pid != before
    second = psutil.Process(mathematician.pid)
    second.suspend()
    assert (await mathematician.verify("x = x")).outcome == "unknown"
    assert not second.is_running()
    await mathematician.close()


async def test_cancelling_ends_at_once(mathematician: Mathematician) -> None:
    assert await mathematician.equal("1", "1")
    pid = mathematician.pid
    assert pid is not None
    process = psutil.Process(pid)
    process.suspend()  # As busy as can be: it will not answer.
    asking = asyncio.create_task(mathematician.compute("answer = 1"))
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not process.is_running()
    assert await mathematician.equal("1", "1")


async def test_a_killed_worker_is_started_again(mathematician: Mathematician) -> None:
    assert await mathematician.equal("1", "1")
    psutil.Process(mathematician.pid).kill()
    with pytest.raises(ExpressionError, match="ended"):
        await mathematician.equal("1", "1")
    assert await mathematician.equal("1", "1")


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_AS"), reason="only Linux tells the limits of another process")
async def test_memory_is_limited(mathematician: Mathematician) -> None:
    assert await mathematician.equal("1", "1")
    process = psutil.Process(mathematician.pid)
    assert process.rlimit(psutil.RLIMIT_AS)[0] == 1 << 30


async def test_closing_ends_the_worker_and_what_waits() -> None:
    mathematician = Mathematician()
    assert await mathematician.equal("1", "1")
    process = psutil.Process(mathematician.pid)
    process.suspend()
    asking = asyncio.create_task(mathematician.compute("answer = 1"))
    await asyncio.sleep(0.05)
    await mathematician.close()
    with pytest.raises(ExpressionError):
        await asking
    assert not process.is_running()
    with pytest.raises(ExpressionError, match="closed"):
        await mathematician.equal("1", "1")
