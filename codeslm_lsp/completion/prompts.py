"""Which prompt answers at a cursor, and which is evaluated behind it to take its place.

A prompt that is warm answers, even if it is short, was anchored some lines above, or is out of date far from the
cursor; the whole prompt of the cursor's own line is evaluated meanwhile, and answers from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from codeslm_lsp.completion.ahead import is_wanted
from codeslm_lsp.completion.anchors import Anchored, Anchors, anchored_at, new_anchor
from codeslm_lsp.completion.defects import unasked
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.context.gather import gather
from codeslm_lsp.context.source import WorkspaceContext
from codeslm_lsp.engine.protocol import Engine, GenerateRequest
from codeslm_lsp.prompt.build import TokenBudget, build_prompt
from codeslm_lsp.prompt.user_text import user_text
from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import (
    Context,
    Cursor,
    Document,
    Extent,
    Priority,
    Prompt,
    Snippet,
    StopReason,
    Timings,
    Trigger,
)
from codeslm_lsp.workspace.secrets import holds_secret, is_secret_name

INVOKED_PATIENCE = 3
"""An explicit request may take this many times the time budget: somebody waits for it."""

STATEMENT_PATIENCE = 0.5
"""Most statements are one line, which is then worth showing alone; what goes on below is decoded while it is read."""

FIRST_LINE_PATIENCE = 6
"""The first line of a completion may take this many times the time budget: less than a line is hardly worth reading."""

ASSUMED_PREFILL_TOKENS_S = 100.0
"""Until the machine or a first prompt is measured: a 1.5B model on two cores of a laptop."""
MEASURED_TOKENS = 64
"""Fewer tokens say little about the speed: one micro-batch of the engine."""

MIN_PROMPT_TOKENS = 128
FIRST_STEP = 64
"""A short prompt has whole steps, so that a small change of speed does not change what is in it."""
WORTH_SHORTENING = 2
"""What is less than twice as long is not made shorter: the model sees more, and the wait is bearable."""
LONGEST_SECRET = 8000
"""Characters. Of a private key that the prompt's window cuts, the line that says so may lie outside; one of RSA with
8,192 bits has 6,400."""
FULL = 0.9
"""A prompt with more than this share of its budget is as whole as blocks and lines let it be."""

TreeOf = Callable[[], SyntaxTree | None]
"""Parses the document, which takes some milliseconds: called only where a prompt is built."""


@dataclass(frozen=True, slots=True)
class Found:
    """The prompt that answers. ``reused``: it was there; ``outdated``: it is right around the cursor only."""

    prompt: Prompt
    reused: bool = False
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class _Next:
    """The prompt that is being evaluated ahead, and for which document."""

    uri: str
    anchored: Anchored
    task: asyncio.Task[None]


class Prompts:
    """The prompts of all documents, and the one that is being evaluated ahead."""

    def __init__(
        self,
        engine: Engine,
        read_format: Callable[[], Awaitable[ModelFormat]],
        settings: Settings,
        workspace: WorkspaceContext | None = None,
    ) -> None:
        self._engine = engine
        self._workspace = workspace
        self._format = read_format
        self._settings = settings
        self._anchors = Anchors(settings.completion.anchor_max_lines)
        self._next: _Next | None = None
        self._learned_tokens_s: float | None = None

    async def find(self, document: Document, cursor: Cursor, tree_of: TreeOf, trigger: Trigger) -> Found:
        """The prompt to answer by; a new one where none is warm."""
        if (prompt := self._anchors.reuse(document, cursor)) is not None:
            return Found(prompt, reused=True)
        works_ahead = is_wanted(self._settings.completion)
        if works_ahead and (prompt := self._anchors.reuse_outdated(document, cursor)) is not None:
            return Found(prompt, reused=True, outdated=True)
        anchor = new_anchor(document.text, cursor)
        if works_ahead and trigger is Trigger.AUTOMATIC:
            prompt = await self._build_first(document, anchor, cursor, tree_of)
        else:
            prompt = await self._build_whole(document, anchor, cursor, tree_of)
        self._anchors.remember(document.uri, anchored_at(document, anchor, prompt))
        return Found(prompt)

    async def request(self, document: Document, prompt: Prompt, trigger: Trigger) -> GenerateRequest:
        """The engine's request for what follows the prompt and what is typed behind it."""
        options, model_format = self._settings.completion, await self._format()
        return GenerateRequest(
            token_ids=prompt.token_ids,
            typed_ids=(),
            stop_ids=prompt.stop_ids,
            max_tokens=options.max_tokens,
            time_budget_ms=FIRST_LINE_PATIENCE * self.patience_ms(trigger),
            document=document.uri,
            n_alternatives=options.alternatives if trigger is Trigger.INVOKED else 0,
            typed=user_text(prompt.typed, model_format.fim),
            may_be_saved=prompt.may_be_saved,
        )

    def patience_ms(self, trigger: Trigger, extent: Extent = Extent.BLOCK) -> float:
        """How long a completion may be decoded before what is there of it is offered."""
        budget_ms = self._settings.completion.time_budget_ms
        if trigger is Trigger.INVOKED:
            return budget_ms * INVOKED_PATIENCE
        return budget_ms * STATEMENT_PATIENCE if extent is Extent.STATEMENT else budget_ms

    async def begin_first(self, document: Document, cursor: Cursor, tree_of: TreeOf) -> None:
        """Evaluate the prompt that the first key here would ask for, and then the whole one."""
        if self._anchors.reuse(document, cursor) is None:
            anchor = new_anchor(document.text, cursor)
            begun = self._begin(document, anchor, await self._build_first(document, anchor, cursor, tree_of))
            await asyncio.wait({begun})  # Waited for, not awaited: whoever ends this has not ended that.
        await self.begin_next(document, cursor, tree_of)

    async def begin_next(self, document: Document, cursor: Cursor, tree_of: TreeOf) -> None:
        """Begin to evaluate the prompt that should answer from now on, unless it is the one that does.

        That goes on while the user types, for the prompt stays the same; only another one takes its place.
        """
        prompt = self._anchors.reuse(document, cursor)
        if prompt is not None and "\n" not in prompt.typed and not self._may_show_more(document, prompt):
            return
        anchor = new_anchor(document.text, cursor)
        following = await self._build_whole(document, anchor, cursor, tree_of)
        if prompt is None or following.token_ids != prompt.token_ids:
            self._begin(document, anchor, following)

    def is_growing(self, document: Document, cursor: Cursor) -> bool:
        """Whether a short prompt answers here only until the whole one, which is being evaluated, is ready."""
        if self._next is None or self._next.uri != document.uri:
            return False
        prompt = self._anchors.reuse(document, cursor) or self._anchors.reuse_outdated(document, cursor)
        return prompt is not None and self._may_show_more(document, prompt)

    async def grown(self) -> None:
        """Wait for the prompt that is being evaluated ahead."""
        if self._next is not None:
            await asyncio.wait({self._next.task})  # Waited for, not awaited: a key ends the waiting only.

    def _begin(self, document: Document, anchor: int, prompt: Prompt) -> asyncio.Task[None]:
        """Evaluate this prompt in the background, instead of another; that it is begun already is fine too."""
        if self._next is None or self._next.anchored.prompt.token_ids != prompt.token_ids:
            self.stop()
            anchored = anchored_at(document, anchor, prompt)
            task = asyncio.create_task(self._evaluate(document, anchored))
            self._next = _Next(document.uri, anchored, task)
        return self._next.task

    def learn_speed(self, timings: Timings) -> None:
        """Follow the speed of evaluation on this machine, which changes with what else runs on it."""
        if timings.n_prefill >= MEASURED_TOKENS and timings.prefill_ms > 0:
            measured = timings.n_prefill / timings.prefill_ms * 1000
            expected = self._prefill_tokens_s()
            self._learned_tokens_s = expected + (measured - expected) / 2

    def forget(self, uri: str) -> None:
        """The document is closed."""
        self._anchors.forget(uri)
        if self._workspace is not None:
            self._workspace.forget(uri)
        if self._next is not None and self._next.uri == uri:
            self.stop()

    def stop(self) -> None:
        """End what is evaluated ahead."""
        if self._next is not None:
            self._next.task.cancel()
            self._next = None

    async def _evaluate(self, document: Document, anchored: Anchored) -> None:
        """Evaluate a prompt, then let it answer."""
        try:
            with unasked():
                request = await self.request(document, anchored.prompt, Trigger.AUTOMATIC)
                async with self._engine.generate(
                    replace(request, max_tokens=0, priority=Priority.BACKGROUND)
                ) as stream:
                    generation = await stream.result()
                if generation.stop is StopReason.MAX_TOKENS:
                    self._anchors.remember(document.uri, anchored)
        finally:
            if self._next is not None and self._next.anchored is anchored:
                self._next = None

    async def _build_first(self, document: Document, anchor: int, cursor: Cursor, tree_of: TreeOf) -> Prompt:
        """The whole prompt, or a short one where somebody would wait too long for it."""
        prompt = await self._build_whole(document, anchor, cursor, tree_of)
        suffix_share = self._settings.prompt.suffix_share
        if await self._n_cold(prompt) > WORTH_SHORTENING * self._n_first():
            prompt = await self._build(document, anchor, cursor, tree_of, TokenBudget(self._n_first(), suffix_share))
        return prompt

    async def _build_whole(self, document: Document, anchor: int, cursor: Cursor, tree_of: TreeOf) -> Prompt:
        options = self._settings.prompt
        n_snippets = self._settings.context.max_tokens if self._settings.context.enabled else 0
        budget = TokenBudget(options.max_tokens, options.suffix_share, n_snippets=n_snippets)
        return await self._build(document, anchor, cursor, tree_of, budget)

    async def _build(
        self, document: Document, anchor: int, cursor: Cursor, tree_of: TreeOf, budget: TokenBudget
    ) -> Prompt:
        model_format = await self._format()
        tree = tree_of()
        context = gather(document, anchor, cursor, tree)
        if self._workspace is not None and budget.n_snippets:
            snippets = await self._workspace.snippets(document, cursor, tree, budget.n_snippets, budget.n_prompt)
            context = replace(context, snippets=snippets)
        prompt = await build_prompt(context, model_format.fim, model_format.tokenizer, budget)
        once = tuple(each for each in context.snippets if not _is_shown_twice(each, context, prompt))
        if once != context.snippets:
            context = replace(context, snippets=once)
            prompt = await build_prompt(context, model_format.fim, model_format.tokenizer, budget)
        return replace(prompt, may_be_saved=not _has_secret(document, anchor, prompt))

    def _may_show_more(self, document: Document, prompt: Prompt) -> bool:
        """Whether it may have been made short for the first suggestion: there is more to show, and room for it."""
        n_shown = len(prompt.prefix_text) + len(prompt.typed) + len(prompt.suffix_text)
        n_whole = self._settings.prompt.max_tokens
        return n_shown < len(document.text) and len(prompt.token_ids) < n_whole * FULL

    def _prefill_tokens_s(self) -> float:
        """As the requests so far have shown; before them, as the engine has measured."""
        if self._learned_tokens_s is not None:
            return self._learned_tokens_s
        tuning = self._engine.tuning()
        return tuning.prefill_tokens_s if tuning else ASSUMED_PREFILL_TOKENS_S

    async def _n_cold(self, prompt: Prompt) -> int:
        """Tokens that would have to be evaluated: the engine is asked only where that makes a difference."""
        n_tokens = len(prompt.token_ids)
        if n_tokens <= WORTH_SHORTENING * self._n_first():
            return n_tokens
        return n_tokens - await self._engine.n_warm(prompt.token_ids)

    def _n_first(self) -> int:
        """Tokens that this machine evaluates within the first wait."""
        n_tokens = int(self._prefill_tokens_s() * self._settings.completion.first_wait_ms / 1000)
        return max(MIN_PROMPT_TOKENS, n_tokens // FIRST_STEP * FIRST_STEP)


def _has_secret(document: Document, anchor: int, prompt: Prompt) -> bool:
    """Whether what the prompt shows of its document is a secret or part of one; snippets never are."""
    first = anchor - len(prompt.prefix_text)
    end = anchor + len(prompt.typed) + len(prompt.suffix_text)
    around = document.text[max(0, first - LONGEST_SECRET) : end + LONGEST_SECRET]
    return is_secret_name(document.path) or holds_secret(around)


def _is_shown_twice(snippet: Snippet, context: Context, prompt: Prompt) -> bool:
    """Whether it is a far part of the open document that the prompt's window has reached all the same."""
    if snippet.path != context.path:
        return False
    above = context.prefix[: len(context.prefix) - len(prompt.prefix_text)]
    below = context.suffix[len(prompt.suffix_text) :]
    return not any(snippet.text in f"{part}\n".replace("\r\n", "\n") for part in (above, below))
