"""One engine for all editors of the user: real servers and real engine processes on a tiny model, and on a real one."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from codeslm_lsp.engine import peer, wire
from codeslm_lsp.engine.meeting import meet
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.rendezvous import Place, lonely_place
from codeslm_lsp.values import EngineDied, EngineUnavailable, Priority, StopReason
from tests.support.client import Editor, editor
from tests.support.tiny_gguf import write_bpe_model

PATIENCE_S = 30
SOURCE = "def area(width, height):\n    return width * height\n\n\nvalue = "
URI = "file:///work/shapes.py"

PROMPT = tuple(range(40, 60))
"""Any tokens will do: the tiny model's weights are random."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_bpe_model(path)
    return path


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that takes seconds for ``asking(1900)``: it does not find its only token that would end a text."""
    path = tmp_path_factory.mktemp("models") / "endless.gguf"
    write_bpe_model(path, sentinels=(), n_embd=512)
    return path


@asynccontextmanager
async def server(model: Path, **engine_settings: Any) -> AsyncIterator[Editor]:
    """A real server with a document open and one request answered."""
    options = {
        "completion": {"time_budget_ms": 60_000, "wait_for_model_ms": 120_000, "prefetch": "never"},
        "engine": engine_settings,
    }
    async with editor(["-m", "codeslm_lsp.cli", "--model", str(model), "serve"], options=options) as opened:
        opened.open(URI, SOURCE)
        await answered(opened)
        yield opened


async def answered(opened: Editor) -> Any:
    """The editor types and asks; the model, not what was offered before, has to answer."""
    offset = opened.type(URI, len(opened.texts[URI]), "w")
    await opened.complete(URI, offset)
    why = await opened.explain()
    assert why["skip"] is None or why["skip"]["reason"] != "engine_failed", why
    assert why["timings"]["n_prefill"] > 0, why
    return why


@pytest.mark.parametrize("what", ["socket", "card", "folder"])
@pytest.mark.skipif(sys.platform == "win32", reason="there a file that is open cannot be deleted")
async def test_an_engine_that_was_tidied_away_is_found_again(tiny: Path, runtime_folder: Path, what: str) -> None:
    """Programs that clean the folder for temporary files do that to engines that live for days."""
    async with client(tiny) as first:
        (place,) = (path for path in (runtime_folder / "codeslm").iterdir() if path.is_dir())
        if what == "folder":
            shutil.rmtree(place)
        else:
            (place / what).unlink()
        async with client(tiny) as second:
            assert second.pid == first.pid


@asynccontextmanager
async def client(model: Path, **options: Any) -> AsyncIterator[EngineProcess]:
    engine = EngineProcess(EngineOptions(model, n_ctx=2048, **options))
    await engine.ready(60_000)
    yield engine
    await engine.close()


def asking(max_tokens: int, **options: Any) -> GenerateRequest:
    return GenerateRequest(PROMPT, (), frozenset(), max_tokens, 600_000, **options)


def engines(runtime: Path) -> list[psutil.Process]:
    """All living engine processes of this test."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if str(runtime) in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


