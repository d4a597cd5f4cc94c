"""Requests for several documents → the KV sequence that each continues, so that switching documents evaluates nothing.

A document has two sequences: the prompt that answers now, and the next one, which may be prefilled behind its back. A
new prompt begins as whichever sequence shares most with it: the cells are shared, and nothing is evaluated again. That
may also be one that an earlier engine has left on disk.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from codeslm_lsp.engine.continuation import Vocabulary
from codeslm_lsp.engine.drafts import Drafter
from codeslm_lsp.engine.llama_model import N_SEQUENCES, LlamaModel, LlamaSequence
from codeslm_lsp.engine.llama_session import LlamaSession, Tokens, count_common
from codeslm_lsp.engine.progress import Progress
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.sequence_folder import Saved, SequenceFolder
from codeslm_lsp.values import Priority, StopReason, Timings

PER_DOCUMENT = 2
"""The prompt in use and the one that will take its place."""

WORTH_SAVING_TOKENS = 64
"""How many tokens a file must spare to be written or read: a 0.5B evaluates them in a third of a second."""


@dataclass(eq=False)
class _Lane:
    """One sequence, the prompt it holds or is to hold, and whose it is.

    ``used`` grows with every use, ``served`` with those for which somebody waited. ``n_saved`` tokens of the prompt are
    known to have been saved. None is where it may not be (a secret is near it), nor that of a command: no later engine
    will be asked for it.
    """

    session: LlamaSession
    document: str = ""
    prompt: tuple[int, ...] = ()
    used: int = 0
    served: int = 0
    n_saved: int = 0
    may_be_saved: bool = True

    @property
    def n_prompt(self) -> int:
        """How many tokens of its prompt it holds; what was typed and generated behind them is not counted."""
        return count_common(self.session.tokens, self.prompt)

    @property
    def n_cells(self) -> int:
        return len(self.session.tokens)

    def clear(self) -> None:
        self.session.forget()
        self.document, self.prompt, self.used, self.served, self.n_saved = "", (), 0, 0, 0
        self.may_be_saved = True


class Lanes:
    """All sequences of one model. Not thread-safe: one worker thread runs one request after the other.

    ``folder`` keeps what they hold for the next engine.
    """

    def __init__(self, model: LlamaModel, folder: SequenceFolder | None = None) -> None:
        vocabulary = Vocabulary(model.pieces, model.is_end)
        self._model = model
        self._drafter = Drafter(model.pieces)
        self._verify_cost = model.verify_cost
        self._n_ctx = model.n_ctx
        self._n_cells = model.n_cells
        self._lanes = [
            _Lane(LlamaSession(LlamaSequence(model, number), vocabulary, self._drafter))
            for number in range(N_SEQUENCES)
        ]
        self._clock = itertools.count(1)
        self._recent = self._lanes[:PER_DOCUMENT]
        self._folder = folder
        self._writing: Future[None] | None = None

    def run(
        self, request: GenerateRequest, cancelled: Callable[[], bool], progress: Progress | None = None
    ) -> Tokens[tuple[StopReason, Timings]]:
        """See ``LlamaSession.run``. Samples that are cancelled keep their sequences, until others need these."""
        n_tokens = len(request.token_ids) + len(request.typed_ids)
        n_tokens += (request.n_samples + request.n_alternatives) * request.max_tokens
        if request.n_samples > 1 and n_tokens > self._n_cells:
            return StopReason.CONTEXT_FULL, Timings()
        progress = progress or Progress()
        self._heed_measurements()
        lane, n_restored = self._lane_for(request.document, request.token_ids)
        progress.restored(n_restored)
        self._use(lane, request)
        spares = self._spares(lane, request)
        self._make_room([lane, *spares], n_tokens)
        is_suspended = False
        try:
            sessions = [spare.session for spare in spares]
            stop, _ = yield from lane.session.run(request, cancelled, sessions, progress)
            is_suspended = stop is StopReason.CANCELLED and request.n_samples > 1
        finally:
            for spare in spares:
                if not is_suspended:
                    spare.clear()
            if request.priority is Priority.COMMAND:
                lane.session.keep_last_logits()
        return stop, progress.timings

    def _use(self, lane: _Lane, request: GenerateRequest) -> None:
        lane.used = next(self._clock)
        if request.priority is not Priority.BACKGROUND:
            lane.served = lane.used
        is_command = request.priority is Priority.COMMAND
        if is_command or not request.may_be_saved:
            lane.may_be_saved = False
        if not is_command and lane not in self._recent:
            self._recent.pop(0).session.forget_logits()
            self._recent.append(lane)

    def _heed_measurements(self) -> None:
        """How long drafts may be depends on what was measured, which may happen while the engine runs."""
        if self._verify_cost != self._model.verify_cost:
            self._verify_cost = self._model.verify_cost
            self._drafter.set_costs(dict(self._verify_cost))

    def _spares(self, lane: _Lane, request: GenerateRequest) -> list[_Lane]:
        """Sequences for alternatives or samples; those that were used longest ago lose what they hold."""
        if request.n_samples > 1:
            return [self._sample_lane(number, request) for number in range(1, request.n_samples)]
        others = sorted((other for other in self._lanes if other is not lane), key=_last_used)
        spares = others[: request.n_alternatives]
        for spare in spares:
            spare.clear()
        return spares

    def _sample_lane(self, number: int, request: GenerateRequest) -> _Lane:
        """The lane in which this sample was begun, or one for it to begin in."""
        document = f"sample {number}\0{request.document}"
        begun = (lane for lane in self._lanes if (lane.document, lane.prompt) == (document, request.token_ids))
        lane = next(begun, None)
        if lane is None:
            lane = min(self._lanes, key=_last_used)
            lane.clear()
            lane.document, lane.prompt = document, request.token_ids
        self._use(lane, request)
        return lane

    def n_warm(self, prompt: tuple[int, ...]) -> int:
        """How many of its first tokens need not be evaluated: a lane holds them, or a file does."""
        held = max(count_common(lane.session.tokens, prompt) for lane in self._lanes)
        return max(held, *self._saved(prompt).values(), 0)

    def save(self) -> None:
        """Save what lanes hold and no file does, and wait until it is written. May take a second."""
        while (writing := self.save_next()) is not None:
            writing.result()

    def save_next(self) -> Future[None] | None:
        """Begin to save one lane, the last used first; ``None`` when there is nothing to save.

        Only copying its bytes keeps the caller waiting (some ten milliseconds). One file is written at a time, so that
        copies do not pile up: while that goes on nothing else is begun.
        """
        if self._folder is None:
            return None
        if self._writing is not None and not self._writing.done():
            return self._writing
        for lane in sorted(self._lanes, key=_last_used, reverse=True):
            n_tokens = lane.n_prompt
            if not lane.may_be_saved or n_tokens - lane.n_saved < WORTH_SAVING_TOKENS:
                continue
            lane.n_saved = n_tokens
            prompt = lane.prompt[:n_tokens]
            if n_tokens - max(self._saved(prompt).values(), default=0) >= WORTH_SAVING_TOKENS:
                self._writing = self._folder.write_soon(_name_of(lane.document), prompt, lane.session.state(n_tokens))
                return self._writing
        return None

    def _lane_for(self, document: str, prompt: tuple[int, ...]) -> tuple[_Lane, int]:
        """The lane that holds this prompt, or one made to begin like it, and how many tokens came from disk for it."""
        own = [lane for lane in self._lanes if lane.used and lane.document == document]
        for lane in sorted(own, key=_last_used, reverse=True):
            if lane.prompt == prompt:
                return lane, 0
        lane = self._free_lane(own)
        source = max(self._lanes, key=lambda other: (count_common(other.session.tokens, prompt), other.used))
        n_common = count_common(source.session.tokens, prompt)
        n_restored = self._restore(lane, prompt, n_common)
        if not n_restored and source is not lane:
            lane.session.begin_as(source.session, n_common)
        lane.document, lane.prompt, lane.served, lane.n_saved = document, prompt, 0, 0
        lane.may_be_saved = True
        return lane, n_restored

    def _restore(self, lane: _Lane, prompt: tuple[int, ...], n_common: int) -> int:
        """Read into ``lane`` the file that shares most with ``prompt``, if that is worth more than ``n_common`` tokens.

        Returns how many tokens it shares; 0 when there is no such file, or it turned out to be damaged.
        """
        shared = self._saved(prompt)
        for saved in sorted(shared, key=shared.__getitem__, reverse=True):
            if self._folder is None or shared[saved] - n_common < WORTH_SAVING_TOKENS:
                break
            if (state := self._folder.read(saved)) is None:
                continue
            lane.session.forget()
            self._make_room([lane], len(saved.tokens))
            return shared[saved] if lane.session.begin_from(saved.tokens, state) else 0
        return 0

    def _saved(self, prompt: tuple[int, ...]) -> dict[Saved, int]:
        """The files that fit into a sequence, and how many tokens they share with ``prompt``."""
        if self._folder is None:
            return {}
        fitting = [saved for saved in self._folder.sequences() if len(saved.tokens) <= self._n_ctx]
        return {saved: count_common(saved.tokens, prompt) for saved in fitting}

    def _free_lane(self, own: Sequence[_Lane]) -> _Lane:
        """The document's own lane that answers nobody, if it has both; else an unused one, or that used longest ago."""
        if len(own) >= PER_DOCUMENT:
            return min(own, key=lambda lane: (lane.served, lane.used))
        return min(self._lanes, key=_last_used)

    def _make_room(self, lanes: Sequence[_Lane], n_tokens: int) -> None:
        """Forget the least recently used of the others until ``n_tokens`` of ``lanes``, which share a prompt, fit.

        Shared cells are counted twice.
        """
        others = sorted((other for other in self._lanes if other not in lanes and other.n_cells), key=_last_used)
        n_used = max(n_tokens, *(lane.n_cells for lane in lanes)) + sum(other.n_cells for other in others)
        for other in others:
            if n_used <= self._n_cells:
                return
            n_used -= other.n_cells
            other.clear()


def _last_used(lane: _Lane) -> int:
    return lane.used


def _name_of(document: str) -> str:
    """The document's own name, without the number of the client that it belongs to (see ``runner``)."""
    return document.rpartition("\0")[2]
