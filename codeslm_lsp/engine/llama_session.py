"""One KV sequence that follows the user: request → tokens, evaluating only what is new since the last request.

    prompt tokens                    typed tokens        healed       free
    [BOS pre … suf … mid]            [def| area|(se]     lf           , radius):
    kept in the KV cache ──────────▶ kept if unchanged   masked       greedy

The last typed tokens are not trusted: what follows may belong into the same token. At each of them the model chooses
among the tokens that agree with the typed bytes, and only what it chooses is evaluated, unless it stands there already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.branches import likeliest
from codeslm_lsp.engine.continuation import Continuation, Vocabulary
from codeslm_lsp.engine.drafts import Drafter
from codeslm_lsp.engine.llama_model import Aborted, LlamaSequence
from codeslm_lsp.engine.llama_together import Limit, Together
from codeslm_lsp.engine.progress import Part, Progress
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.syntax.same import n_same
from codeslm_lsp.values import Priority, StopReason, Timings, Token

HEALED_TOKENS = 2
"""How many typed tokens are taken back. Measured on HumanEval random_span (see README, "Measured"): without healing an
anchored prompt loses half its passes; with two tokens it equals a prompt that was read anew."""

DRAFTED_WITH = 8
"""Where so many tokens are evaluated anyway, the typed tokens to be healed go along as a draft: in a batch they cost a
quarter of what they cost one by one (1.5B on two cores), and they are mostly right. Alone they would be evaluated at
every key, and thrown away at the next."""

REMEMBERED_LOGITS = 32
"""Rows of logits kept behind the cursor (0.6 MB each for 151k tokens), so that the next key, which mostly types what
was generated, need not evaluate the healed tokens again."""

PATIENT_TOKENS = 32
"""Tokens that work which gives way evaluates at once. An interruption loses what was begun: a third of a second's work
of a 1.5B on two cores, which is what a typist leaves between two keys at most. More at once would be faster, and
lost."""

LEAST_PATIENT_TOKENS = 4
"""Where even that is lost, half as much is tried, and so on: a quick typist leaves less. So many take a tenth of a
second; still fewer would cost nearly as much each as one by one."""

EndT = TypeVar("EndT")
Tokens = Generator[Token, None, EndT]


class LlamaSession:
    """The warm state of one sequence: which tokens its KV cache holds, and the logits behind the last of them.

    Not thread-safe: one worker thread calls ``run`` to its end before the next.
    """

    def __init__(self, model: LlamaSequence, vocabulary: Vocabulary, drafter: Drafter) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._drafter = drafter
        self._tokens: list[int] = []
        self._logits: dict[int, NDArray[np.float32]] = {}
        self._n_patient = PATIENT_TOKENS

    @property
    def tokens(self) -> Sequence[int]:
        """The tokens whose keys and values the cache holds."""
        return self._tokens

    def forget(self) -> None:
        """Empty the sequence."""
        self._model.forget()
        self._truncate(0)

    def forget_logits(self) -> None:
        """Give back their memory. The next request evaluates the last tokens again, which costs it one short batch."""
        self._logits = {}

    def keep_last_logits(self) -> None:
        """Give back the memory of all others: a suspended request goes on at once, and has no use for them."""
        last = len(self._tokens) - 1
        self._logits = {position: row for position, row in self._logits.items() if position == last}

    def begin_as(self, other: LlamaSession, n_tokens: int) -> None:
        """Hold the first ``n_tokens`` of another session instead of what is held now. Nothing is evaluated."""
        self._model.fork(other._model, n_tokens)
        self._tokens, self._logits = list(other._tokens[:n_tokens]), {}

    def state(self, n_tokens: int) -> memoryview:
        """A copy of the first ``n_tokens`` as ``begin_from`` takes it."""
        return self._model.state(n_tokens)

    def begin_from(self, tokens: Sequence[int], state: bytes) -> bool:
        """Hold the saved ``tokens`` instead of what is held now. Where there is no room: false, and hold nothing."""
        self.forget()
        self._model.set_state(state)
        if self._model.n_evaluated() != len(tokens):
            self.forget()
            return False
        self._tokens = list(tokens)
        return True

    def run(
        self,
        request: GenerateRequest,
        cancelled: Callable[[], bool],
        spares: Sequence[LlamaSession] = (),
        progress: Progress | None = None,
    ) -> Tokens[tuple[StopReason, Timings]]:
        """Produce tokens; the generator's return value says why it ended and what it cost.

        ``Token.text`` of the first tokens is without the bytes the user has typed already. Alternatives and samples are
        decoded in ``spares``. With the ``progress`` of a request that was cancelled it goes on behind what it has
        produced; what this or another session holds of that is not evaluated again. Raises ``InputError`` for a
        grammar that cannot be used.
        """
        progress = progress or Progress()
        part = Part()
        progress.begin(lambda: part.timings(self._drafter.n_drafted, self._drafter.n_kept))
        try:
            reason = yield from self._run(request, cancelled, part, spares, progress)
        except Aborted:
            for session in (self, *spares):
                session._truncate(session._model.n_evaluated())
            part.n_prefill = max(0, min(part.n_prefill, len(self._tokens) - part.n_reused))
            if not part.prefill_ms and request.priority is not Priority.COMPLETION:
                self._n_patient = max(LEAST_PATIENT_TOKENS, self._n_patient // 2)
            reason = StopReason.CANCELLED
        except RuntimeError:
            for session in (self, *spares):
                session.forget()  # What the cache holds now is anybody's guess.
            raise
        progress.end()
        return reason, progress.timings

    def _run(
        self,
        request: GenerateRequest,
        cancelled: Callable[[], bool],
        part: Part,
        spares: Sequence[LlamaSession],
        progress: Progress,
    ) -> Tokens[StopReason]:
        assert request.typed is None, "what was typed is encoded before it comes here"
        target = [*request.token_ids, *request.typed_ids]
        if not target:
            return StopReason.END  # A model without FIM at the start of a file: there is nothing to go on from.
        n_healed = min(HEALED_TOKENS, len(request.typed_ids), len(target) - 1) if request.heal else 0
        sure, healed = target[: len(target) - n_healed], target[len(target) - n_healed :]
        remaining = b"".join(self._model.pieces[token] for token in healed)
        # Healed bytes may come back as single-byte tokens.
        if len(sure) + len(remaining) + request.max_tokens > self._model.n_ctx:
            return StopReason.CONTEXT_FULL
        if not progress.continuations:
            progress.continuations = self._begin(request, len(sure), remaining)
        if cancelled():
            return StopReason.CANCELLED
        main = progress.continuations[0]
        if main.said:
            sure, healed = [*sure, *main.ids], []
        self._drafter.begin(sure)
        n_there = self._prefill([*sure, *healed], len(healed), part, request.priority)
        part.prefilled()
        if not request.max_tokens:
            return StopReason.MAX_TOKENS
        spent_ms = progress.timings.decode_ms
        limit = Limit(time.perf_counter() + (request.time_budget_ms - spent_ms) / 1000, cancelled)
        if request.n_samples > 1:
            self._have_samples_ready(request, progress.continuations, spares, part)
            return (yield from Together([self, *spares], part, limit).run(progress.continuations))
        return (yield from self._decode(request, main, spares, part, limit, n_there))

    def _begin(self, request: GenerateRequest, start: int, remaining: bytes) -> list[Continuation]:
        """The continuations that are asked for."""
        return [
            Continuation(
                request,
                self._vocabulary,
                start,
                number=number,
                remaining=remaining,
                grammar=self._model.grammar(request.grammar) if request.grammar else None,
            )
            for number in range(request.n_samples)
        ]

    def _decode(
        self,
        request: GenerateRequest,
        main: Continuation,
        spares: Sequence[LlamaSession],
        part: Part,
        limit: Limit,
        n_there: int,
    ) -> Tokens[StopReason]:
        """Produce one continuation; where the model is in doubt and alternatives are asked for, several."""
        while True:
            position = main.position
            main.choose(self._logits[position - 1])
            if main.stop is not None:
                return main.stop
            is_new = main.reaches_beyond_typed
            branches = self._branches(main, 1 + len(spares)) if is_new and spares else []
            if len(branches) > 1:  # Here the model was in doubt: from here on there are several continuations.
                for branch, spare in zip(branches[1:], spares, strict=False):
                    spare.begin_as(self, position)
                    yield from (branch.heard(token) for token in main.said[len(main.said) - main.n_new :])
                return (yield from Together([self, *spares], part, limit).run(branches))
            token = main.say()
            part.n_decode += is_new
            yield token
            if (stop := main.stop or limit.reached()) is not None:
                return stop
            is_evaluated = self._append(token.id, position, request.max_tokens - main.n_new)
            if not is_new and position >= n_there:
                part.n_prefill += is_evaluated
                part.n_reused += not is_evaluated

    def _branches(self, main: Continuation, n: int) -> list[Continuation]:
        """``main`` and others that have said the same, and go on by the likeliest tokens."""
        logits, pieces = self._logits[main.position - 1], self._model.pieces
        n_typed = len(main.remaining)
        found = likeliest(logits, main.allowed(), lambda token: len(pieces[token]) > n_typed, n)
        branches = [main, *(main.fork(number) for number in range(1, len(found)))]
        for branch, token in zip(branches, found, strict=True):
            branch.choose_token(token, logits)
        return branches

    def _have_samples_ready(
        self,
        request: GenerateRequest,
        continuations: Sequence[Continuation],
        spares: Sequence[LlamaSession],
        part: Part,
    ) -> None:
        """Bring each sequence behind what its continuation has said, and let it choose how to go on."""
        prompt = [*request.token_ids, *request.typed_ids]
        n_prompt = len(prompt)
        for continuation, session in zip(continuations, (self, *spares), strict=True):
            if continuation.stop is not None:
                continue
            if count_common(session._tokens, prompt) < n_prompt:
                session.begin_as(self, n_prompt)
            if not continuation.said:
                continuation.choose(self._logits[n_prompt - 1])
                continue
            again = Part()
            session._prefill([*prompt, *continuation.ids], 0, again, request.priority)
            part.n_prefill += again.n_prefill
            continuation.choose(session._logits[continuation.position - 1])

    def _prefill(self, target: Sequence[int], n_healed: int, part: Part, priority: Priority) -> int:
        """Bring the KV cache to begin with ``target`` up to its healed tokens, with logits behind the last of those.

        What gives way evaluates little at once. Returns how many tokens of ``target`` are accounted for; the others are
        in ``_decode``.
        """
        n_sure = len(target) - n_healed
        start = min(count_common(self._tokens, target), n_sure)
        if start == n_sure and n_sure - 1 not in self._logits:
            start -= 1
        self._logits = {position: row for position, row in self._logits.items() if position >= n_sure - 1}
        part.n_reused = start
        if start == n_sure:
            return n_sure  # What was generated behind the target may stay: the user is typing it.
        end = len(target) if n_sure - start >= DRAFTED_WITH else n_sure
        part.n_prefill = end - start
        self._truncate(start)
        n_logits = end - n_sure + 1
        while (n_at_once := self._n_at_once(priority, end)) < end - start - n_logits:
            self._extend(target[start : start + n_at_once], 1)
            start += n_at_once
            self._n_patient = min(2 * self._n_patient, PATIENT_TOKENS)
        # The last piece holds all tokens whose logits are wanted.
        rows = self._extend(target[start:end], n_logits)
        for offset, row in enumerate(rows):
            self._logits[n_sure - 1 + offset] = row
        return end

    def _n_at_once(self, priority: Priority, n_all: int) -> int:
        return n_all if priority is Priority.COMPLETION else self._n_patient

    def _extend(self, tokens: Sequence[int], n_logits: int) -> NDArray[np.float32]:
        start = len(self._tokens)
        self._tokens.extend(tokens)
        return self._model.evaluate(tokens, start, n_logits)

    def _append(self, token: int, position: int, n_wanted: int) -> bool:
        """Evaluate one produced token at ``position``, and with it what is likely to follow, unless it stands there.

        ``n_wanted`` more tokens are asked for. Returns whether it had to be evaluated.
        """
        self._drafter.push(token)
        if len(self._logits) > REMEMBERED_LOGITS:
            self._logits.pop(position - 1, None)
        if position < len(self._tokens) and self._tokens[position] == token and position in self._logits:
            return False
        self._truncate(position)
        draft = self._drafter.propose(n_wanted - 1)
        rows = self._extend([token, *draft], 1 + len(draft))
        for offset, row in enumerate(rows):
            self._logits[position + offset] = row
        return True

    @property
    def sequence(self) -> LlamaSequence:
        """What it keeps its tokens in."""
        return self._model

    def holds(self, token: int, position: int) -> None:
        """This token is being evaluated at ``position``, with those of other sequences."""
        self._truncate(position)
        self._tokens.append(token)

    def remember(self, logits: NDArray[np.float32]) -> None:
        """The logits behind the last token."""
        last = len(self._tokens) - 1
        if len(self._logits) > REMEMBERED_LOGITS:
            self._logits.pop(last - 1, None)
        self._logits[last] = logits

    def _truncate(self, length: int) -> None:
        del self._tokens[length:]
        self._logits = {position: row for position, row in self._logits.items() if position < length}


def count_common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens both begin with."""
    shorter = min(len(left), len(right))
    return n_same(shorter, lambda low, high: list(left[low:high]) == list(right[low:high]))