async def the_engine(runtime: Path, *, other_than: int = 0) -> psutil.Process:
    """The one engine that can be called, once those that came too late have ended."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = engines(runtime)
        if len(found) == 1 and found[0].pid in called(runtime) and found[0].pid != other_than:
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError(f"not one engine but {engines(runtime)}")


def called(runtime: Path) -> list[int]:
    """The engines that can be called, by their cards; one that was killed leaves its own behind."""
    pids = []
    for card in runtime.glob("codeslm/*/card"):
        with suppress(OSError):
            pids.append(int(json.loads(card.read_text(encoding="utf-8"))["pid"]))
    return pids


async def none_left(runtime: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (engines(runtime) or any(runtime.glob("codeslm/*"))) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    assert not engines(runtime)
    assert [path.name for path in runtime.glob("codeslm/*")] == []


async def test_two_editors_share_one_engine_and_the_second_costs_little(
    small_model: Path, runtime_folder: Path
) -> None:
    async with server(small_model) as first:
        alone = await the_engine(runtime_folder)
        assert alone in psutil.Process(first.server_pid).children()
        before_bytes = alone.memory_info().rss
        async with server(small_model) as second:
            assert await the_engine(runtime_folder) == alone
            added_bytes = psutil.Process(second.server_pid).memory_full_info().uss
            assert psutil.Process(second.server_pid).children() == []
            assert alone.memory_info().rss - before_bytes < 20e6
            assert added_bytes < 80e6, f"{added_bytes / 1e6:.0f} MB"
    await none_left(runtime_folder)


async def test_the_one_who_started_it_may_close(tiny: Path, runtime_folder: Path) -> None:
    async with server(tiny) as first:
        engine = await the_engine(runtime_folder)
        async with server(tiny) as second:
            await first.leave()
            await answered(second)
            assert await the_engine(runtime_folder) == engine
    await none_left(runtime_folder)


async def test_the_one_who_started_it_may_be_killed(tiny: Path, runtime_folder: Path) -> None:
    async with server(tiny) as first:
        engine = await the_engine(runtime_folder)
        if sys.platform != "win32":
            assert os.getsid(engine.pid) == engine.pid, "a Ctrl-C meant for the editor would reach it"
        async with server(tiny) as second:
            first.left = True
            psutil.Process(first.server_pid).kill()
            await answered(second)
            assert await the_engine(runtime_folder) == engine
    await none_left(runtime_folder)


async def test_killed_with_two_connected_one_takes_its_place(tiny: Path, runtime_folder: Path) -> None:
    async with server(tiny) as first, server(tiny) as second:
        killed = await the_engine(runtime_folder)
        killed.kill()
        engine = await the_engine(runtime_folder, other_than=killed.pid)
        for opened in (first, second):
            await answered(opened)
        assert await the_engine(runtime_folder) == engine
    await none_left(runtime_folder)


async def test_killed_while_both_type_each_loses_at_most_one_suggestion(tiny: Path, runtime_folder: Path) -> None:
    async with server(tiny) as first, server(tiny) as second:
        killed = await the_engine(runtime_folder)
        lost = {id(first): 0, id(second): 0}

        async def type_on(opened: Editor) -> None:
            for key in "width = heigh":
                offset = opened.type(URI, len(opened.texts[URI]), key)
                await opened.complete(URI, offset)
                skip = (await opened.explain())["skip"]
                lost[id(opened)] += skip is not None and skip["reason"] in ("engine_failed", "model_loading")

        typing = asyncio.gather(type_on(first), type_on(second))
        await asyncio.sleep(0.1)
        killed.kill()
        await typing
        assert max(lost.values()) <= 1
        assert await the_engine(runtime_folder) != killed
    await none_left(runtime_folder)


async def test_starts_at_the_same_instant_make_one_engine(tiny: Path, runtime_folder: Path) -> None:
    clients = [EngineProcess(EngineOptions(tiny)) for _ in range(6)]
    await asyncio.gather(*[each.ready(60_000) for each in clients])
    engine = await the_engine(runtime_folder)
    assert {each.pid for each in clients} == {engine.pid}
    await asyncio.gather(*[each.close() for each in clients])
    assert engines(runtime_folder) == []


async def test_other_settings_make_another_engine(tiny: Path, runtime_folder: Path) -> None:
    async with client(tiny) as one, client(tiny, n_threads=3) as other, client(tiny, shared=False) as lonely:
        assert len({one.pid, other.pid, lonely.pid}) == 3
    assert engines(runtime_folder) == []


async def test_what_a_killed_engine_left_is_cleared_away(tiny: Path, runtime_folder: Path) -> None:
    """The socket and card of an engine that was killed after its servers."""
    left = EngineProcess(EngineOptions(tiny, n_ctx=2048))
    await left.ready(60_000)
    assert left.pid is not None
    left._deaths = [time.monotonic()] * 3  # It has died too often to be started again.
    os.kill(left.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while left.pid is not None and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert len(list(runtime_folder.glob("codeslm/*/card"))) == 1
    async with client(tiny) as engine, engine.generate(asking(2)) as stream:
        assert (await stream.result()).tokens
    await left.close()
    assert list(runtime_folder.glob("codeslm/*")) == []


async def test_idle_it_gives_its_memory_back_and_comes_again(tiny: Path, runtime_folder: Path) -> None:
    async with server(tiny, idle_minutes=0.02) as first, server(tiny, idle_minutes=0.02) as second:
        left = await the_engine(runtime_folder)
        while left.is_running():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        assert engines(runtime_folder) == [], "it was started again though nobody had asked"
        await asyncio.gather(answered(first), answered(second))
        assert await the_engine(runtime_folder) != left
    await none_left(runtime_folder)


async def test_it_stays_for_the_client_that_wants_it_longest(tiny: Path, runtime_folder: Path) -> None:
    async with client(tiny, idle_minutes=0) as patient, client(tiny, idle_minutes=0.005) as other:
        await asyncio.sleep(1.0)
        assert patient.pid == other.pid == (await the_engine(runtime_folder)).pid


async def test_what_was_asked_while_it_left_is_answered(tiny: Path, runtime_folder: Path) -> None:
    """Requests at every moment around the idle engine's end: none is lost."""
    async with client(tiny, idle_minutes=0.2 / 60) as engine:
        pids = set()
        for n in range(12):
            await asyncio.sleep(0.185 + n * 0.003)
            await engine.ready(60_000)
            pids.add(engine.pid)
            async with engine.generate(asking(2)) as stream:
                assert (await stream.result()).tokens
        assert len(pids) > 1, "it never left"


