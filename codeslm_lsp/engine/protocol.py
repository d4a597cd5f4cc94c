"""What the rest of codeslm may ask of an engine, whatever runs behind it: a child process, or a replay in tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

from codeslm_lsp.values import Evaluated, Generation, ModelInfo, StopReason, Timings, Token, Tuning


class Priority(IntEnum):
    """What goes first: the smaller. What comes later is interrupted by what comes first, and goes on behind it."""

    COMPLETION = 0
    """Somebody types, and waits for a line of code."""
    COMMAND = 1
    """Somebody reads along while an answer is written."""
    BACKGROUND = 2
    """Nobody waits yet."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One generation.

    ``token_ids`` is the prompt up to and including the middle sentinel. ``typed_ids`` are the tokens of the text the
    user has typed behind it; the last of them are healed: taken back and regenerated so that the model may choose the
    tokens that really continue those characters. ``stop_ids`` end the generation besides the model's own
    end-of-generation tokens. ``time_budget_ms`` counts from the first produced token; with ``max_tokens`` 0 the prompt
    is only evaluated. ``document`` says whose prompt this is, by any name that is the document's own: its prompts are
    kept warm beside those of others. ``n_alternatives`` more continuations are wanted, from the first token on at which
    the model finds others likely.

    Tokens are the likeliest, or drawn at ``temperature`` out of the likeliest ``top_p`` by a stream that ``seed``
    begins. ``grammar`` (GBNF, its root called ``root``) says what the text may be, and ``stop_texts`` at which of its
    parts it ends; neither goes with typed text or alternatives. ``n_said`` of the last tokens were produced by this
    same generation before it was interrupted: grammar, stop texts and ``max_tokens`` are about all of them.
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
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    grammar: str = ""
    stop_texts: tuple[str, ...] = ()
    n_said: int = 0

    @property
    def background(self) -> bool:
        """Whether nobody waits for it yet."""
        return self.priority is Priority.BACKGROUND


class TokenStream(Protocol):
    """The tokens of one generation while they are produced."""

    def __aiter__(self) -> AsyncIterator[Token]: ...

    async def stop(self) -> None:
        """Ask the engine to stop. Returns at once; ``result`` follows within a fraction of a second."""

    async def result(self) -> Generation:
        """The whole generation, once it has ended. Raises ``EngineDied`` when the engine ended first."""


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


def generation_of(tokens: Sequence[Token], stop: StopReason, timings: Timings) -> Generation:
    """All tokens of a stream, in their branches."""
    n_branches = max((token.branch for token in tokens), default=0) + 1
    main, *others = (tuple(token for token in tokens if token.branch == branch) for branch in range(n_branches))
    return Generation("".join(token.text for token in main), main, stop, timings, tuple(others))
