"""A loaded model → ``Tuning``: a few seconds of measurements on contexts of their own, which end as soon as asked to.

Everything is measured behind ``DEPTH`` tokens, where completions happen, several times in alternation; the best time
counts, because whatever else runs on the machine can only make one longer.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import llama_cpp

from codeslm_lsp.engine.llama_model import Aborted, LlamaModel, flash_attention_type
from codeslm_lsp.values import Trial, Tuning

DEPTH = 512
"""Tokens in the cache while measuring: half of a prompt of the default size."""
PREFILL = 64
"""Prompt tokens of one measurement: half a second of a 1.5B model on two cores."""
DECODE = 10
"""Tokens produced in one measurement of decoding."""
ROUNDS = 2
VERIFY_ROUNDS = ATTENTION_ROUNDS = 3
"""The shortest measurements, and those of the smallest difference, are repeated most."""

UBATCHES = (32, 64, 128, 256)
"""llama.cpp's own default is 512; more than 256 gained nothing on any machine that was tried."""
LOST_S = 1.0
"""A cancelled micro-batch is lost: this much work at most. To a 1.5B on two cores, 64 tokens are 0.7 s of work."""
VERIFIED = (1, 2, 3, 4, 6, 8, 12, 16)
"""Tokens verified at once for which the cost is measured."""
PAYS = 1.03
"""What is less than 3 % faster is no reason for more threads or larger micro-batches: two measurements of the same
thing differ by as much."""
PLAIN_PAYS = 1.08
"""Flash attention needs less memory, and which is faster changes from run to run: 3 % here, 10 % for one of them there.
A reason to leave it is more than that."""


class Stopped(Exception):
    """The probe was told to stop. What it has measured is kept, and ``run`` goes on from there."""


class Attention(enum.StrEnum):
    """How llama.cpp computes attention."""

    FLASH = "flash"
    PLAIN = "plain"


class Probe:
    """Measurements of one model. Not thread-safe: it runs where the model is evaluated."""

    def __init__(self, model: LlamaModel, n_cores: int) -> None:
        self._model = model
        self._n_cores = n_cores
        self._seconds: dict[tuple[object, ...], float] = {}
        self._scratches: dict[Attention, _Scratch] = {}
        self._tokens = _text_tokens(model, DEPTH + max(UBATCHES))

    def run(self, go_on: Callable[[], bool]) -> Tuning:
        """Measure what is missing. Raises ``Stopped`` as soon as ``go_on`` says no, or the model's ``abort`` is called.

        ``go_on`` is asked before and after each measurement: one that ends when it says no does not count.
        """
        self._go_on = go_on
        try:
            tuning = self._run()
        except Aborted:
            raise Stopped from None
        self.close()
        return tuning

    def close(self) -> None:
        """Free the contexts."""
        for scratch in self._scratches.values():
            scratch.close()
        self._scratches = {}

    def _run(self) -> Tuning:
        flash = self._scratch(Attention.FLASH)
        prefill_s, decode_s = self._compare_threads(flash)
        one, many = fewest(decode_s), fewest(prefill_s)
        plain = self._scratch(Attention.PLAIN)
        for scratch in (flash, plain):
            scratch.set_threads(one, many)
        per_token_s = self._compare_ubatches(flash, prefill_s[many] / PREFILL)
        verify_cost = self._verify_cost(flash)
        attention_s = self._compare_attention(flash, plain)
        attention = choose_attention(attention_s)
        n_ubatch = fewest({n: seconds for n, seconds in per_token_s.items() if n * seconds <= LOST_S} or per_token_s)
        return Tuning(
            n_threads=one,
            n_threads_batch=many,
            n_ubatch=n_ubatch,
            flash_attention=attention is Attention.FLASH,
            prefill_tokens_s=round(PREFILL / attention_s[attention][0], 2),
            decode_tokens_s=round(DECODE / attention_s[attention][1], 2),
            verify_cost=verify_cost,
            trials=(
                *(_trial("threads", str(n), prefill_s[n], decode_s[n]) for n in prefill_s),
                *(Trial("micro-batch", str(n), round(1 / seconds, 2)) for n, seconds in per_token_s.items()),
                *(_trial("attention", kind.value, *seconds) for kind, seconds in attention_s.items()),
            ),
        )

    def _compare_threads(self, scratch: _Scratch) -> tuple[dict[int, float], dict[int, float]]:
        """Seconds of prefill and of decode, for each number of threads."""
        numbers = thread_candidates(self._n_cores)
        for n_round in range(ROUNDS):
            for n in numbers:
                scratch.set_threads(n, n)
                self._time(("prefill", n), n_round, partial(scratch.prefill, PREFILL, PREFILL))
                self._time(("decode", n), n_round, partial(scratch.decode, DECODE))
        return {n: self._best("prefill", n) for n in numbers}, {n: self._best("decode", n) for n in numbers}

    def _compare_ubatches(self, scratch: _Scratch, expected_s: float) -> dict[int, float]:
        """Seconds for each token, for each micro-batch that is not too much to lose at ``expected_s`` a token."""
        numbers = [n for n in UBATCHES if n <= PREFILL or n * expected_s <= LOST_S]
        for n_round in range(ROUNDS):
            for n in numbers:
                self._time(("ubatch", n), n_round, partial(scratch.prefill, max(n, PREFILL), n))
        return {n: self._best("ubatch", n) / max(n, PREFILL) for n in numbers}

    def _verify_cost(self, scratch: _Scratch) -> tuple[tuple[int, float], ...]:
        for n_round in range(VERIFY_ROUNDS):
            for n in VERIFIED:
                self._time(("verify", n), n_round, partial(scratch.verify, n))
        return tuple((n, round(self._best("verify", n) / self._best("verify", 1), 2)) for n in VERIFIED)

    def _compare_attention(self, flash: _Scratch, plain: _Scratch) -> dict[Attention, tuple[float, float]]:
        """Seconds of prefill and of decode with each."""
        scratches = {Attention.FLASH: flash, Attention.PLAIN: plain}
        for n_round in range(ATTENTION_ROUNDS):
            for kind, scratch in scratches.items():
                self._time(("prefill", kind), n_round, partial(scratch.prefill, PREFILL, PREFILL))
                self._time(("decode", kind), n_round, partial(scratch.decode, DECODE))
        return {kind: (self._best("prefill", kind), self._best("decode", kind)) for kind in scratches}

    def _time(self, what: tuple[object, ...], n_round: int, work: Callable[[], object]) -> None:
        """Measure ``work`` unless that was done already."""
        if (*what, n_round) in self._seconds:
            return
        self._stop_if_told()
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        self._stop_if_told()
        self._seconds[*what, n_round] = seconds

    def _stop_if_told(self) -> None:
        if not self._go_on():
            raise Stopped

    def _best(self, *what: object) -> float:
        return min(seconds for key, seconds in self._seconds.items() if key[:-1] == what)

    def _scratch(self, attention: Attention) -> _Scratch:
        """The context with this attention, filled up to ``DEPTH``."""
        if attention not in self._scratches:
            self._scratches[attention] = _Scratch(
                self._model, attention, self._tokens, max(thread_candidates(self._n_cores))
            )
        scratch = self._scratches[attention]
        while scratch.n_filled < DEPTH:
            self._stop_if_told()
            scratch.fill(PREFILL)
        return scratch