async def test_nobody_stops_somebody_elses_generation(endless: Path) -> None:
    """Each client numbers its generations from 0."""
    async with (
        client(endless) as one,
        client(endless) as other,
        one.generate(asking(300)) as stream,
        other.generate(asking(1900)) as stopped,
    ):
        await asyncio.sleep(0.05)
        await stopped.stop()
        assert (await stopped.result()).stop is StopReason.CANCELLED
        assert (await stream.result()).stop is StopReason.MAX_TOKENS


async def test_documents_of_the_same_name_do_not_take_each_others_place(tiny: Path) -> None:
    async with client(tiny) as one, client(tiny) as other:
        for n in range(3):
            for engine, first in ((one, 100), (other, 200)):
                prompt = (first, *PROMPT)
                async with engine.generate(replace(asking(1, document="a.py"), token_ids=prompt)) as stream:
                    n_prefill = (await stream.result()).timings.n_prefill
                assert n_prefill == len(prompt) if n == 0 else n_prefill <= 1
        for first in (101, 102):
            async with other.generate(replace(asking(1, document="a.py"), token_ids=(first, *PROMPT))) as stream:
                await stream.result()
        async with one.generate(replace(asking(1, document="a.py"), token_ids=(100, *PROMPT))) as stream:
            assert (await stream.result()).timings.n_prefill <= 1


@asynccontextmanager
async def raw_client(place: Place) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client that has been let in, and does with its connection what it likes."""
    meeting = await meet(place)
    yield meeting.reader, meeting.writer
    meeting.writer.close()
    if meeting.candidate is not None:
        meeting.candidate.close()


def place_in(runtime: Path) -> Place:
    [card] = runtime.glob("codeslm/*/card")
    return Place(card.parent)


def message(method: str, params: Any, number: int) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


async def test_work_of_a_client_that_went_is_dropped(endless: Path, runtime_folder: Path) -> None:
    """Minutes of work, of somebody whose connection breaks: another's request is not behind it."""
    async with client(endless) as engine:
        async with raw_client(place_in(runtime_folder)) as (_, writer):
            for number in range(60):
                request = asking(1900, document=str(number), priority=list(Priority)[number % 3])
                writer.write(message(wire.GENERATE, {"stream": number, **wire.request_to_json(request)}, number))
            await writer.drain()
            await asyncio.sleep(0.5)
        async with asyncio.timeout(PATIENCE_S):
            async with engine.generate(
                asking(2, priority=Priority.BACKGROUND)
            ) as stream:  # Behind all that is still wanted.
                assert (await stream.result()).tokens


async def test_a_client_that_does_not_read_is_given_up(tiny: Path, runtime_folder: Path) -> None:
    async with client(tiny) as engine, raw_client(place_in(runtime_folder)) as (reader, writer):
        with suppress(ConnectionError):
            for number in range(12):
                writer.write(message(wire.ENCODE, {"texts": ["x" * 1_000_000]}, number))
                await writer.drain()
        async with engine.generate(asking(2)) as stream:
            assert (await stream.result()).tokens
        await reached_end(reader)


