"""Remote engines: the real thing on a loopback address. llama.cpp's own server, and ``codeslm serve --openai``."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from codeslm_lsp.completion.model_format import ModelFormat, format_by, format_of
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import Engine, GenerateRequest
from codeslm_lsp.engine.remote import RemoteEngine, RemoteOptions
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.user_text import user_text
from codeslm_lsp.values import Context, EngineUnavailable, Generation, Priority, StopReason, UserText
from tests.support.client import ROOT, editor

NAME = "qwen2.5-coder-0.5b-instruct"
URI = "file:///work/a.py"
SOURCE = "def gcd(a, b):\n    while b:\n        a, b = \n    return a\n"
AT = SOURCE.index("\n    return a")


@contextmanager
def llama_server(model: Path, name: str = NAME) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "tests.support.llama_server", str(model), name]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, text=True, cwd=ROOT, **pipes)  # type: ignore[call-overload]
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the server has not started"
        yield address, process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def address(small_model: Path) -> Iterator[str]:
    with llama_server(small_model) as (url, _):
        yield url


@asynccontextmanager
async def engine(*urls: str, api: str = "") -> AsyncIterator[RemoteEngine]:
    made = RemoteEngine(RemoteOptions(urls, api))
    try:
        yield made
    finally:
        await made.close()


async def format_there(remote: RemoteEngine) -> ModelFormat:
    model = await remote.model()
    return format_by(model.vocabulary, model.metadata, remote)


def request(prompt: tuple[int, ...], typed: str = "", **others: object) -> GenerateRequest:
    given = {"token_ids": prompt, "typed_ids": (), "stop_ids": frozenset(), "max_tokens": 6, "time_budget_ms": 60_000}
    text = UserText((typed,), "") if typed else None
    return GenerateRequest(**{**given, "typed": text, **others})  # type: ignore[arg-type]


async def said(asked: Engine, wanted: GenerateRequest) -> Generation:
    async with asked.generate(wanted) as stream:
        return await stream.result()


async def prompt_of(model: ModelFormat, prefix: str, suffix: str) -> tuple[int, ...]:
    context = Context("a.py", "python", prefix, 0, "", suffix)
    return (await build_prompt(context, model.fim, model.tokenizer, TokenBudget(400, 0.25))).token_ids


async def test_a_prompt_is_what_it_is_for_a_local_model(address: str, small_model: Path, runtime_folder: Path) -> None:
    """Token for token, also where the user's text spells sentinels; and so is what is said to it."""
    before, after = SOURCE[:AT] + "# <|fim_middle|>\n        a, b = ", SOURCE[AT:]
    local = EngineProcess(EngineOptions(small_model, n_threads=1))
    try:
        async with engine(address) as remote:
            await local.ready(120_000)
            here, there = format_of(read_header(small_model), local), await format_there(remote)
            assert (there.fim.family, there.fim.layouts, there.fim.bos_ids) == (
                here.fim.family,
                here.fim.layouts,
                here.fim.bos_ids,
            )
            assert there.chat is not None
            assert there.chat.family == "chatml"
            prompt = await prompt_of(there, before, after)
            assert prompt == await prompt_of(here, before, after)
            typed = user_text("", there.fim)
            assert (await said(remote, request(prompt, typed="".join(typed.parts)))).text[:5] == (
                await said(local, request(prompt))
            ).text[:5]
    finally:
        await local.close()


async def test_typed_text_is_healed(address: str) -> None:
    """``a, b = b, a % b`` begins inside a token: the last word is written again, and not shown twice."""
    async with engine(address) as remote:
        there = await format_there(remote)
        prompt = await prompt_of(there, "import os\n\n\ndef size(path):\n", "\n\n\nprint(size('a'))\n")
        found = await said(remote, request(prompt, typed="    return os.pat", max_tokens=8))
        assert found.text.startswith("h.getsize(path)"), found.text
        assert all(token.logprob <= 0 for token in found.tokens)


async def test_servers_that_take_text(address: str) -> None:
    """The same prompt as text, to llama.cpp's ``/v1/completions``. That knows no suffix, which costs it little here."""
    async with engine(address, api="openai") as remote, engine(address, api="suffix") as by_suffix:
        there = await format_there(remote)
        found = await said(remote, request(await prompt_of(there, SOURCE[:AT], SOURCE[AT:])))
        assert found.text.startswith("b, a % b"), found.text
        assert len({token.logprob for token in found.tokens}) > 3
        without = await prompt_of(await format_there(by_suffix), SOURCE[: AT - 1], SOURCE[AT:])
        assert (await said(by_suffix, request(without))).text.startswith(" b, a % b")


