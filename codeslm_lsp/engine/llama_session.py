"""One KV sequence that follows the user: request → tokens, evaluating only what is new since the last request.

    prompt tokens                    typed tokens        healed       free
    [BOS pre … suf … mid]            [def| area|(se]     lf           , radius):
    kept in the KV cache ──────────▶ kept if unchanged   masked       greedy

The last typed tokens are not trusted: what follows may belong into the same token. They are evaluated together with
the rest, and then checked like a draft: at each of them the model chooses among the tokens that agree with the typed
bytes; where it chooses what stands there already, nothing has to be evaluated again.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.healing import ByteTrie
from codeslm_lsp.engine.llama_model import Aborted, LlamaSequence
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.values import StopReason, Timings, Token

HEALED_TOKENS = 2
"""How many typed tokens are taken back. Measured on HumanEval random_span (see README, "Measured"): without healing an
anchored prompt loses half its passes; with two tokens it equals a prompt that was read anew."""

REMEMBERED_LOGITS = 32
"""Rows of logits kept behind the cursor (0.6 MB each for 151k tokens), so that the next key, which mostly types what
was generated, need not evaluate the healed tokens again."""

PATIENT_TOKENS = 32
"""Tokens that background work evaluates at once. An interruption loses what was begun: a third of a second's work of a
1.5B on two cores, which is what a typist leaves between two keys at most. More at once would be faster, and lost."""

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


class LlamaSession:
    """The warm state of one sequence: which tokens its KV cache holds, and the logits behind the last of them.

    Not thread-safe: one worker thread calls ``run`` to its end before the next.
    """

    def __init__(self, model: LlamaSequence, trie: ByteTrie) -> None:
        self._model = model
        self._trie = trie
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

    def run(self, request: GenerateRequest, cancelled: Callable[[], bool]) -> Tokens[tuple[StopReason, Timings]]:
        """Produce tokens; the generator's return value says why it ended and what it cost.

        ``Token.text`` of the first tokens is without the bytes the user has typed already.
        """
        progress = _Progress()
        try:
            reason = yield from self._run(request, cancelled, progress)
        except Aborted:
            self._truncate(self._model.n_evaluated())
            progress.n_prefill = min(progress.n_prefill, len(self._tokens) - progress.n_reused)
            reason = StopReason.CANCELLED
        except RuntimeError:
            self.forget()  # What the cache holds now is anybody's guess.
            raise
        total_ms = (time.perf_counter() - progress.started) * 1000
        return reason, Timings(
            prefill_ms=progress.prefill_ms or total_ms,
            decode_ms=total_ms - progress.prefill_ms if progress.prefill_ms else 0.0,
            n_prefill=progress.n_prefill,
            n_reused=progress.n_reused,
            n_decode=progress.n_decode,
        )

    def _run(self, request: GenerateRequest, cancelled: Callable[[], bool], progress: _Progress) -> Tokens[StopReason]:
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
        self._prefill(target, n_healed + 1, progress, PATIENT_TOKENS if request.background else len(target))
        progress.prefill_ms = (time.perf_counter() - progress.started) * 1000
        if not request.max_tokens:
            return StopReason.MAX_TOKENS

        stop_ids = list(request.stop_ids)
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        deadline = time.perf_counter() + request.time_budget_ms / 1000
        position = len(target) - n_healed
        while True:
            logits = self._logits[position - 1]
            if remaining:
                allowed = self._trie.candidates(remaining)
                allowed = allowed[~np.isin(allowed, stop_ids)]
                if not len(allowed):
                    return StopReason.UNHEALABLE
                token = int(allowed[np.argmax(logits[allowed])])
            else:
                token = int(np.argmax(logits))
                if self._model.is_end(token) or token in request.stop_ids or not self._model.pieces[token]:
                    return StopReason.END
            piece = self._model.pieces[token]
            if len(piece) > len(remaining):
                progress.n_decode += 1
            yield Token(token, decoder.decode(piece[len(remaining) :]), _logprob(logits, token))
            remaining = remaining[len(piece) :]
            if progress.n_decode >= request.max_tokens:
                return StopReason.MAX_TOKENS
            if cancelled():
                return StopReason.CANCELLED
            if time.perf_counter() > deadline:
                return StopReason.TIME_BUDGET
            self._append(token, position)
            position += 1

    def _prefill(self, target: Sequence[int], n_logits: int, progress: _Progress, n_at_once: int) -> None:
        """Bring the KV cache to hold exactly ``target``, with logits behind its last ``n_logits`` tokens."""
        n_common = count_common(self._tokens, target)
        wanted = range(len(target) - n_logits, len(target))
        missing = [position for position in wanted if position >= n_common or position not in self._logits]
        start = min([n_common, *missing])
        progress.n_reused = start
        self._logits = {position: row for position, row in self._logits.items() if position >= wanted.start}
        if start == len(target):
            return  # What was generated behind the target may stay: the user is typing it.
        progress.n_prefill = len(target) - start
        self._truncate(start)
        while len(target) - start > n_at_once + n_logits:  # The last piece holds all tokens whose logits are wanted.
            self._extend(target[start : start + n_at_once], 1)
            start += n_at_once
        rows = self._extend(target[start:], min(n_logits, len(target) - start))
        for offset, row in enumerate(rows):
            self._logits[len(target) - len(rows) + offset] = row

    def _extend(self, tokens: Sequence[int], n_logits: int) -> NDArray[np.float32]:
        start = len(self._tokens)
        self._tokens.extend(tokens)
        return self._model.evaluate(tokens, start, n_logits)

    def _append(self, token: int, position: int) -> None:
        """Evaluate one produced token at ``position``, unless that very token stands there already."""
        if position < len(self._tokens) and self._tokens[position] == token and position in self._logits:
            return
        self._truncate(position)
        self._tokens.append(token)
        if len(self._logits) > REMEMBERED_LOGITS:
            del self._logits[position - 1]
        self._logits[position] = self._model.evaluate([token], position, 1)[0]

    def _truncate(self, length: int) -> None:
        del self._tokens[length:]
        self._logits = {position: row for position, row in self._logits.items() if position < length}


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