async def test_no_text_ends_the_engine_of_all(tmp_path: Path) -> None:
    """llama.cpp's tokenizer for this name recurses for every letter."""
    path = tmp_path / "deepseek.gguf"
    write_bpe_model(path, pre="deepseek-coder")
    async with client(path) as engine:
        for text in ("a" * 200_000, " " * 200_000, "(=)" * 70_000, "\ud800"):
            assert (await engine.encode([text]))[0]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"Content-Length: 5\r\n\r\n{{{{{",
        b"Content-Length: 99999999999\r\n\r\n{",
        b"x" * 200_000,
        message("engine/nothing", {}, 1) + b"Content-Length: 4\r\n\r\nnull",
    ],
    ids=["no message", "too long", "no header", "null"],
)
async def test_nonsense_ends_the_connection_of_its_sender_only(
    tiny: Path, runtime_folder: Path, nonsense: bytes
) -> None:
    async with client(tiny) as engine:
        async with raw_client(place_in(runtime_folder)) as (reader, writer):
            writer.write(nonsense)
            await reached_end(reader)
        async with engine.generate(asking(2)) as stream:
            assert (await stream.result()).tokens


async def reached_end(reader: asyncio.StreamReader) -> None:
    """Read until the engine has closed the connection."""
    async with asyncio.timeout(PATIENCE_S):
        with suppress(ConnectionError):
            while await reader.read(1 << 20):
                pass


@pytest.mark.skipif(sys.platform == "win32", reason="there is no socket file")
async def test_who_does_not_know_the_secret_is_not_let_in(tiny: Path, runtime_folder: Path) -> None:
    async with client(tiny) as engine:
        place = place_in(runtime_folder)
        assert place.socket.stat().st_mode & 0o777 == 0o600
        reader, writer = await asyncio.open_unix_connection(place.socket)
        with pytest.raises(peer.Stranger):
            await peer.greet(reader, writer, "guess", own=peer.CLIENT, other=peer.ENGINE)
        writer.write(message(wire.ENCODE, {"texts": ["x"]}, 1))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        assert await engine.encode(["x"])


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of Unix")
async def test_a_folder_that_others_may_enter_is_told(tiny: Path, runtime_folder: Path) -> None:
    (runtime_folder / "codeslm").mkdir(mode=0o755)
    engine = EngineProcess(EngineOptions(tiny))
    with pytest.raises(EngineUnavailable, match="remove it"):
        await engine.ready(60_000)
    await engine.close()
    assert engines(runtime_folder) == []


async def test_the_first_to_close_while_loading_leaves_the_engine_to_the_other(tiny: Path) -> None:
    one, other = EngineProcess(EngineOptions(tiny)), EngineProcess(EngineOptions(tiny))
    for each in (one, other):
        each.start()
    for delay_s in (0.05, 0.2, 0.4):
        await asyncio.sleep(delay_s)
    await one.close()
    await other.ready(60_000)
    async with other.generate(asking(2)) as stream:
        assert (await stream.result()).tokens
    await other.close()


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.3, 0.6, 0.9])
async def test_closing_at_once_leaves_nothing(tiny: Path, runtime_folder: Path, delay_s: float) -> None:
    """And somebody who waits for the same engine gets one, whoever has started it."""
    one, other = EngineProcess(EngineOptions(tiny)), EngineProcess(EngineOptions(tiny))
    one.start()
    other.start()
    await asyncio.sleep(delay_s)
    await one.close()
    await other.ready(60_000)
    await other.close()
    assert engines(runtime_folder) == []


async def test_an_engine_that_nobody_calls_leaves(runtime_folder: Path) -> None:
    place = lonely_place()
    impatient = "from codeslm_lsp.engine import claim, host; host.FIRST_CLIENT_S = 1.0; claim.main()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", impatient, place.folder)
    async with asyncio.timeout(60):
        assert await process.wait() == 0
    await none_left(runtime_folder)


async def test_one_that_stops_while_loading_is_told_to_all(tmp_path: Path) -> None:
    """Only the one who started it can read its last words."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + b"\0" * 60)
    clients = [EngineProcess(EngineOptions(path)) for _ in range(2)]
    for each in clients:
        with pytest.raises((EngineUnavailable, EngineDied), match=r"model\.gguf.*codeslm models pull"):
            await each.ready(60_000)
    for each in clients:
        await each.close()
