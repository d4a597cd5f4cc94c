"""A model file → the same model in other numbers, and what that changes: speed, and how well it still predicts code.

Runs as a process of its own (``engine/requantize`` starts it): llama.cpp ends the process on what it does not like.

    python -m codeslm_lsp.engine.llama_requantize write SOURCE TARGET TYPE N_THREADS
    python -m codeslm_lsp.engine.llama_requantize compare ORIGINAL CANDIDATE TEXT N_THREADS    prints one JSON object
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import llama_cpp
import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.llama_model import LlamaModel, LlamaOptions
from codeslm_lsp.values import CodeslmError, Comparison, InputError

TYPES = {"q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0, "q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0}
"""llama.cpp repacks both for wide vector instructions when it loads them."""

WINDOW = 512
"""Tokens of text that are read in one go: the length of a short prompt."""
WARM_UP = 32
"""The first tokens of a window do not count: whatever follows three words is hard to guess for every model."""
N_WINDOWS = 4
PIECE = 64
"""Rows of logits held at once: 39 MB for 151k tokens."""
PREFILL, DECODE, ROUNDS = 64, 12, 4
"""Tokens of one measurement, and how often both models take turns; the best time of each counts."""


def write(source: Path, target: Path, kind: str, n_threads: int) -> int:
    """Requantise; returns llama.cpp's status, 0 for success."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.nthread, params.ftype = n_threads, TYPES[kind]
    params.allow_requantize = True
    return int(llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)))


def compare(original: LlamaModel, candidate: LlamaModel, text: str) -> Comparison:
    """Both models on the same text, which both tokenise alike. Raises ``InputError`` when it is too short."""
    tokens = original.tokenize(text)
    n_windows = min(N_WINDOWS, len(tokens) // WINDOW)
    if not n_windows:
        raise InputError(
            f"The text is too short to compare models on; give one of {WINDOW} tokens, some 2,500 characters of code."
        )
    nll: tuple[list[float], list[float]] = ([], [])
    n_agreeing = 0
    for start in range(0, n_windows * WINDOW, WINDOW):
        window = tokens[start : start + WINDOW]
        (before, first), (after, second) = predictions(original, window), predictions(candidate, window)
        nll[0].extend(before)
        nll[1].extend(after)
        n_agreeing += int(np.sum(first == second))
    seconds = _speeds((original, candidate), tokens[:WINDOW])
    differences = np.asarray(nll[1]) - np.asarray(nll[0])
    return Comparison(
        prefill_tokens_s=(PREFILL / seconds[0][0], PREFILL / seconds[1][0]),
        decode_tokens_s=(DECODE / seconds[0][1], DECODE / seconds[1][1]),
        nll=(float(np.mean(nll[0])), float(np.mean(nll[1]))),
        nll_error=float(np.std(differences) / np.sqrt(len(differences))),
        n_tokens=len(differences),
        n_agreeing=n_agreeing,
    )


def predictions(model: LlamaModel, window: Sequence[int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each token of the window but the first ones: −log p of it, and the token that was most likely."""
    losses: list[NDArray[np.float64]] = []
    favourites: list[NDArray[np.int64]] = []
    for start in range(0, len(window), PIECE):
        piece = window[start : start + PIECE]
        rows = model.evaluate(0, piece, start, len(piece))
        following = np.asarray(window[start + 1 : start + 1 + len(piece)], dtype=np.int64)
        rows = rows[: len(following)]
        top = rows.max(axis=1)
        log_sums = np.log(np.exp(rows - top[:, None]).sum(axis=1, dtype=np.float64))
        losses.append(top + log_sums - rows[np.arange(len(following)), following])
        favourites.append(rows.argmax(axis=1))
    return np.concatenate(losses)[WARM_UP:], np.concatenate(favourites)[WARM_UP:]


def _speeds(models: Sequence[LlamaModel], window: Sequence[int]) -> list[tuple[float, float]]:
    """Seconds of ``PREFILL`` and of ``DECODE`` tokens behind most of a window, of each model, in turns."""
    depth = len(window) - PREFILL - DECODE
    measured: list[list[tuple[float, float]]] = [[] for _ in models]
    for model in models:
        model.evaluate(0, window[:depth], 0, 1)
    for _ in range(ROUNDS):
        for model, times in zip(models, measured, strict=True):
            started = time.perf_counter()
            model.evaluate(0, window[depth : depth + PREFILL], depth, 1)
            middle = time.perf_counter()
            for offset, token in enumerate(window[depth + PREFILL :]):
                model.evaluate(0, [token], depth + PREFILL + offset, 1)
            times.append((middle - started, time.perf_counter() - middle))
    return [(min(prefill for prefill, _ in times), min(decode for _, decode in times)) for times in measured]


def main() -> None:
    match sys.argv[1:]:
        case ["write", source, target, kind, n_threads]:
            sys.exit(write(Path(source), Path(target), kind, int(n_threads)))
        case ["compare", original, candidate, text, n_threads]:
            options = LlamaOptions(n_ctx=WINDOW, n_threads=int(n_threads))
            try:
                models = LlamaModel(original, options), LlamaModel(candidate, options)
                print(json.dumps(asdict(compare(*models, Path(text).read_text(encoding="utf-8")))))
            except CodeslmError as error:
                sys.exit(str(error))
        case _:
            sys.exit("This program is started by codeslm itself; run `codeslm models optimize` instead.")


if __name__ == "__main__":
    main()
