"""What the rest of codeslm may ask of an engine, whatever runs behind it: a child process, or a replay in tests."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from codeslm_lsp.engine.stop_texts import before_stop_text
from codeslm_lsp.prompt.user_text import encoded
from codeslm_lsp.values import (
    Evaluated,
    Generation,
    InputError,
    ModelInfo,
    Priority,
    StopReason,
    Timings,
    Token,
    Tuning,
    UserText,
)

MAX_SAMPLES = 8
"""One evaluation of more tokens than this costs about as much as two of half as many (see ``drafts.VERIFY_COST``)."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One generation.

    ``token_ids`` is the prompt up to and including the middle sentinel. ``typed_ids`` are the tokens of the text the
    user has typed behind it; the last of them are healed: taken back and regenerated so that the model may choose the
    tokens that really continue those characters. ``stop_ids`` end the generation besides the model's own
    end-of-generation tokens, and so does a text that contains one of ``stop_texts``. ``time_budget_ms`` counts from the
    first produced token, without the time in which the request was suspended; with ``max_tokens`` 0 the prompt is only
    evaluated. ``document`` says whose prompt this is, by any name that is the document's own: its prompts are kept warm
    beside those of others. Work of another ``priority`` than the first is suspended when something comes first, and
    goes on later; that changes nothing of what it produces.

    Instead of ``typed_ids`` the text itself may be given as ``typed``: who answers has the tokenizer, and one message
    less is sent at every key (see ``with_typed_ids``).

    ``n_alternatives`` more continuations are wanted, from the first token on at which the model finds others likely.
    ``n_samples`` continuations are drawn from the same prompt, and decoded together.

    ``temperature`` 0 takes the likeliest token each time. Else tokens are drawn from the distribution that the model's
    logits divided by the temperature give, of its likeliest tokens that together have the probability ``top_p``. What
    is drawn depends on ``seed`` and on the place of the token, so the same request draws the same again.

    ``grammar`` is GBNF whose rule ``root`` the text has to obey.

    Raises ``InputError`` for what cannot be asked for together.
    """

    token_ids: tuple[int, ...]
    typed_ids: tuple[int, ...]
    stop_ids: frozenset[int]
    max_tokens: int
    time_budget_ms: float
    heal: bool = True
    document: str = ""
    priority: Priority = Priority.COMPLETION
    n_alternatives: int = 0
    n_samples: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    grammar: str = ""
    stop_texts: tuple[str, ...] = ()
    typed: UserText | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature >= 0 and 0 < self.top_p <= 1 and self.seed >= 0):
            raise InputError("Text cannot be drawn like this; give temperature >= 0, 0 < top_p <= 1 and seed >= 0.")
        if "" in self.stop_texts:
            raise InputError("An empty stop text would end every answer at once; leave it out.")
        if self.n_alternatives and (self.priority is not Priority.COMPLETION or self.temperature):
            raise InputError("Alternatives belong to a completion at temperature 0; ask for samples instead.")
        if not 1 <= self.n_samples <= MAX_SAMPLES or (self.n_samples > 1 and not self.temperature):
            raise InputError(f"At most {MAX_SAMPLES} samples can be drawn, and only at a temperature above 0.")
        if self.typed_ids and self.typed is not None:
            raise InputError("What was typed is given twice; give its text or its tokens.")
        has_typed = bool(self.typed_ids) or (self.typed is not None and any(self.typed.parts))
        if (self.grammar or self.n_samples > 1) and (has_typed or self.n_alternatives):
            raise InputError("A grammar or samples cannot continue typed text or have alternatives; ask without these.")


class TokenStream(Protocol):
    """The tokens of one generation while they are produced."""

    def __aiter__(self) -> AsyncIterator[Token]: ...

    async def stop(self) -> None:
        """Ask the engine to stop. Returns at once; ``result`` follows when it has, within a fraction of a second."""

    async def enough(self) -> None:
        """The same, but ``result`` need not wait for the token that is being evaluated: nobody wants to have it."""

    async def result(self) -> Generation:
        """The whole generation, once it has ended.

        Raises ``InputError`` when the grammar cannot be used, ``EngineDied`` when the engine ended first.
        """


class Engine(Protocol):
    """A model that can be asked to continue a prompt.

    All methods are coroutines on the caller's event loop and never block it.
    """

    async def ready(self, timeout_ms: float) -> ModelInfo:
        """Wait until the model is loaded, starting it if need be.

        Raises ``EngineLoading`` when that takes longer than ``timeout_ms``, else ``EngineUnavailable``.
        """

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        """Start a generation. Leaving the context cancels what is still running."""

    async def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Tokens of each text by the model's own tokenizer, without parsing special tokens."""

    async def n_warm(self, token_ids: Sequence[int]) -> int:
        """How many of a prompt's first tokens are evaluated already, by this engine or the one before it."""

    def evaluated(self) -> Evaluated:
        """What was evaluated since this engine was made."""

    def tuning(self) -> Tuning | None:
        """How fast the model runs on this machine, once that was measured."""

    async def close(self) -> None:
        """End the engine and everything it started."""


def with_typed_ids(request: GenerateRequest, encode: Callable[[str], list[int]]) -> GenerateRequest:
    """The same request with the tokens of what was typed, by the model's tokenizer."""
    if request.typed is None:
        return request
    return replace(request, typed_ids=tuple(encoded(request.typed, encode)), typed=None)


def counted(before: Evaluated, request: GenerateRequest, timings: Timings) -> Evaluated:
    """The same with what one generation evaluated."""
    n = timings.n_prefill
    match request.priority:
        case Priority.COMPLETION:
            return replace(before, n_foreground=before.n_foreground + n)
        case Priority.COMMAND:
            return replace(before, n_commands=before.n_commands + n)
        case Priority.BACKGROUND:
            return replace(before, n_background=before.n_background + n)


def generation_of(request: GenerateRequest, tokens: Sequence[Token], stop: StopReason, timings: Timings) -> Generation:
    """All tokens of a stream, in their branches, each up to a stop text. Every sample is one, even if it is empty."""
    n_branches = max([request.n_samples, *(token.branch + 1 for token in tokens)])
    ended = {token.branch: token.logprob for token in tokens if token.is_end}
    said = [token for token in tokens if not token.is_end]
    branches = ([token for token in said if token.branch == branch] for branch in range(n_branches))
    main, *others = (before_stop_text(branch, request.stop_texts) for branch in branches)
    return Generation("".join(token.text for token in main), main, stop, timings, tuple(others), ended)
