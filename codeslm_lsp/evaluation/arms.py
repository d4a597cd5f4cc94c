"""The ways to fill a hole that are compared: prompts put to the engine, and ours through the real server over pipes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from lsprotocol import types

from codeslm_lsp.completion.model_format import ModelFormat, read_format
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.tuning import threads_of
from codeslm_lsp.evaluation import rival
from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.client import Server, serving
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Context


@dataclass(frozen=True, slots=True)
class Fill:
    """What an arm inserted.

    ``skip`` is the reason where it offered nothing, ``stop`` why the generation ended, ``ms`` the request's wall time.
    ``features`` are those of ``codeslm.explainLast``, by line.
    """

    text: str
    ms: float
    n_prefill: int
    skip: str = ""
    stop: str = ""
    features: list[dict[str, float]] | None = None


Arm = Callable[[Case], Awaitable[Fill]]
Ask = Callable[[Case, ModelFormat, Settings], Awaitable[GenerateRequest]]

INVOKED = types.InlineCompletionTriggerKind.Invoked

ARMS = ("bare", "anchored", "ours", "no_context", "typed", "llama_vim")
"""``bare``: one prompt up to the cursor, nothing healed, nothing cut. ``anchored``: the prompt ends at the start of the
hole's line, the rest of the line is typed behind it and healed; nothing cut. ``ours``: the server, opened at the hole.
``no_context``: the same with ``context.enabled`` off. ``typed``: the server, with a request at the start of the hole's
line first, so that the rest of the line is typed. ``llama_vim``: llama.cpp's server with the requests of llama.vim."""


@asynccontextmanager
async def open_arm(name: str, model: Path, settings: Settings, folder: Path | None = None) -> AsyncIterator[Arm]:
    """The arm of that name on this model, with whatever it needs running.

    ``folder`` is the workspace that the cases' files are in, where they are in one. Raises ``EngineUnavailable`` for
    ``llama_vim`` where llama-server is not installed.
    """
    match name:
        case "bare" | "anchored":
            async with _engine(model, settings, _anchored if name == "anchored" else _cold) as arm:
                yield arm
        case "llama_vim":
            program = rival.server_program(install=False)
            n_threads = threads_of(settings.engine.threads)
            async with rival.running(program, model, n_threads) as server:
                yield lambda case: _fill_by_rival(case, server)
        case _:
            if name == "no_context":
                without = settings.context.model_copy(update={"enabled": False})
                settings = settings.model_copy(update={"context": without})
            async with serving(model, settings, folder) as served:
                yield lambda case: _fill_served(case, served, folder, typed=name == "typed")


@asynccontextmanager
async def _engine(model: Path, settings: Settings, ask: Ask) -> AsyncIterator[Arm]:
    options = EngineOptions(model, settings.engine.context_tokens, settings.engine.microbatch_tokens, shared=False)
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


async def _fill_by_rival(case: Case, server: rival.LlamaServer) -> Fill:
    started = time.perf_counter()
    n_before = server.n_evaluated
    text = await server.suggestion(case.prefix + case.suffix, len(case.prefix))
    return Fill(text, (time.perf_counter() - started) * 1000, server.n_evaluated - n_before)


async def _fill_served(case: Case, server: Server, folder: Path | None, *, typed: bool) -> Fill:
    uri = (folder / case.path).as_uri() if folder is not None else f"file:///{_path(case)}"
    line_start = _line_start(case.prefix)
    opened_at = line_start if typed else len(case.prefix)
    document = server.open(uri, case.prefix[:opened_at] + case.suffix, case.language)
    if opened_at < len(case.prefix):
        await document.suggestion(opened_at, INVOKED)
        document.edit(opened_at, opened_at, case.prefix[opened_at:])
    started = time.perf_counter()
    text = await document.suggestion(len(case.prefix), INVOKED)
    ms = (time.perf_counter() - started) * 1000
    why = await server.command("codeslm.explainLast")
    document.close()
    skip = why["skip"]["reason"] if why["skip"] else ""
    return Fill(text, ms, int(why["timings"]["n_prefill"]), skip, why["stop"] or "", why["features"])


def _line_start(before: str) -> int:
    return max(before.rfind("\n"), before.rfind("\r")) + 1


_EXTENSIONS = {"python": "py", "java": "java", "javascript": "js", "typescript": "ts", "go": "go", "rust": "rs"}


def _path(case: Case) -> str:
    """The file's own name, or one that gives nothing away."""
    return case.path or f"solution.{_EXTENSIONS.get(case.language, 'txt')}"
