"""Requests for several documents → the KV sequence that each continues, so that switching documents evaluates nothing.

A document has two sequences: the prompt that answers now, and the next one, which may be prefilled behind its back. A
new prompt begins as whichever sequence shares most with it: the cells are shared, and nothing is evaluated again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from codeslm_lsp.engine.drafts import Drafter
from codeslm_lsp.engine.llama_model import N_SEQUENCES, LlamaModel, LlamaSequence
from codeslm_lsp.engine.llama_session import LlamaSession, Tokens, continuations, count_common
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.values import StopReason, Timings

PER_DOCUMENT = 2
"""The prompt in use and the one that will take its place."""


@dataclass(eq=False)
class _Lane:
    """One sequence, the prompt it holds or is to hold, and whose it is.

    ``used`` grows with every use, ``served`` with those for which somebody waited.
    """

    session: LlamaSession
    document: str = ""
    prompt: tuple[int, ...] = ()
    used: int = 0
    served: int = 0

    @property
    def n_cells(self) -> int:
        return len(self.session.tokens)

    def clear(self) -> None:
        self.session.forget()
        self.document, self.prompt, self.used, self.served = "", (), 0, 0


class Lanes:
    """All sequences of one model. Not thread-safe: one worker thread runs one request after the other."""

    def __init__(self, model: LlamaModel) -> None:
        trie = continuations(model.pieces, model.is_end)
        self._model = model
        self._drafter = Drafter(model.pieces)
        self._verify_cost = model.verify_cost
        self._n_cells = model.n_cells
        self._lanes = [
            _Lane(LlamaSession(LlamaSequence(model, number), trie, self._drafter)) for number in range(N_SEQUENCES)
        ]
        self._clock = itertools.count(1)
        self._recent = self._lanes[:PER_DOCUMENT]

    def run(self, request: GenerateRequest, cancelled: Callable[[], bool]) -> Tokens[tuple[StopReason, Timings]]:
        """See ``LlamaSession.run``."""
        self._heed_measurements()
        lane = self._lane_for(request.document, request.token_ids)
        lane.used = next(self._clock)
        if not request.background:
            lane.served = lane.used
        if lane not in self._recent:
            self._recent.pop(0).session.forget_logits()
            self._recent.append(lane)
        self._make_room(
            lane, len(request.token_ids) + len(request.typed_ids) + (1 + request.n_alternatives) * request.max_tokens
        )
        return lane.session.run(request, cancelled, self._spares(lane, request))

    def _heed_measurements(self) -> None:
        """How long drafts may be depends on what was measured, which may happen while the engine runs."""
        if self._verify_cost != self._model.verify_cost:
            self._verify_cost = self._model.verify_cost
            self._drafter.set_costs(dict(self._verify_cost))

    def _spares(self, lane: _Lane, request: GenerateRequest) -> list[LlamaSession]:
        """Sequences for the alternatives; those that were used longest ago lose what they hold."""
        others = sorted((other for other in self._lanes if other is not lane), key=_last_used)
        spares = others[: request.n_alternatives]
        for spare in spares:
            spare.clear()
        return [spare.session for spare in spares]

    def _lane_for(self, document: str, prompt: tuple[int, ...]) -> _Lane:
        """The lane that holds this prompt, or one that is made to begin like it."""
        own = [lane for lane in self._lanes if lane.used and lane.document == document]
        for lane in sorted(own, key=_last_used, reverse=True):
            if lane.prompt == prompt:
                return lane
        lane = self._free_lane(own)
        source = max(self._lanes, key=lambda other: (count_common(other.session.tokens, prompt), other.used))
        n_common = count_common(source.session.tokens, prompt)
        if source is not lane:
            lane.session.begin_as(source.session, n_common)
        lane.document, lane.prompt, lane.served = document, prompt, 0
        return lane

    def _free_lane(self, own: Sequence[_Lane]) -> _Lane:
        """The document's own lane that answers nobody, if it has both; else an unused one, or that used longest ago."""
        if len(own) >= PER_DOCUMENT:
            return min(own, key=lambda lane: (lane.served, lane.used))
        return min(self._lanes, key=_last_used)

    def _make_room(self, lane: _Lane, n_tokens: int) -> None:
        """Forget the least recently used lanes until ``n_tokens`` of ``lane`` fit. Shared cells are counted twice."""
        others = sorted((other for other in self._lanes if other is not lane and other.n_cells), key=_last_used)
        n_used = max(n_tokens, lane.n_cells) + sum(other.n_cells for other in others)
        for other in others:
            if n_used <= self._n_cells:
                return
            n_used -= other.n_cells
            other.clear()


def _last_used(lane: _Lane) -> int:
    return lane.used
