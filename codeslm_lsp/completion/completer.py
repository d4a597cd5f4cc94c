"""One inline completion: trigger → context → prompt → engine → postprocess. The straight line of the house plan."""

from __future__ import annotations

import asyncio
import logging
import math
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace

from codeslm_lsp.completion.anchors import Anchors, new_anchor
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.completion.postprocess.draft import Draft
from codeslm_lsp.completion.postprocess.filters import chain
from codeslm_lsp.completion.stopping import wanted_end
from codeslm_lsp.completion.trees import Trees
from codeslm_lsp.completion.trigger import refusal
from codeslm_lsp.context.gather import gather
from codeslm_lsp.engine.protocol import Engine, GenerateRequest
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.extent import wanted_extent
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import (
    Completion,
    Cursor,
    Document,
    EngineError,
    EngineLoading,
    Extent,
    Generation,
    ModelError,
    Prompt,
    Report,
    Skip,
    SkipReason,
    StopReason,
    Trigger,
)

INVOKED_PATIENCE = 3
"""An explicit request may take this many times the time budget: somebody waits for it."""

MAX_SUFFIX_CHARS = 4_000
MAX_PREFIX_CHARS = 20_000
"""How much of the text around the cursor decides where a completion ends; it is looked at for every token."""

_log = logging.getLogger(__name__)

FormatReader = Callable[[], Awaitable[ModelFormat]]


class Completer:
    """Completes documents with one engine. Holds what makes the next key cheap: prompts and trees of open documents."""

    def __init__(self, engine: Engine, read_format: FormatReader, settings: Settings) -> None:
        self._engine = engine
        self._read_format = read_format
        self._format: asyncio.Task[ModelFormat] | None = None
        self._settings = settings
        self._anchors = Anchors(settings.completion.anchor_max_lines)
        self._trees = Trees()

    async def format(self) -> ModelFormat:
        """The model's format, read once."""
        if self._format is None or (self._format.done() and self._format.exception() is not None):
            self._format = asyncio.ensure_future(self._read_format())
        return await asyncio.shield(self._format)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._anchors.forget(uri)
        self._trees.forget(uri)

    async def complete(self, document: Document, cursor: Cursor, trigger: Trigger) -> Report:
        """Answer one request. Never raises but for cancellation: whatever goes wrong becomes a ``Skip``."""
        started = time.perf_counter()
        try:
            report = await self._complete(document, cursor, trigger)
        except EngineLoading as error:
            report = Report(Skip(SkipReason.MODEL_LOADING, str(error)), trigger)
        except EngineError as error:
            report = Report(Skip(SkipReason.ENGINE_FAILED, str(error)), trigger)
        except ModelError as error:
            report = Report(Skip(SkipReason.MODEL_MISSING, str(error)), trigger)
        except Exception as error:  # A defect of ours must not cost the user more than one suggestion.
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("internal error: %s in %s, line %s", type(error).__name__, place.name, place.lineno)
            report = Report(
                Skip(SkipReason.INTERNAL_ERROR, f"An internal error was logged ({type(error).__name__})."), trigger
            )
        return replace(report, elapsed_ms=(time.perf_counter() - started) * 1000)

    async def _complete(self, document: Document, cursor: Cursor, trigger: Trigger) -> Report:
        if (skip := refusal(document, trigger, self._settings)) is not None:
            return Report(skip, trigger)
        model = await self._engine.ready(self._settings.completion.wait_for_model_ms)
        model_format = await self.format()
        language = language_of(document.language_id, document.path)
        tree = self._trees.of(document, language)
        extent = self._extent(document, cursor, tree)
        prompt = self._anchors.reuse(document, cursor)
        reused = prompt is not None
        if prompt is None:
            prompt = await self._new_prompt(document, cursor, tree, model_format)
        around = Draft(
            text="",
            prefix=document.text[max(0, cursor - MAX_PREFIX_CHARS) : cursor],
            suffix=document.text[cursor : cursor + MAX_SUFFIX_CHARS],
            extent=extent,
            stop=StopReason.END,
            language=language,
        )
        generation = await self._generate(prompt, model_format, around, trigger)
        shown, filters = _judge(replace(around, text=generation.text, stop=generation.stop))
        outcome = (
            shown if isinstance(shown, Skip) else Completion(shown, cursor, cursor, _confidence(shown, generation))
        )
        return Report(outcome, trigger, extent, model.name, generation.stop, generation.timings, filters, reused)

    def _extent(self, document: Document, cursor: Cursor, tree: SyntaxTree | None) -> Extent:
        if self._settings.completion.multiline == "never":
            return Extent.LINE
        return wanted_extent(document.text, cursor, tree)

    async def _new_prompt(
        self, document: Document, cursor: Cursor, tree: SyntaxTree | None, model_format: ModelFormat
    ) -> Prompt:
        anchor = new_anchor(document.text, cursor)
        options = self._settings.prompt
        budget = TokenBudget(n_prompt=options.max_tokens, suffix_share=options.suffix_share)
        context = gather(document, anchor, cursor, tree)
        prompt = await build_prompt(context, model_format.fim, model_format.tokenizer, budget)
        self._anchors.remember(document, anchor, prompt)
        return prompt

    async def _generate(
        self,
        prompt: Prompt,
        model_format: ModelFormat,
        around: Draft,
        trigger: Trigger,
    ) -> Generation:
        """Stream tokens until what was asked for is complete."""
        options = self._settings.completion
        [typed_ids] = await encode_user_texts(model_format.tokenizer, model_format.fim, [prompt.typed])
        request = GenerateRequest(
            token_ids=prompt.token_ids,
            typed_ids=tuple(typed_ids),
            stop_ids=prompt.stop_ids,
            max_tokens=options.max_tokens,
            time_budget_ms=options.time_budget_ms * (INVOKED_PATIENCE if trigger is Trigger.INVOKED else 1),
        )
        async with self._engine.generate(request) as stream:
            text = ""
            async for token in stream:
                text += token.text
                if wanted_end(around.extent, around.prefix, text, around.suffix, around.language) is not None:
                    await stream.stop()
                    break
            generation = await stream.result()
        if generation.stop is StopReason.CANCELLED:  # We stopped it ourselves: the text is complete.
            return replace(generation, stop=StopReason.END)
        return generation


def _judge(draft: Draft) -> tuple[str | Skip, tuple[str, ...]]:
    """Post-process what was generated; say why if there is nothing at all."""
    if not draft.text:
        match draft.stop:
            case StopReason.TIME_BUDGET:
                skip = Skip(SkipReason.TIME_BUDGET, "The time budget ended first; raise completion.time_budget_ms.")
            case StopReason.UNHEALABLE:
                skip = Skip(SkipReason.HEALING_FAILED, "No token of the model continues what is typed here.")
            case StopReason.CONTEXT_FULL:
                skip = Skip(
                    SkipReason.NOTHING_GENERATED,
                    "The prompt is too long; raise engine.context_tokens or lower prompt.max_tokens.",
                )
            case _:
                skip = Skip(SkipReason.NOTHING_GENERATED, "The model ends here: it has nothing to add.")
        return skip, ()
    return chain(draft)


def _confidence(shown: str, generation: Generation) -> float:
    """The geometric mean of the probabilities of the tokens shown."""
    length = 0
    logprobs: list[float] = []
    for token in generation.tokens:
        if length >= len(shown):
            break
        length += len(token.text)
        logprobs.append(token.logprob)
    return math.exp(sum(logprobs) / len(logprobs)) if logprobs else 0.0