def thread_candidates(n_cores: int) -> tuple[int, ...]:
    """Numbers of threads that may be best: half of the cores, where memory is the limit, to all of them."""
    if n_cores <= 2:
        return tuple(range(1, n_cores + 1))
    return tuple(sorted({n_cores // 2, n_cores * 3 // 4, n_cores - 1, n_cores}))


def fewest(seconds: dict[int, float]) -> int:
    """The smallest number whose time is as good as the best."""
    return min(n for n, taken in seconds.items() if taken <= min(seconds.values()) * PAYS)


def choose_attention(seconds: dict[Attention, tuple[float, float]]) -> Attention:
    """Flash attention, which is llama.cpp's own choice, unless plain is quicker with prompt and answer together."""
    flash, plain = sum(seconds[Attention.FLASH]), sum(seconds[Attention.PLAIN])
    return Attention.PLAIN if flash > plain * PLAIN_PAYS else Attention.FLASH


class _Scratch:
    """A context beside the one that answers: same weights, a small KV cache of its own."""

    def __init__(self, model: LlamaModel, attention: Attention, tokens: Sequence[int], n_threads: int) -> None:
        self._tokens = tokens
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = len(tokens)
        params.n_ubatch = max(UBATCHES)
        params.n_threads = params.n_threads_batch = n_threads
        params.flash_attn_type = flash_attention_type(attention is Attention.FLASH)
        params.no_perf = True
        self._context = llama_cpp.llama_init_from_model(model.handle, params)
        if not self._context:
            raise MemoryError("There is not enough memory to measure how the model runs best.")
        model.stop_by_abort(self._context)
        self._batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
        self._memory = llama_cpp.llama_get_memory(self._context)

    @property
    def n_filled(self) -> int:
        return int(llama_cpp.llama_memory_seq_pos_max(self._memory, 0)) + 1

    def set_threads(self, one: int, many: int) -> None:
        llama_cpp.llama_set_n_threads(self._context, one, many)

    def fill(self, n_tokens: int) -> None:
        self._evaluate(self.n_filled, n_tokens, 1)

    def prefill(self, n_tokens: int, n_ubatch: int) -> None:
        """Evaluate ``n_tokens`` in pieces: a call with fewer tokens than the context's micro-batch is one by itself."""
        self._cut()
        for start in range(0, n_tokens, n_ubatch):
            self._evaluate(DEPTH + start, n_ubatch, 1)

    def decode(self, n_tokens: int) -> None:
        self.prefill(n_tokens, 1)

    def verify(self, n_tokens: int) -> None:
        """Evaluate tokens of which each one's logits are wanted."""
        self._cut()
        self._evaluate(DEPTH, n_tokens, n_tokens)

    def close(self) -> None:
        llama_cpp.llama_batch_free(self._batch)
        llama_cpp.llama_free(self._context)

    def _cut(self) -> None:
        llama_cpp.llama_memory_seq_rm(self._memory, 0, DEPTH, -1)

    def _evaluate(self, start: int, n_tokens: int, n_logits: int) -> None:
        batch = self._batch
        batch.n_tokens = n_tokens
        for i in range(n_tokens):
            batch.token[i] = self._tokens[start + i]
            batch.pos[i] = start + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = i >= n_tokens - n_logits
        status = llama_cpp.llama_decode(self._context, batch)
        if status == 2:
            raise Aborted
        if status != 0:
            raise RuntimeError(f"llama_decode failed with status {status}")
        llama_cpp.llama_synchronize(self._context)


def _text_tokens(model: LlamaModel, n_tokens: int) -> list[int]:
    """Code, as it will be evaluated: a mixture of experts runs as fast as its text is ordinary."""
    tokens = model.tokenize(Path(__file__).read_text(encoding="utf-8"))
    return (tokens * (n_tokens // len(tokens) + 1))[:n_tokens]


def _trial(subject: str, choice: str, prefill_s: float, decode_s: float) -> Trial:
    return Trial(subject, choice, round(PREFILL / prefill_s, 2), round(DECODE / decode_s, 2))
