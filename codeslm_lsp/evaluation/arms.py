"""The ways to fill a hole that are compared: prompts put to the engine, and ours through the real server over pipes.

What other assistants would ask and show is in ``rivals``.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lsprotocol import types

from codeslm_lsp.completion.model_format import ModelFormat, read_format
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import Engine, GenerateRequest
from codeslm_lsp.engine.tuning import threads_of
from codeslm_lsp.evaluation import rival
from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.client import Server, serving
from codeslm_lsp.evaluation.rivals import llama_vim
from codeslm_lsp.evaluation.rivals.known import RIVALS
from codeslm_lsp.evaluation.rivals.rival import Files, Rival, encoded, spelled
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Context, StopReason


@dataclass(frozen=True, slots=True)
class Fill:
    """What an arm inserted.

    ``skip`` is the reason where it offered nothing, ``stop`` why the generation ended, ``ms`` the request's wall time.
    ``features`` are those of ``codeslm.explainLast``, by line. ``filters`` changed what was generated. ``snippets`` are
    the paths of other files' code in the prompt. ``prompt`` is its text, where the arm builds one.
    """

    text: str
    ms: float
    n_prefill: int
    skip: str = ""
    stop: str = ""
    features: list[dict[str, float]] | None = None
    filters: tuple[str, ...] = ()
    snippets: tuple[str, ...] = ()
    prompt: str = ""


Arm = Callable[[Case], Awaitable[Fill]]

PATIENCE_MS = 120_000
"""The time budget of every arm: none in effect."""

INVOKED = types.InlineCompletionTriggerKind.Invoked

ARMS = ("bare", "anchored", "ours", "no_context", "no_filters", "typed", "llama_vim", *RIVALS)
"""``bare``: one prompt up to the cursor, nothing healed, nothing cut. ``anchored``: the prompt ends at the start of the
hole's line, the rest of the line is typed behind it and healed; nothing cut. ``ours``: the server, opened at the hole.
``no_context``: the same with ``context.enabled`` off. ``no_filters``: the same as ``ours``, but what is generated, up
to where what was asked for is complete, is shown as it is. ``typed``: the server, with a request at the start of the
hole's line first, so that the rest of the line is typed. ``llama_vim``: llama.cpp's server with the requests of
llama.vim. ``llm_ls``, ``continue``, ``tabby``: their prompts on our engine, and what each does to the answer."""

NOT_ASKED, NOTHING = "not_asked", "nothing_generated"
"""Why a rival shows nothing: it would not ask here, the model says nothing; else the name of the rule that did it."""


@asynccontextmanager
async def open_arm(
    name: str, model: Path, settings: Settings, folder: Path | None = None, files: Files | None = None
) -> AsyncIterator[Arm]:
    """The arm of that name on this model, with whatever it needs running.

    ``folder`` is the workspace that the cases' files are in, where they are in one, and ``files`` what it
    holds. Raises ``EngineUnavailable`` for ``llama_vim`` where llama-server is not installed.
    """
    match name:
        case "bare" | "anchored":
            ask = _anchored if name == "anchored" else _cold
            async with _engine(model, settings) as (engine, known):
                yield lambda case: _fill_by_engine(engine, lambda: ask(case, known, settings))
        case _ if name in RIVALS:
            async with _engine(model, settings) as (engine, known):
                rival_arm = RIVALS[name](known.fim, known.tokenizer, files or {})
                yield lambda case: fill_as(rival_arm, case, engine, known)
        case "llama_vim":
            program = rival.server_program(install=False)
            n_threads = threads_of(settings.engine.threads)
            async with rival.running(program, model, n_threads) as server:
                yield lambda case: _fill_by_llama_server(case, server)
        case _:
            if name == "no_context":
                without = settings.context.model_copy(update={"enabled": False})
                settings = settings.model_copy(update={"context": without})
            async with serving(model, settings, folder, unfiltered=name == "no_filters") as served:
                yield lambda case: _fill_served(case, served, folder, typed=name == "typed")


@asynccontextmanager
async def _engine(model: Path, settings: Settings) -> AsyncIterator[tuple[Engine, ModelFormat]]:
    options = EngineOptions(model, settings.engine.context_tokens, settings.engine.microbatch_tokens, shared=False)
    engine = EngineProcess(options)
    try:
        model_format = await read_format(model, engine)
        await engine.ready(settings.completion.wait_for_model_ms)
        yield engine, model_format
    finally:
        await engine.close()


async def fill_as(rival: Rival, case: Case, engine: Engine, model_format: ModelFormat) -> Fill:
    """The hole filled as a rival would: its prompt, its end, its rules."""
    started = time.perf_counter()
    case = replace(case, path=_path(case))
    prompt = await rival.prompt(case)
    if prompt is None:
        return Fill("", (time.perf_counter() - started) * 1000, 0, NOT_ASKED)
    token_ids = await encoded(prompt.parts, model_format.fim, model_format.tokenizer)
    request = GenerateRequest(token_ids, (), model_format.fim.stop_ids, rival.max_tokens, PATIENCE_MS)
    async with engine.generate(request) as stream:
        text, end = "", None
        async for token in stream:
            text += token.text
            end = rival.end(case, text)
            if end is not None:
                await stream.stop()
                break
        generation = await stream.result()
    generated = generation.text if end is None else text[:end]
    shown, filters = rival.shown(case, generated)
    ms = (time.perf_counter() - started) * 1000
    skip = _why_nothing(shown, filters)
    stop = generation.stop.value if end is None else StopReason.END.value
    n_prefill = generation.timings.n_prefill
    written = spelled(prompt.parts, model_format.fim)
    return Fill(shown, ms, n_prefill, skip, stop, None, filters, prompt.snippets, written)


async def _fill_by_engine(engine: Engine, ask: Callable[[], Awaitable[GenerateRequest]]) -> Fill:
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


async def _fill_by_llama_server(case: Case, server: rival.LlamaServer) -> Fill:
    started = time.perf_counter()
    n_before = server.n_evaluated
    generated = await server.suggestion(case.prefix + case.suffix, len(case.prefix))
    text, filters = llama_vim.shown(case, generated)
    ms = (time.perf_counter() - started) * 1000
    return Fill(text, ms, server.n_evaluated - n_before, _why_nothing(text, filters), filters=filters)


def _why_nothing(shown: str, filters: Sequence[str]) -> str:
    """The skip of a rival: empty where it shows something."""
    if shown.strip():
        return ""
    return filters[-1] if filters else NOTHING


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
    n_prefill, filters, snippets = int(why["timings"]["n_prefill"]), tuple(why["filters"]), tuple(why["snippets"])
    return Fill(text, ms, n_prefill, skip, why["stop"] or "", why["features"], filters, snippets)


def _line_start(before: str) -> int:
    return max(before.rfind("\n"), before.rfind("\r")) + 1


_EXTENSIONS = {"python": "py", "java": "java", "javascript": "js", "typescript": "ts", "go": "go", "rust": "rs"}


def _path(case: Case) -> str:
    """The file's own name, or one that gives nothing away."""
    return case.path or f"solution.{_EXTENSIONS.get(case.language, 'txt')}"
