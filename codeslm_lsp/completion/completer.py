"""One inline completion: trigger → context → prompt → engine → postprocess. The straight line of the house plan."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from codeslm_lsp.completion.ahead import Ahead, is_wanted
from codeslm_lsp.completion.defects import log_defect, unasked
from codeslm_lsp.completion.doubt import weighed, with_alternatives, without_doubtful_lines
from codeslm_lsp.completion.features import evidence_of
from codeslm_lsp.completion.grounding import Grounding
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.completion.offered import Offered
from codeslm_lsp.completion.postprocess.chain import CHAIN, chain
from codeslm_lsp.completion.postprocess.draft import MAX_PREFIX_CHARS, MAX_SUFFIX_CHARS, Draft, Filter, new_draft
from codeslm_lsp.completion.prompts import Prompts
from codeslm_lsp.completion.several import Said, in_order, shown_beside
from codeslm_lsp.completion.streaming import read
from codeslm_lsp.completion.trees import Trees
from codeslm_lsp.completion.trigger import refusal, refusal_at
from codeslm_lsp.context.source import WorkspaceContext
from codeslm_lsp.engine.protocol import Engine
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
    Evidence,
    Extent,
    ModelError,
    Priority,
    Report,
    Skip,
    SkipReason,
    StopReason,
    Trigger,
)
from codeslm_lsp.workspace.environment import Environment

BURST_S = 0.35
"""Keys that follow each other more quickly belong together: somebody who pauses to look takes longer."""
SETTLING_S = 0.2
"""Four of five keys of fluent typing come sooner than this after the one before (see ``ahead``)."""

YIELDED_S = 0.003
"""The request leaves, and the engine has a core to begin it on, before the text is parsed here. On two cores it would
else begin up to 5 ms later, at the system's next tick. A token takes the engine much longer than this, so it costs
nothing."""

FormatReader = Callable[[], Awaitable[ModelFormat]]


class Completer:
    """Completes documents with one engine. Holds what makes the next key cheap: prompts and trees of open documents."""

    def __init__(
        self,
        engine: Engine,
        read_format: FormatReader,
        settings: Settings,
        workspace: WorkspaceContext | None = None,
        filters: Sequence[Filter] = CHAIN,
        environment: Environment | None = None,
    ) -> None:
        self._engine = engine
        self._filters = filters
        self._read_format = read_format
        self._format: asyncio.Task[ModelFormat] | None = None
        self._settings = settings
        self._workspace = workspace
        self._environment = environment
        self._prompts = Prompts(engine, self.format, settings, workspace)
        self._trees = Trees()
        self._offered = Offered()
        self._ahead = Ahead()
        self._asked_at = -math.inf

    async def format(self) -> ModelFormat:
        """The model's format, read once."""
        if self._format is None or (self._format.done() and self._format.exception() is not None):
            self._format = asyncio.ensure_future(self._read_format())
        return await asyncio.shield(self._format)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._ahead.forget(uri)
        self._offered.forget(uri)
        self._prompts.forget(uri)
        self._trees.forget(uri)

    async def complete(self, document: Document, cursor: Cursor, trigger: Trigger) -> Report:
        """Answer one request. Never raises but for cancellation: whatever goes wrong becomes a ``Skip``."""
        started = time.perf_counter()
        is_burst, self._asked_at = started - self._asked_at < BURST_S, started
        self._ahead.stop()
        try:
            report = await self._complete(document, cursor, trigger, is_burst=is_burst)
        except EngineLoading as error:
            report = Report(Skip(SkipReason.MODEL_LOADING, str(error)), trigger)
        except EngineError as error:
            report = Report(Skip(SkipReason.ENGINE_FAILED, str(error)), trigger)
        except ModelError as error:
            report = Report(Skip(SkipReason.MODEL_MISSING, str(error)), trigger)
        except Exception as error:  # A defect of ours must not cost the user more than one suggestion.
            log_defect(error)
            report = Report(
                Skip(SkipReason.INTERNAL_ERROR, f"An internal error was logged ({type(error).__name__})."), trigger
            )
        return replace(report, elapsed_ms=(time.perf_counter() - started) * 1000)

    def goes_on(self, document: Document, cursor: Cursor) -> bool:
        """Whether what was offered before continues here, so that an answer needs no model."""
        return self._offered.rest(document, cursor) is not None

    def prepare(self, document: Document, cursor: Cursor) -> None:
        """The cursor rests here: have the prompt evaluated before the first key."""
        if is_wanted(self._settings.completion) and refusal(document, Trigger.AUTOMATIC, self._settings) is None:
            self._ahead.start(document.uri, lambda: self._prepare(document, cursor))

    def stop(self) -> None:
        """End what is done ahead; the engine is about to be closed."""
        self._ahead.stop()
        self._prompts.stop()

    async def _complete(self, document: Document, cursor: Cursor, trigger: Trigger, *, is_burst: bool) -> Report:
        skip = refusal(document, trigger, self._settings)
        skip = skip or refusal_at(lambda: self._tree(document), cursor, trigger, self._settings)
        if skip is not None:
            return Report(skip, trigger)
        report = self._offered.rest(document, cursor)
        if report is not None and (trigger is Trigger.AUTOMATIC or not self._may_be_better(report)):
            report = replace(report, trigger=trigger)
        else:
            if is_burst and trigger is Trigger.AUTOMATIC and self._prompts.is_growing(document, cursor):
                # Each key of fluent typing would interrupt the whole prompt, which is being evaluated, for an answer
                # from a short one that the next key makes worthless. That key ends the waiting.
                await asyncio.sleep(SETTLING_S)
            report = await self._ask(document, cursor, trigger)
        if trigger is Trigger.AUTOMATIC:
            report = without_doubtful_lines(report, self._settings.completion.confidence)
        if is_wanted(self._settings.completion):
            answer = report
            self._ahead.start(document.uri, lambda: self._work_ahead(document, cursor, answer))
        return report

    async def _ask(
        self, document: Document, cursor: Cursor, trigger: Trigger, priority: Priority = Priority.COMPLETION
    ) -> Report:
        """Let the model answer, and remember what it offers."""
        model = await self._engine.ready(self._settings.completion.wait_for_model_ms)
        await self.format()
        found = await self._prompts.find(document, cursor, lambda: self._tree(document), trigger)
        request = replace(await self._prompts.request(document, found.prompt, trigger), priority=priority)
        async with self._engine.generate(request) as stream:
            await asyncio.sleep(YIELDED_S)
            tree = self._tree(document)
            grounding = self._grounding(document, cursor, tree)
            around = self._around(document, cursor, tree)
            patience_ms = self._prompts.patience_ms(trigger, around.extent)
            if priority is Priority.BACKGROUND:
                patience_ms = request.time_budget_ms
            generation = await read(stream, request, around, patience_ms)
            first, *others = in_order(generation, around.extent)
            text = "" if generation.stop is StopReason.CANCELLED else first.text
            shown, filters = _judge(replace(around, text=text, stop=first.stop), self._filters)

            def evidence(of: str, said: Said) -> Evidence:
                return evidence_of(of, said.tokens, said.stop, document, cursor, tree, self._knows, grounding)

            report = Report(
                shown if isinstance(shown, Skip) else Completion(shown, cursor, cursor),
                trigger,
                around.extent,
                model.name,
                first.stop,
                filters=filters,
                anchor_reused=found.reused,
                prompt_outdated=found.outdated,
                evidence=evidence(shown, first) if isinstance(shown, str) else None,
                snippets=found.prompt.snippets,
            )
            report = weighed(report)
            beside = shown_beside(report.outcome, others, around, self._filters)
            report = with_alternatives(report, [(text, evidence(text, said)) for text, said in beside], cursor)
            timings = (await stream.result()).timings  # The engine has worked them out meanwhile.
        report = replace(report, timings=timings)
        self._prompts.learn_speed(timings)
        self._offered.remember(document, cursor, report)
        return report

    def _knows(self, name: str) -> bool:
        return self._workspace is not None and self._workspace.knows(name)

    def _grounding(self, document: Document, cursor: Cursor, tree: SyntaxTree | None) -> Grounding | None:
        """What the document imports, which is asked for if it is not known; None for other languages than Python."""
        if self._environment is None or tree is None or tree.language.name != "python":
            return None
        workspace = self._workspace
        return Grounding(
            self._environment,
            document,
            cursor,
            tree,
            lambda module: workspace is not None and workspace.has_module(document.path, module),
        )

    async def _work_ahead(self, document: Document, cursor: Cursor, report: Report) -> None:
        """Have the next prompt evaluated, and know what will be offered once ``report``'s completion is accepted."""
        with unasked():
            await self._prompts.begin_next(document, cursor, lambda: self._tree(document))
            if self._prompts.is_growing(document, cursor):
                await self._prompts.grown()
            if isinstance(report.outcome, Completion):
                accepted, behind = _accepted(document, report.outcome)
                if self._offered.rest(accepted, behind) is None:
                    await self._ask(accepted, behind, Trigger.AUTOMATIC, Priority.BACKGROUND)

    async def _prepare(self, document: Document, cursor: Cursor) -> None:
        with unasked():
            self._grounding(document, cursor, self._tree(document))
            await self._engine.ready(self._settings.completion.wait_for_model_ms)
            await self._prompts.begin_first(document, cursor, lambda: self._tree(document))

    def _may_be_better(self, report: Report) -> bool:
        """Whether somebody who asks by hand may be offered more than what is known."""
        return report.stop is StopReason.TIME_BUDGET or self._settings.completion.alternatives > 0

    def _tree(self, document: Document) -> SyntaxTree | None:
        return self._trees.of(document, language_of(document.language_id, document.path))

    def _around(self, document: Document, cursor: Cursor, tree: SyntaxTree | None) -> Draft:
        """How much is asked for at the cursor, and the text around it; what is to be written is still empty."""
        is_line = self._settings.completion.multiline == "never"
        return new_draft(
            text="",
            prefix=document.text[max(0, cursor - MAX_PREFIX_CHARS) : cursor],
            suffix=document.text[cursor : cursor + MAX_SUFFIX_CHARS],
            extent=Extent.LINE if is_line else wanted_extent(document.text, cursor, tree),
            stop=StopReason.END,
            language=language_of(document.language_id, document.path),
        )


def _accepted(document: Document, completion: Completion) -> tuple[Document, Cursor]:
    """The document once the user has taken the completion, with the cursor behind it."""
    text = document.text[: completion.start] + completion.text + document.text[completion.end :]
    return replace(document, text=text), Cursor(completion.start + len(completion.text))


def _judge(draft: Draft, filters: Sequence[Filter]) -> tuple[str | Skip, tuple[str, ...]]:
    """Post-process what was generated; say why if there is nothing at all."""
    if not draft.text:
        match draft.stop:
            case StopReason.TIME_BUDGET:
                skip = Skip(SkipReason.TIME_BUDGET, "The time budget ended first; raise completion.time_budget_ms.")
            case StopReason.CANCELLED:
                skip = Skip(SkipReason.CANCELLED, "The engine was needed for something more urgent.")
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
    return chain(draft, filters)
