"""The ways to fill a hole that are compared: prompts put to the engine, and ours through the real server over pipes."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from codeslm_lsp.completion.model_format import ModelFormat, read_format
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Context


@dataclass(frozen=True, slots=True)
class Fill:
    """What an arm inserted.

    ``skip`` is the reason where it offered nothing, ``stop`` why the generation ended, ``ms`` the request's wall time.
    """

    text: str
    ms: float
    n_prefill: int
    skip: str = ""
    stop: str = ""


Arm = Callable[[Case], Awaitable[Fill]]
Ask = Callable[[Case, ModelFormat, Settings], Awaitable[GenerateRequest]]

ARMS = ("bare", "anchored", "ours", "typed")
"""``bare``: one prompt up to the cursor, nothing healed, nothing cut. ``anchored``: the prompt ends at the start of the
hole's line, the rest of the line is typed behind it and healed; nothing cut. ``ours``: the server, opened at the hole.
``typed``: the server, with a request at the start of the hole's line first, so that the rest of the line is typed."""


@asynccontextmanager
async def open_arm(name: str, model: Path, settings: Settings) -> AsyncIterator[Arm]:
    """The arm of that name on this model, with whatever it needs running."""
    if name in ("bare", "anchored"):
        async with _engine(model, settings, _anchored if name == "anchored" else _cold) as arm:
            yield arm
    else:
        async with _server(model, settings, typed=name == "typed") as arm:
            yield arm


@asynccontextmanager
async def _engine(model: Path, settings: Settings, ask: Ask) -> AsyncIterator[Arm]:
    options = EngineOptions(model, settings.engine.context_tokens, settings.engine.microbatch_tokens)
    engine = EngineProcess(options)
    try:
        model_format = await read_format(model, engine)
        await engine.ready(settings.completion.wait_for_model_ms)
        yield lambda case: _fill_by_engine(engine, lambda: ask(case, model_format, settings))
    finally:
        await engine.close()


async def _fill_by_engine(engine: EngineProcess, ask: Callable[[], Awaitable[GenerateRequest]]) -> Fill:
    started = time.perf_counter()
    async with engine.generate(await ask()) as stream:
        generation = await stream.result()
    ms = (time.perf_counter() - started) * 1000
    return Fill(generation.text, ms, generation.timings.n_prefill, stop=generation.stop.value)


async def _cold(case: Case, model_format: ModelFormat, settings: Settings) -> GenerateRequest:
    return await _request(case.prefix, "", case, model_format, settings)


async def _anchored(case: Case, model_format: ModelFormat, settings: Settings) -> GenerateRequest:
    anchor = _line_start(case.prefix)
    return await _request(case.prefix[:anchor], case.prefix[anchor:], case, model_format, settings)


async def _request(
    prefix: str, typed: str, case: Case, model_format: ModelFormat, settings: Settings
) -> GenerateRequest:
    context = Context(_path(case), case.language, prefix, 0, typed, case.suffix)
    budget = TokenBudget(settings.prompt.max_tokens, settings.prompt.suffix_share)
    prompt = await build_prompt(context, model_format.fim, model_format.tokenizer, budget)
    [typed_ids] = await encode_user_texts(model_format.tokenizer, model_format.fim, [typed])
    return GenerateRequest(
        prompt.token_ids,
        tuple(typed_ids),
        prompt.stop_ids,
        settings.completion.max_tokens,
        settings.completion.time_budget_ms,
    )


@asynccontextmanager
async def _server(model: Path, settings: Settings, *, typed: bool) -> AsyncIterator[Arm]:
    client = LanguageClient("codeslm-eval", "1")
    await client.start_io(sys.executable, "-m", "codeslm_lsp.cli", "--model", str(model), "serve")
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf32])
    )
    options = settings.model_dump(mode="json", exclude={"model"})
    await client.initialize_async(types.InitializeParams(capabilities=capabilities, initialization_options=options))
    client.initialized(types.InitializedParams())
    try:
        yield lambda case: _fill_served(case, client, typed=typed)
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await asyncio.wait_for(client.stop(), 10)  # type: ignore[no-untyped-call]


async def _fill_served(case: Case, client: LanguageClient, *, typed: bool) -> Fill:
    uri = f"file:///{_path(case)}"
    line_start = _line_start(case.prefix)
    if typed and line_start < len(case.prefix):
        _open(client, uri, case.language, case.prefix[:line_start] + case.suffix)
        await _ask(client, uri, case.prefix[:line_start])
        _type(client, uri, case.prefix[:line_start], case.prefix[line_start:])
    else:
        _open(client, uri, case.language, case.prefix + case.suffix)
    started = time.perf_counter()
    items = await _ask(client, uri, case.prefix)
    ms = (time.perf_counter() - started) * 1000
    why: Any = await client.workspace_execute_command_async(types.ExecuteCommandParams("codeslm.explainLast"))
    client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
    skip = why["skip"]["reason"] if why["skip"] else ""
    text = str(items[0].insert_text) if items else ""
    return Fill(text, ms, int(why["timings"]["n_prefill"]), skip, why["stop"] or "")


def _open(client: LanguageClient, uri: str, language: str, text: str) -> None:
    client.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text)))


def _type(client: LanguageClient, uri: str, before: str, typed: str) -> None:
    at = _position(before)
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(version=2, uri=uri),
            [types.TextDocumentContentChangePartial(types.Range(at, at), typed)],
        )
    )


async def _ask(client: LanguageClient, uri: str, before: str) -> list[types.InlineCompletionItem]:
    answer = await client.text_document_inline_completion_async(
        types.InlineCompletionParams(
            types.InlineCompletionContext(types.InlineCompletionTriggerKind.Invoked),
            types.TextDocumentIdentifier(uri),
            _position(before),
        )
    )
    assert isinstance(answer, types.InlineCompletionList)
    return list(answer.items)


def _line_start(before: str) -> int:
    return max(before.rfind("\n"), before.rfind("\r")) + 1


def _position(before: str) -> types.Position:
    """Where text ends, in lines and code points (the client speaks UTF-32)."""
    lines = re.split(r"\r\n|\n|\r", before)
    return types.Position(len(lines) - 1, len(lines[-1]))


_EXTENSIONS = {"python": "py", "java": "java", "javascript": "js", "typescript": "ts", "go": "go", "rust": "rs"}


def _path(case: Case) -> str:
    """A file name that gives nothing away."""
    return f"solution.{_EXTENSIONS.get(case.language, 'txt')}"
