"""A model file → the same model in numbers that may be quicker here, and a comparison of both; by child processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from codeslm_lsp.engine.tuning import choose_threads, load_tuning
from codeslm_lsp.models.cores import n_usable_cores
from codeslm_lsp.values import Comparison, EngineError, InputError

REPACKED = 2
"""llama.cpp keeps the file's pages and a copy of the weights in the order that its instructions want."""

KINDS = ("q4_0", "q8_0")
"""What may be quicker: formats whose weights are repacked for wide vector instructions on x86 and ARM."""

GROWTH = {"q4_0": 1.0, "q8_0": 1.9}
"""The most that a file of 4 to 5 bits a weight grows by: 4.5 and 8.5 bits a weight, by the layout of their blocks."""


def require_memory(model: Path, growth: float) -> None:
    """Raise ``InputError`` when this machine cannot hold the model and a copy ``growth`` times its size at once."""
    needed = int(model.stat().st_size * REPACKED * (1 + growth))
    free = psutil.virtual_memory().available
    if free < needed:
        raise InputError(
            f"Comparing {model.name} with a copy takes {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are "
            "free; close other programs, or optimize a smaller model."
        )


def requantize(source: Path, target: Path, kind: str) -> None:
    """Write ``source`` in the numbers of ``kind`` to ``target``. Raises ``EngineError``."""
    _run("write", source, target, kind, n_usable_cores())


def compare(original: Path, candidate: Path, text: Path) -> Comparison:
    """Speed, and how well each predicts the code in ``text``. Raises ``EngineError``."""
    tuning = load_tuning(original)
    n_threads = tuning.n_threads_batch if tuning else choose_threads(n_usable_cores())
    values: dict[str, Any] = json.loads(_run("compare", original, candidate, text, n_threads))
    for name in ("prefill_tokens_s", "decode_tokens_s", "nll"):
        values[name] = tuple(values[name])
    return Comparison(**values)


def _run(*arguments: object) -> str:
    """The child's output. Its last words are the reason when it fails."""
    command = [sys.executable, "-m", "codeslm_lsp.engine.llama_requantize", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode == 0:
        return done.stdout
    lines = done.stderr.strip().splitlines()
    reason = lines[-1].rstrip(".") if lines else f"llama.cpp ended with status {done.returncode}"
    raise EngineError(f"The model could not be optimized: {reason}; it is unchanged, and can be used as it is.")