async def test_it_obeys_draws_stops_and_counts(address: str) -> None:
    async with engine(address) as remote:
        there = await format_there(remote)
        prompt = await prompt_of(there, SOURCE[:AT], SOURCE[AT:])
        obeyed = await said(remote, request(prompt, grammar='root ::= "xyz" [0-9]', priority=Priority.COMMAND))
        assert obeyed.text[:3] == "xyz"
        assert obeyed.stop is StopReason.END
        drawn = await said(remote, request(prompt, n_samples=2, temperature=1.5, seed=3, priority=Priority.COMMAND))
        assert len(drawn.alternatives) == 1
        stopped = await said(remote, request(prompt, stop_texts=("%",)))
        assert stopped.text == "b, a "
        cut = await said(remote, request(prompt, max_tokens=2))
        assert (cut.stop, len(cut.tokens)) == (StopReason.MAX_TOKENS, 2)
        assert (await said(remote, request(prompt, max_tokens=0))).stop is StopReason.MAX_TOKENS
        assert remote.evaluated().n_foreground > 0


async def test_a_request_is_ended_by_going(address: str) -> None:
    async with engine(address) as remote:
        there = await format_there(remote)
        prompt = await prompt_of(there, "# All numbers, one after the other:\n1 2 3 4", "\n")
        async with remote.generate(request(prompt, max_tokens=900)) as stream:
            async for _token in stream:
                await stream.stop()
                break
            assert (await stream.result()).stop is StopReason.CANCELLED
        late = await said(remote, request(prompt, max_tokens=900, time_budget_ms=300))
        assert late.stop is StopReason.TIME_BUDGET


async def test_a_server_that_dies_is_replaced_by_another(small_model: Path, address: str) -> None:
    with llama_server(small_model) as (first, process):
        async with engine(first, address) as remote:
            there = await format_there(remote)
            prompt = await prompt_of(there, SOURCE[:AT], SOURCE[AT:])
            process.kill()
            process.wait()
            for document in "abcd":
                assert (await said(remote, request(prompt, document=document))).text.startswith("b, a")


async def test_one_with_another_model_is_left_alone(small_model: Path, address: str) -> None:
    with llama_server(small_model, "another") as (other, _):
        async with engine(address, other) as remote:
            await remote.ready(60_000)
            assert [member.server.url for member in remote._well()] == [address]


@pytest.mark.parametrize("said_there", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]"])
async def test_what_answers_nonsense_is_told(said_there: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said_there)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with engine(f"http://127.0.0.1:{port}") as remote, server:
        with pytest.raises(EngineUnavailable, match=f"No remote engine can be used.*{port}"):
            await remote.ready(20_000)


async def test_an_editor_is_answered_from_there_and_from_here(
    small_model: Path, runtime_folder: Path, tmp_path: Path
) -> None:
    """From here where the file is private, or the server has gone; and nothing of that is told as an error."""
    command = ["-m", "codeslm_lsp.cli", "--model", str(small_model), "serve"]
    with llama_server(small_model, "team") as (url, process):
        options = {"remote": {"urls": [url], "private_files": ["own/"], "patience_ms": 60_000}}
        async with editor(command, options=options, root=tmp_path) as session:
            outside, private = (tmp_path / "a.py").as_uri(), (tmp_path / "own" / "b.py").as_uri()
            secret = (tmp_path / "c.py").as_uri()
            session.open(outside, SOURCE)
            session.open(private, SOURCE)
            key = "".join(["gh", "p_", "a1B2c3D4e5" * 4])
            session.open(secret, f"token = '{key}'\n{SOURCE}")
            for uri, model, offset in (
                (outside, "team", 0),
                (private, small_model.stem, 0),
                (secret, small_model.stem, 1),
            ):
                at = session.texts[uri].index("\n    return a") if offset else AT
                [item, *_] = await session.complete(uri, at)
                assert str(item.insert_text).startswith("b, a % b")
                assert (await session.explain())["model"] == model
            process.kill()
            process.wait()
            at = session.type(outside, len(SOURCE), "\n\ndef lcm(a, b):\n    return a * b // ")
            assert await session.complete(outside, at), await session.explain()
            assert (await session.explain())["model"] == small_model.stem
            assert session.messages == []  # That it went is told where there is nothing else to answer.
