"""llama.cpp by itself, to hold our engine against: prompt tokens → how long its own plain loop takes for the next ones.

One context of one sequence, its own greedy sampler, one call after the other. Runs in a process of its own
(``python -m codeslm_lsp.engine.llama_plain MODEL N_CTX N_UBATCH N_THREADS``), which answers each line of JSON on
standard input, ``{token_ids, n_tokens}``, by one on standard output: ``{prefill_ms, decode_ms}``.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Sequence

import llama_cpp

from codeslm_lsp.engine.llama_model import load_weights
from codeslm_lsp.values import ModelUnsuitable


class PlainLoop:
    """A model with the plainest context there is."""

    def __init__(self, path: str, n_ctx: int, n_ubatch: int, n_threads: int) -> None:
        llama_cpp.llama_log_set(_log_nothing, ctypes.c_void_p(0))
        llama_cpp.llama_backend_init()
        model = load_weights(path)
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = n_ctx
        params.n_ubatch = n_ubatch
        params.n_threads = params.n_threads_batch = n_threads
        params.no_perf = True
        context = llama_cpp.llama_init_from_model(model, params)
        if not context:
            raise ModelUnsuitable(f"llama.cpp cannot run {path}; pull another model with `codeslm models pull NAME`.")
        self._context = context
        self._sampler = llama_cpp.llama_sampler_init_greedy()

    def run(self, token_ids: Sequence[int], n_tokens: int) -> tuple[float, float]:
        """Milliseconds for the prompt, and for ``n_tokens`` behind it, the first of which the prompt has paid for."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        started = time.perf_counter()
        self._decode(token_ids)
        token = llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)
        prefilled = time.perf_counter()
        for _ in range(n_tokens - 1):
            self._decode([token])
            token = llama_cpp.llama_sampler_sample(self._sampler, self._context, -1)
        return (prefilled - started) * 1000, (time.perf_counter() - prefilled) * 1000

    def _decode(self, token_ids: Sequence[int]) -> None:
        tokens = (llama_cpp.llama_token * len(token_ids))(*token_ids)
        status = llama_cpp.llama_decode(self._context, llama_cpp.llama_batch_get_one(tokens, len(token_ids)))
        if status != 0:
            raise RuntimeError(f"llama_decode failed with status {status}")


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _log_nothing(_level: int, _text: bytes, _user_data: ctypes.c_void_p) -> None:
    """What is wrong is told by what the functions return."""


def main() -> None:
    path, *numbers = sys.argv[1:]
    loop = PlainLoop(path, *map(int, numbers))
    for line in sys.stdin:
        asked = json.loads(line)
        prefill_ms, decode_ms = loop.run(asked["token_ids"], asked["n_tokens"])
        print(json.dumps({"prefill_ms": prefill_ms, "decode_ms": decode_ms}), flush=True)


if __name__ == "__main__":
    main()
