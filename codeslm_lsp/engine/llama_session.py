"""One KV sequence that follows the user: request → tokens, evaluating only what is new since the last request.

    prompt tokens                    typed tokens        healed       free
    [BOS pre … suf … mid]            [def| area|(se]     lf           , radius):
    kept in the KV cache ──────────▶ kept if unchanged   masked       greedy

The last typed tokens are not trusted: what follows may belong into the same token. At each of them the model chooses
among the tokens that agree with the typed bytes, and only what it chooses is evaluated, unless it stands there already.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.branches import Branch, likeliest, text_decoder
from codeslm_lsp.engine.choosing import choose
from codeslm_lsp.engine.drafts import Drafter
from codeslm_lsp.engine.healing import ByteTrie
from codeslm_lsp.engine.llama_model import Aborted, LlamaSequence
from codeslm_lsp.engine.protocol import GenerateRequest, Priority
from codeslm_lsp.values import StopReason, Timings, Token

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
"""Tokens that background work evaluates at once. An interruption loses what was begun: a third of a second's work of a
1.5B on two cores, which is what a typist leaves between two keys at most. More at once would be faster, and lost."""

LONGEST_STOP_TEXT = 256
"""Characters of what was written before a token in which a stop text may have begun."""

EndT = TypeVar("EndT")
Tokens = Generator[Token, None, EndT]


@dataclass
class _Progress:
    """What a running request has done so far; becomes ``Timings``."""

    started: float = field(default_factory=time.perf_counter)
    prefill_ms: float = 0.0
    n_prefill: int = 0
    n_reused: int = 0
    n_decode: int = 0
    """Tokens that reach beyond the typed text."""


@dataclass(frozen=True, slots=True)
class _Limit:
    """When a running request ends before its text does: at ``deadline`` (``time.perf_counter``), or cancelled."""

    deadline: float
    cancelled: Callable[[], bool]


class LlamaSession:
    """The warm state of one sequence: which tokens its KV cache holds, and the logits behind the last of them.

    Not thread-safe: one worker thread calls ``run`` to its end before the next.
    """

    def __init__(self, model: LlamaSequence, trie: ByteTrie, drafter: Drafter) -> None:
        self._model = model
        self._trie = trie
        self._drafter = drafter
        self._tokens: list[int] = []
        self._logits: dict[int, NDArray[np.float32]] = {}

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
        self, request: GenerateRequest, cancelled: Callable[[], bool], spares: Sequence[LlamaSession] = ()
    ) -> Tokens[tuple[StopReason, Timings]]:
        """Produce tokens; the generator's return value says why it ended and what it cost.

        ``Token.text`` of the first tokens is without the bytes the user has typed already. Alternatives are decoded
        in ``spares``, which hold nothing before and after.
        """
        progress = _Progress()
        try:
            reason = yield from self._run(request, cancelled, progress, spares)
        except Aborted:
            self._truncate(self._model.n_evaluated())
            progress.n_prefill = max(0, min(progress.n_prefill, len(self._tokens) - progress.n_reused))
            reason = StopReason.CANCELLED
        except RuntimeError:
            self.forget()  # What the cache holds now is anybody's guess.
            raise
        finally:
            for spare in spares:
                spare.forget()
        total_ms = (time.perf_counter() - progress.started) * 1000
        return reason, Timings(
            prefill_ms=progress.prefill_ms or total_ms,
            decode_ms=total_ms - progress.prefill_ms if progress.prefill_ms else 0.0,
            n_prefill=progress.n_prefill,
            n_reused=progress.n_reused,
            n_decode=progress.n_decode,
            n_drafted=self._drafter.n_drafted,
            n_drafts_kept=self._drafter.n_kept,
        )

    def _run(
        self,
        request: GenerateRequest,
        cancelled: Callable[[], bool],
        progress: _Progress,
        spares: Sequence[LlamaSession],
    ) -> Tokens[StopReason]:
        target = [*request.token_ids, *request.typed_ids]
        if not target:
            return StopReason.END  # A model without FIM at the start of a file: there is nothing to go on from.
        n_healed = min(HEALED_TOKENS, len(request.typed_ids), len(target) - 1) if request.heal else 0
        remaining = b"".join(self._model.pieces[token] for token in target[len(target) - n_healed :])
        # Healed bytes may come back as single-byte tokens.
        if len(target) - n_healed + len(remaining) + request.max_tokens > self._model.n_ctx:
            return StopReason.CONTEXT_FULL
        if cancelled():
            return StopReason.CANCELLED
        is_urgent = request.priority is Priority.COMPLETION
        said_before = target[len(target) - request.n_said :] if request.n_said else []
        grammar = self._model.grammar(request.grammar) if request.grammar else None
        for token in said_before if grammar is not None else ():
            assert grammar is not None
            grammar.accept(token)
        written = decode_all(self._model.pieces[token] for token in said_before)
        self._drafter.begin(target[: len(target) - n_healed])
        n_there = self._prefill(target, n_healed, progress, len(target) if is_urgent else PATIENT_TOKENS)
        progress.prefill_ms = (time.perf_counter() - progress.started) * 1000
        if not request.max_tokens:
            return StopReason.MAX_TOKENS

        stop_ids = list(request.stop_ids)
        decoder = text_decoder()
        deadline = time.perf_counter() + request.time_budget_ms / 1000
        position = len(target) - n_healed
        said: list[Token] = []
        while True:
            logits = self._logits[position - 1]
            if remaining:
                allowed = self._trie.candidates(remaining)
                allowed = allowed[~np.isin(allowed, stop_ids)]
                if not len(allowed):
                    return StopReason.UNHEALABLE
                token = int(allowed[np.argmax(logits[allowed])])
            else:
                chosen = choose(logits, request, position, grammar)
                if chosen is None:
                    return StopReason.OFF_GRAMMAR
                token = chosen
                if self._is_over(token, request):
                    return StopReason.END
                if grammar is not None:
                    grammar.accept(token)
            piece = self._model.pieces[token]
            is_new = len(piece) > len(remaining)
            branches = self._branches(position, remaining, request, 1 + len(spares)) if is_new and spares else []
            if len(branches) > 1:  # Here the model was in doubt: from here on there are several continuations.
                for branch in branches:
                    branch.begin_as(decoder, len(said))
                for branch, spare in zip(branches[1:], spares, strict=False):
                    spare.begin_as(self, position)
                    yield from (replace(token, branch=branch.number) for token in said)
                limit = _Limit(deadline, cancelled)
                return (yield from self._run_branches(branches, spares, request, progress, limit))
            progress.n_decode += is_new
            next_token = Token(token, decoder.decode(piece[len(remaining) :]), _logprob(logits, token))
            said += [next_token] if is_new else []
            yield next_token
            remaining = remaining[len(piece) :]
            if request.stop_texts:
                written = written[-LONGEST_STOP_TEXT:] + next_token.text
                if any(text in written for text in request.stop_texts):
                    return StopReason.END
            if progress.n_decode >= request.max_tokens:
                return StopReason.MAX_TOKENS
            if cancelled():
                return StopReason.CANCELLED
            if time.perf_counter() > deadline:
                return StopReason.TIME_BUDGET
            is_evaluated = self._append(token, position, request.max_tokens - progress.n_decode)
            if not is_new and position >= n_there:
                progress.n_prefill += is_evaluated
                progress.n_reused += not is_evaluated
            position += 1

    def _branches(self, position: int, remaining: bytes, request: GenerateRequest, n: int) -> list[Branch]:
        """The likeliest continuations from ``position`` on, by their first tokens."""
        logits, pieces = self._logits[position - 1], self._model.pieces

        def is_usable(token: int) -> bool:
            is_over = self._model.is_end(token) or token in request.stop_ids
            return len(pieces[token]) > len(remaining) and not is_over

        allowed = self._trie.candidates(remaining) if remaining else np.arange(len(pieces))
        return [
            Branch(number, token, position, _logprob(logits, token), len(remaining))
            for number, token in enumerate(likeliest(logits, allowed, is_usable, n))
        ]

    def _run_branches(
        self,
        branches: Sequence[Branch],
        spares: Sequence[LlamaSession],
        request: GenerateRequest,
        progress: _Progress,
        limit: _Limit,
    ) -> Tokens[StopReason]:
        """Decode several continuations together: the first in this sequence, the others in ``spares``."""
        sessions = [self, *spares]
        self._truncate(branches[0].position)
        running = list(branches)
        while running:
            for branch in running:
                branch.n_decoded += 1
                progress.n_decode += branch.number == 0
                text = branch.decoder.decode(self._model.pieces[branch.token][branch.skipped :])
                branch.skipped = 0
                yield Token(branch.token, text, branch.logprob, branch.number)
            if limit.cancelled():
                return StopReason.CANCELLED
            if time.perf_counter() > limit.deadline:
                return StopReason.TIME_BUDGET
            if running[0].n_decoded >= request.max_tokens:
                return StopReason.MAX_TOKENS
            sequences = [sessions[branch.number]._model for branch in running]
            if running[0].number == 0:
                self._tokens.append(running[0].token)
            rows = sequences[0].evaluate_with(
                sequences[1:], [branch.token for branch in running], [branch.position for branch in running]
            )
            if running[0].number == 0 and len(self._logits) < REMEMBERED_LOGITS:
                self._logits[running[0].position] = rows[0]
            for branch, row in zip(running, rows, strict=True):
                branch.token, branch.position = int(np.argmax(row)), branch.position + 1
                branch.logprob = _logprob(row, branch.token)
            running = [branch for branch in running if not self._is_over(branch.token, request)]
        return StopReason.END

    def _is_over(self, token: int, request: GenerateRequest) -> bool:
        """Whether the model ends its text with this token."""
        return self._model.is_end(token) or token in request.stop_ids or not self._model.pieces[token]

    def _prefill(self, target: Sequence[int], n_healed: int, progress: _Progress, n_at_once: int) -> int:
        """Bring the KV cache to begin with ``target`` up to its healed tokens, with logits behind the last of those.

        Returns how many tokens of ``target`` are accounted for; the others are in ``_run``.
        """
        n_sure = len(target) - n_healed
        start = min(count_common(self._tokens, target), n_sure)
        if start == n_sure and n_sure - 1 not in self._logits:
            start -= 1
        self._logits = {position: row for position, row in self._logits.items() if position >= n_sure - 1}
        progress.n_reused = start
        if start == n_sure:
            return n_sure  # What was generated behind the target may stay: the user is typing it.
        end = len(target) if n_sure - start >= DRAFTED_WITH else n_sure
        progress.n_prefill = end - start
        self._truncate(start)
        n_logits = end - n_sure + 1
        while end - start > n_at_once + n_logits:  # The last piece holds all tokens whose logits are wanted.
            self._extend(target[start : start + n_at_once], 1)
            start += n_at_once
        rows = self._extend(target[start:end], n_logits)
        for offset, row in enumerate(rows):
            self._logits[n_sure - 1 + offset] = row
        return end

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

    def _truncate(self, length: int) -> None:
        del self._tokens[length:]
        self._logits = {position: row for position, row in self._logits.items() if position < length}


def decode_all(pieces: Iterable[bytes]) -> str:
    """The text of several tokens; a character that is not complete yet is left out."""
    return text_decoder().decode(b"".join(pieces))


def continuations(pieces: Sequence[bytes], is_end: Callable[[int], bool]) -> ByteTrie:
    """The tokens that may continue typed text: one that ends the text is none, even where its spelling would fit."""
    return ByteTrie([b"" if is_end(token) else piece for token, piece in enumerate(pieces)])


def count_common(left: Sequence[int], right: Sequence[int]) -> int:
    """How many tokens both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False)))


def _logprob(logits: NDArray[np.float32], token: int) -> float:
    """log softmax(logits)[token], over the whole vocabulary."""
    top = logits.max()
    return float(logits[token] - top - np.log(np.exp(logits - top).sum()))
