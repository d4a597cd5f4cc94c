"""Scripted sessions with the real server, its engine process and real models, over real pipes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcRequestCancelled

from tests.support.client import Editor, editor
from tests.support.tiny_gguf import write_bpe_model

PATIENT = {"completion": {"time_budget_ms": 60_000, "wait_for_model_ms": 120_000, "alternatives": 0}}
"""Test machines may be slow; what is tested is not their speed."""


@asynccontextmanager
async def session(model: Path, **options: Any) -> AsyncIterator[Editor]:
    settings = {"options": PATIENT, **options}
    async with editor(["-m", "codeslm_lsp.cli", "--model", str(model), "serve"], **settings) as opened:
        yield opened


PYTHON = """import math


def circle_area(radius: float) -> float:
    return math.pi * radius**2


def square_area(side: float) -> float:
    return side**2


def rectangle_area(width: float, height: float) -> float:
    ret‸


def main() -> None:
    print(circle_area(1.0), square_area(2.0), rectangle_area(2.0, 3.0))
"""

TYPESCRIPT = """interface User {
  id: number;
  name: string;
  email: string;
}

export function findUserByName(users: User[], name: string): User | undefined {
  return users.find((user) => ‸);
}

export function findUserById(users: User[], id: number): User | undefined {
  return users.find((user) => user.id === id);
}
"""

GO = """package shapes

import "math"

type Circle struct {
	Radius float64
}

func (c Circle) Area() float64 {
	return math.Pi * c.Radius * c.Radius
}

func (c Circle) Circumference() float64 {
	return ‸
}
"""

RUST = """pub struct Point {
    pub x: f64,
    pub y: f64,
}

impl Point {
    pub fn new(x: f64, y: f64) -> Self {
        Point { x, y }
    }

    pub fn add(&self, other: &Point) -> Point {
        Point::new(‸)
    }
}
"""

HOLES = [
    ("python", "shapes.py", PYTHON, ("urn width * height",)),
    ("typescript", "users.ts", TYPESCRIPT, ("user.name === name",)),
    ("go", "shapes.go", GO, ("2 * math.Pi * c.Radius",)),
    ("rust", "point.rs", RUST, ("self.x + other.x, self.y + other.y",)),
]


async def check_four_languages(model: Path) -> None:
    async with session(model) as opened:
        for language, name, marked, expected in HOLES:
            uri = f"file:///work/{name}"
            cursor = marked.index("‸")
            opened.open(uri, marked.replace("‸", ""), language)
            items = await opened.complete(uri, cursor)
            assert [str(item.insert_text).strip() for item in items] == list(expected), language
            why = await opened.explain()
            assert why["skip"] is None
            assert 0 < why["confidence"] <= 1
            assert why["model"] == model.stem


async def test_four_languages_with_the_small_model(small_model: Path) -> None:
    await check_four_languages(small_model)


async def test_four_languages_with_the_large_model(large_model: Path) -> None:
    await check_four_languages(large_model)


async def test_who_asks_by_hand_can_choose(small_model: Path) -> None:
    """The first is what is offered without alternatives; the others are different lines."""
    marked = "colours = [" + "‸\n\n\ndef paint(colour):\n    pass\n"
    cursor, text, uri = marked.index("‸"), marked.replace("‸", ""), "file:///work/paint.py"
    patient = {"completion": {**PATIENT["completion"], "alternatives": 3, "confidence": "eager"}}
    async with session(small_model, options=patient) as opened:
        opened.open(uri, text)
        best, *others = [str(item.insert_text) for item in await opened.complete(uri, cursor)]
        [automatic] = await opened.complete(uri, cursor, trigger=2)
        assert automatic.insert_text == best
        assert others
        assert len({other.strip() for other in (best, *others)}) == 1 + len(others)


async def test_a_line_typed_key_by_key(small_model: Path) -> None:
    """A transcript: each key costs the tokens it typed, and what is offered always continues what is there."""
    before, after = PYTHON.split("ret‸")
    uri = "file:///work/shapes.py"
    offered: list[str] = []
    async with session(small_model) as opened:
        opened.open(uri, before + after)
        cursor = len(before)
        await opened.complete(uri, cursor)
        cold = (await opened.explain())["timings"]["n_prefill"]
        for key in "return wi":
            cursor = opened.type(uri, cursor, key)
            [item] = await opened.complete(uri, cursor)
            offered.append(str(item.insert_text))
            why = await opened.explain()
            assert why["anchor_reused"] or why["from_offered"]
            assert why["timings"]["n_prefill"] <= 4 < cold
    assert "return wi" + offered[-1] == "return width * height"


async def test_cancelling_stops_the_engine(small_model: Path) -> None:
    """``$/cancelRequest`` during a long prefill: answered at once, and the engine is free for the next request."""
    lines = "".join(f"value_{n} = compute({n}, {n * 7919})\n" for n in range(400))
    uri = "file:///work/long.py"
    options = {"completion": PATIENT["completion"], "prompt": {"max_tokens": 3500}}
    async with session(small_model, options=options) as opened:
        opened.open(uri, lines)
        opened.open("file:///work/short.py", "x = ")
        await opened.complete("file:///work/short.py", 4)
        request: Any = opened.client.protocol.send_request_async(
            types.TEXT_DOCUMENT_INLINE_COMPLETION, opened.request(uri, len(lines)), msg_id="long"
        )
        await asyncio.sleep(1.0)
        assert not request.done()
        opened.client.cancel_request(types.CancelParams(id="long"))
        with pytest.raises(JsonRpcRequestCancelled):
            await request
        await opened.complete("file:///work/short.py", 4)
        again = await opened.explain()
        assert again["timings"]["n_prefill"] < 100


def engine_of(server_pid: int) -> psutil.Process:
    """The server's engine; the process that looks up modules is its child too."""
    [engine] = [
        child for child in psutil.Process(server_pid).children() if "codeslm_lsp.engine" in " ".join(child.cmdline())
    ]
    return engine


