"""Several continuations of one prompt, each in a sequence of its own, decoded together: one evaluation for a token of
each. Three cost 2.35 times what one costs, not three times (1.5B, two cores)."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.continuation import Continuation
from codeslm_lsp.engine.llama_model import LlamaSequence
from codeslm_lsp.engine.progress import Part
from codeslm_lsp.values import StopReason, Token


@dataclass(frozen=True, slots=True)
class Limit:
    """When a running request ends before its text does: at ``deadline`` (``time.perf_counter``), or cancelled."""

    deadline: float
    cancelled: Callable[[], bool]

    def reached(self) -> StopReason | None:
        """Which of them, if any."""
        if self.cancelled():
            return StopReason.CANCELLED
        return StopReason.TIME_BUDGET if time.perf_counter() > self.deadline else None


class Holder(Protocol):
    """What is needed of a session."""

    @property
    def sequence(self) -> LlamaSequence: ...

    def holds(self, token: int, position: int) -> None: ...

    def remember(self, logits: NDArray[np.float32]) -> None: ...

    def keep_last_logits(self) -> None: ...


class Together:
    """Continuation n is decoded in session n, which holds all that stands before it."""

    def __init__(self, sessions: Sequence[Holder], part: Part, limit: Limit) -> None:
        self._sessions = sessions
        self._part = part
        self._limit = limit

    def run(self, continuations: Sequence[Continuation]) -> Generator[Token, None, StopReason]:
        """Let each say what it has chosen, and go on until all are over. Each ends by itself, and says so."""
        while running := [each for each in continuations if each.stop is None]:
            for continuation in running:
                token = continuation.say()
                self._part.n_decode += continuation.number == 0
                yield token
            if (stop := self._limit.reached()) is not None:
                return stop
            self._evaluate([each for each in running if each.stop is None])
            yield from (each.ended() for each in running if each.stop is StopReason.END)
        others = (each.stop for each in continuations if each.stop is not StopReason.END)
        return next(others, None) or StopReason.END

    def _evaluate(self, continuations: Sequence[Continuation]) -> None:
        if not continuations:
            return
        sessions = [self._sessions[each.number] for each in continuations]
        tokens = [each.said[-1].id for each in continuations]
        positions = [each.position - 1 for each in continuations]
        for session, token, position in zip(sessions, tokens, positions, strict=True):
            session.holds(token, position)
        first, *others = (session.sequence for session in sessions)
        rows = first.evaluate_with(others, tokens, positions)
        for continuation, session, row in zip(continuations, sessions, rows, strict=True):
            session.remember(row)
            if continuation.number:
                session.keep_last_logits()  # Only the first is what somebody may type.
            continuation.choose(row)
