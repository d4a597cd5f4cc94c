"""Other programs over HTTP: the real application behind a real socket, with the replaying engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from codeslm_lsp.serving.app import MAX_BODY_BYTES, build_app
from codeslm_lsp.serving.key import access_key, key_file
from codeslm_lsp.serving.offer import Offer
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import InputError
from tests.support.replay import Script, replaying
from tests.support.waiting import DEADLINE_S

KEY = "a-key-for-tests-only"
PREFIX, SUFFIX = "def add(a, b):\n    ret", "\n\n\nprint(add(1, 2))\n"
INFILL = {"input_prefix": "def add(a, b):\n", "prompt": "    ret", "input_suffix": SUFFIX, "n_predict": 32}


@asynccontextmanager
async def served(tmp_path: Path, **script: Any) -> AsyncIterator[httpx2.AsyncClient]:
    answering = Script(**{"answers": {"    ret": "urn a + b\n"}, **script})
    app = build_app(lambda: Offer(lambda _settings: replaying(answering), Settings(), tmp_path), KEY)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
            yield client
    finally:
        server.should_exit = True
        await running


async def test_the_way_of_openai(tmp_path: Path) -> None:
    async with served(tmp_path, alternatives=["urn b + a\n"]) as client:
        answer = (await client.post("/v1/completions", json={"prompt": PREFIX, "suffix": SUFFIX})).json()
        assert (answer["object"], answer["model"]) == ("text_completion", "replay")
        assert [(each["text"], each["finish_reason"]) for each in answer["choices"]] == [("urn a + b", "stop")]
        assert answer["usage"]["completion_tokens"] > 0
        several = (await client.post("/v1/completions", json={"prompt": PREFIX, "suffix": SUFFIX, "n": 2})).json()
        assert [each["text"] for each in several["choices"]] == ["urn a + b", "urn b + a"]
        stopped = {"prompt": PREFIX, "suffix": SUFFIX, "stop": [" +"]}
        assert (await client.post("/v1/completions", json=stopped)).json()["choices"][0]["text"] == "urn a"
        models = (await client.get("/v1/models")).json()
        assert [each["id"] for each in models["data"]] == ["replay"]


async def test_a_stream(tmp_path: Path) -> None:
    body = {"prompt": PREFIX, "suffix": SUFFIX, "stream": True}
    async with served(tmp_path) as client, client.stream("POST", "/v1/completions", json=body) as response:
        events = [line.removeprefix("data: ") async for line in response.aiter_lines() if line]
    assert events[-1] == "[DONE]"
    choices = [json.loads(event)["choices"][0] for event in events[:-1]]
    assert "".join(each["text"] for each in choices) == "urn a + b"
    assert [each["finish_reason"] for each in choices] == [None, "stop"]


async def test_the_way_of_llama_cpp(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        answer = (await client.post("/infill", json=INFILL)).json()
        assert (answer["content"], answer["stop"]) == ("urn a + b", True)
        few = {**INFILL, "response_fields": ["content", "timings/prompt_n", "no/such"]}
        assert set((await client.post("/infill", json=few)).json()) == {"content", "timings/prompt_n"}


async def test_nothing_to_offer_has_a_reason(tmp_path: Path) -> None:
    async with served(tmp_path, default="", answers={}) as client:
        answer = (await client.post("/v1/completions", json={"prompt": PREFIX})).json()
        assert answer["choices"][0]["text"] == ""
        assert answer["codeslm"]["reason"] == "nothing_generated"


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Bearer {KEY}x", KEY[:-1], "Basic x", "Bearer é"])
async def test_without_the_key_nothing_is_answered(tmp_path: Path, given: str) -> None:
    async with served(tmp_path) as client:
        for method, path in (("POST", "/v1/completions"), ("POST", "/infill"), ("GET", "/v1/models")):
            headers = httpx2.Headers({b"Authorization": given.encode()})
            said = await client.request(method, path, json={"prompt": PREFIX}, headers=headers)
            assert said.status_code == 401
            assert said.json()["error"]["message"].endswith(".")
        assert (await client.get("/health", headers={"Authorization": ""})).json() == {"status": "ok"}


BAD: list[tuple[str, bytes]] = [
    ("/v1/completions", b""),
    ("/v1/completions", b"[1]"),
    ("/v1/completions", b"{"),
    ("/v1/completions", b'{"prompt": 3}'),
    ("/v1/completions", b'{"prompt": ["a", "b"]}'),
    ("/v1/completions", b'{"prompt": "x", "max_tokens": "many"}'),
    ("/v1/completions", b'{"prompt": "x", "stop": [1]}'),
    ("/v1/completions", b"[" * 100_000),
    ("/infill", b'{"input_prefix": 1}'),
]


@pytest.mark.parametrize(("path", "body"), BAD)
async def test_what_cannot_be_read_is_told(tmp_path: Path, path: str, body: bytes) -> None:
    async with served(tmp_path) as client:
        said = await client.post(path, content=body)
        assert said.status_code == 400
        assert said.json()["error"]["message"].endswith(".")
        assert (await client.post("/infill", json=INFILL)).status_code == 200


async def test_a_huge_request_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        said = await client.post("/v1/completions", content=b" " * (MAX_BODY_BYTES + 1))
        assert said.status_code == 400


async def test_who_goes_ends_the_work(tmp_path: Path) -> None:
    events = tmp_path / "events"
    async with served(tmp_path, prefill_ms=60_000, events=str(events)) as client:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post("/infill", json=INFILL, timeout=1.0)
        async with asyncio.timeout(DEADLINE_S):
            while "cancel" not in events.read_text():
                await asyncio.sleep(0.05)


async def test_an_engine_that_fails_is_an_error(tmp_path: Path) -> None:
    async with served(tmp_path, never_loads="There is no such model; pull one.") as client:
        said = await client.post("/infill", json=INFILL)
        assert (said.status_code, said.json()["error"]["message"]) == (503, "There is no such model; pull one.")


def test_the_key_is_made_once_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    key, place = access_key()
    assert (place, key_file().stat().st_mode & 0o777) == (str(key_file()), 0o600)
    assert access_key() == (key, place)
    key_file().write_text("short\n", encoding="utf-8")
    with pytest.raises(InputError, match="at least 16"):
        access_key()
    monkeypatch.setenv("CODESLM_OPENAI_KEY", "another-key-for-tests")
    assert access_key()[0] == "another-key-for-tests"