async def test_killed_during_a_request_the_next_one_works(small_model: Path) -> None:
    uri = "file:///work/shapes.py"
    cursor = PYTHON.index("‸")
    async with session(small_model) as opened:
        opened.open(uri, PYTHON.replace("‸", ""))
        expected = [item.insert_text for item in await opened.complete(uri, cursor)]
        engine = engine_of(opened.server_pid)
        other = opened.type(uri, 0, "import os\n") + cursor
        os.kill(engine.pid, signal.SIGSTOP)  # Or it may have answered before it is killed.
        request = asyncio.create_task(opened.complete(uri, other))
        await asyncio.sleep(0.1)
        os.kill(engine.pid, signal.SIGKILL)
        assert await request == []
        assert (await opened.explain())["skip"]["reason"] == "engine_failed"
        assert [item.insert_text for item in await opened.complete(uri, other)] == expected
        second = engine_of(opened.server_pid)
        assert second.pid != engine.pid
    await gone(second)


async def test_nothing_is_left_behind(small_model: Path) -> None:
    async with session(small_model) as opened:
        opened.open("file:///work/a.py", "x = 1\ny = ")
        await opened.complete("file:///work/a.py", 10)
        server = psutil.Process(opened.server_pid)
        [engine] = server.children()
        opened.left = True
        server.kill()
    await gone(engine)


async def gone(process: psutil.Process) -> None:
    deadline = time.monotonic() + 10
    while process.is_running() and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert not process.is_running()


async def test_a_damaged_model_is_told(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + b"\x03\0\0\0" + b"\xff" * 100)
    async with session(path) as opened:
        opened.open("file:///work/a.py", "x = ")
        assert await opened.complete("file:///work/a.py", 4) == []
        why = await opened.explain()
        assert why["skip"]["reason"] in ("model_missing", "engine_failed")
        await opened.said("broken.gguf")


async def test_commands_have_a_model_of_their_own(small_model: Path, tmp_path: Path) -> None:
    """That completes with one which cannot converse, and asks another; that one leaves the cores to the first."""
    tiny = tmp_path / "tiny.gguf"
    write_bpe_model(tiny)
    options = PATIENT | {"commands": {"model": str(small_model), "max_tokens": 20}}
    uri = "file:///work/shapes.py"
    async with session(tiny, options=options) as opened:
        opened.open(uri, "width = ")
        await opened.complete(uri, 8)
        assert (await opened.explain())["model"] == "tiny"
        [completes] = engines_of(opened.server_pid)
        params = types.ExecuteCommandParams("codeslm.explain", [{"words": "NameError: name 'x' is not defined"}])
        answer: Any = await opened.client.workspace_execute_command_async(params)
        assert (answer["model"], answer["timings"]["n_tokens"]) == (small_model.stem, 20)
        [answers] = [each for each in engines_of(opened.server_pid) if each != completes]
        if sys.platform != "win32":
            assert answers.nice() > completes.nice()


async def test_who_cannot_converse_names_the_setting(tmp_path: Path) -> None:
    tiny = tmp_path / "tiny.gguf"
    write_bpe_model(tiny)
    async with session(tiny, options=PATIENT) as opened:
        params = types.ExecuteCommandParams("codeslm.explain", [{"words": "NameError: name 'x' is not defined"}])
        answer: Any = await opened.client.workspace_execute_command_async(params)
        assert "not trained to follow instructions" in answer["error"]
        assert "'commands.model'" in answer["error"]


def engines_of(server_pid: int) -> list[psutil.Process]:
    children = psutil.Process(server_pid).children()
    return [each for each in children if "codeslm_lsp.engine.claim" in " ".join(each.cmdline())]
