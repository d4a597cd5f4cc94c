"""The soak's own judgement: it sees a leak, a text that differs and a wrong clock, and none where there is none."""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.soak.corpus import corpus
from tests.soak.journal import Broken, Sample
from tests.soak.judging import lives, piles_up, slope
from tests.soak.mirror import compare_by_actions, compare_by_echo
from tests.support.client import ROOT, replay_editor

URI = "file:///work/a.py"
SOURCE = "total = 1\nnothing\nshare = total / 2\n"

READS_THE_WALL_CLOCK = {
    *("usage/journal.py", "serving/answers.py"),
    *("workspace/places.py", "prompt/chat_rendering.py"),
}
"""They write down when something was. All that waits or measures must not care what time of day it is."""


def life(
    mb_per_10_minutes: float, *, pid: int = 1, began_s: float = 0.0, threads_per_minute: float = 0.0
) -> list[Sample]:
    """Twenty minutes of a process whose memory grows, with some noise."""
    draw = random.Random(pid)
    return [
        Sample(
            began_s + at_s,
            "server",
            pid,
            int(60e6 + pid * 1e6 + mb_per_10_minutes * 1e6 * at_s / 600 + draw.gauss(0, 2e5)),
            0,
            20,
            5 + int(threads_per_minute * at_s / 60),
        )
        for at_s in range(0, 1200, 3)
    ]


@pytest.mark.parametrize(("growth", "verdict"), [(0.0, "under"), (5.0, "over")])
def test_growth_is_seen_through_several_lives(growth: float, verdict: str) -> None:
    samples = [*life(growth), *life(growth, pid=2, began_s=1200)]
    found = slope(lives(samples, "server", warm_up_s=60))
    assert found is not None
    assert found.n_lives == 2
    assert found.low < growth < found.high
    assert found.verdict == verdict


def test_a_short_life_says_nothing_of_growth() -> None:
    assert slope([life(5.0)[:30]]) is None
    assert slope(lives(life(5.0), "engine", 0)) is None


def test_threads_that_pile_up_are_seen() -> None:
    assert piles_up([life(0.0)]) == ""
    assert piles_up([life(0.0, threads_per_minute=1)]).startswith("threads from")


def test_there_is_something_to_type_in() -> None:
    sources = corpus(random.Random(0))
    assert len({source.path for source in sources}) == 50
    assert len({source.language for source in sources}) >= 6
    assert all(source.text.count("\n") >= 10 for source in sources)


@pytest.mark.parametrize("change", ["", "more"])
async def test_a_text_that_differs_is_seen(change: str) -> None:
    script = {"echoes": True}
    options = {"prompt": {"max_tokens": 100_000}}
    async with replay_editor(script, options=options) as editor:
        editor.open(URI, SOURCE)

        async def ask(method: str, params: Any) -> Any:
            return await editor.client.protocol.send_request_async(method, params)

        def seen() -> AbstractContextManager[object]:
            return pytest.raises(Broken, match="another text") if change else nullcontext()

        shown = SOURCE.replace("nothing\n", f"nothing{change and ' = 1'}\n")
        with seen():
            await compare_by_actions(ask, URI, shown, random.Random(0))
        with seen():
            await compare_by_echo(ask, URI, shown, shown.index("share = ") + len("share = "))


def test_the_wall_clock_of_a_process_can_be_set(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("86400")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "tests" / "soak" / "clock"),
        "CODESLM_SOAK_CLOCK": str(tmp_path / "clock"),
    }
    command = [sys.executable, "-c", "import time; print(time.time(), time.monotonic())"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    wrong, monotonic = map(float, told.split())
    assert 86_000 < wrong - time.time() < 87_000
    assert abs(monotonic - time.monotonic()) < 1000


def test_nothing_waits_by_the_wall_clock() -> None:
    package = ROOT / "codeslm_lsp"
    found = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("time.time", "datetime.datetime.now"):
                found.add(path.relative_to(package).as_posix())
    assert found == READS_THE_WALL_CLOCK
