"""Source files → tokens a second of our engine on their continuation, against llama.cpp's own plain loop."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.engine.meeting import SPIN_COUNT
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.tuning import threads_of
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import EngineDied, InputError

PATIENCE_MS = 600_000
N_UBATCH = 64
"""Of both, unless the settings say otherwise."""

Rates = tuple[float, float]
"""Tokens a second: of the prompt, and of what was produced behind it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One prompt, by our engine and by the plain loop one after the other. ``n_decode`` is what ours produced."""

    n_prompt: int
    n_decode: int
    ours: Rates
    plain: Rates


def prompts_of(text: str, n_runs: int, n_characters: int) -> list[str]:
    """``n_runs`` pieces of a file, each of its own lines, so that none finds another one's beginning evaluated."""
    lines = text.splitlines(keepends=True)
    pieces = ["".join(lines[len(lines) * run // n_runs :])[:n_characters] for run in range(n_runs)]
    if any(not piece.strip() for piece in pieces):
        raise InputError("The file has too few lines to take a prompt for every run; give a longer file or lower --n.")
    return pieces


async def compare(
    prompts: Sequence[str],
    n_prompt: int,
    n_tokens: int,
    model: Path,
    settings: Settings,
    on_run: Callable[[], None],
) -> list[Compared]:
    """Continue every prompt, of ``n_prompt`` tokens, by ``n_tokens``; the two take turns at being the first."""
    n_threads = threads_of(settings.engine.threads)
    n_ctx, n_ubatch = settings.engine.context_tokens, settings.engine.microbatch_tokens or N_UBATCH
    cache_bytes = settings.engine.cache_megabytes << 20
    engine = EngineProcess(EngineOptions(model, n_ctx, n_ubatch, n_threads, cache_bytes, shared=False))
    try:
        await engine.ready(settings.completion.wait_for_model_ms)
        async with _plain(model, n_ctx, n_ubatch, n_threads) as ask:
            encoded = await engine.encode(prompts)
            compared = []
            for number, whole in enumerate(encoded):
                token_ids = whole[:n_prompt]
                if number % 2:
                    plain = await _by_plain_loop(ask, token_ids, n_tokens)
                    ours, n_decode = await _by_engine(engine, token_ids, n_tokens)
                else:
                    ours, n_decode = await _by_engine(engine, token_ids, n_tokens)
                    plain = await _by_plain_loop(ask, token_ids, n_tokens)
                compared.append(Compared(len(token_ids), n_decode, ours, plain))
                on_run()
            return compared
    finally:
        await engine.close()


def summary(compared: Sequence[Compared]) -> dict[str, Any]:
    """Medians over the runs, and the median of the ratios, which what else runs on the machine disturbs least."""
    result: dict[str, Any] = {"runs": len(compared), "n_decode": [each.n_decode for each in compared]}
    for place, name in enumerate(("prefill", "decode")):
        ours, plain = [each.ours[place] for each in compared], [each.plain[place] for each in compared]
        ratios = [left / right for left, right in zip(ours, plain, strict=True)]
        result[name] = {
            "codeslm_tokens_s": statistics.median(ours),
            "plain_tokens_s": statistics.median(plain),
            "ratio": statistics.median(ratios),
            "ratios": ratios,
        }
    return result


async def _by_engine(engine: EngineProcess, token_ids: Sequence[int], n_tokens: int) -> tuple[Rates, int]:
    """Timed where the tokens arrive, in this process: what it costs to send them counts."""
    request = GenerateRequest(tuple(token_ids), (), frozenset(), n_tokens, PATIENCE_MS, document=repr(token_ids[:8]))
    first = last = 0.0
    n_decode = 0
    async with engine.generate(request) as stream:
        async for _ in stream:
            last = time.perf_counter()
            first = first or last
            n_decode += 1
        timings = (await stream.result()).timings
    if n_decode < 2:
        raise InputError("The model ends behind one of the prompts; give another file.")
    return (timings.n_prefill / timings.prefill_ms * 1000, (n_decode - 1) / (last - first)), n_decode


Ask = Callable[[dict[str, Any]], Any]


async def _by_plain_loop(ask: Ask, token_ids: Sequence[int], n_tokens: int) -> Rates:
    answer = await ask({"token_ids": list(token_ids), "n_tokens": n_tokens})
    return len(token_ids) / answer["prefill_ms"] * 1000, (n_tokens - 1) / answer["decode_ms"] * 1000


@asynccontextmanager
async def _plain(model: Path, n_ctx: int, n_ubatch: int, n_threads: int) -> AsyncIterator[Ask]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codeslm_lsp.engine.llama_plain", str(model)),
        *map(str, (n_ctx, n_ubatch, n_threads)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"GOMP_SPINCOUNT": SPIN_COUNT, **os.environ},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    async def ask(asked: dict[str, Any]) -> Any:
        stdin.write(json.dumps(asked).encode() + b"\n")
        await stdin.drain()
        answer = await stdout.readline()
        if not answer:
            raise EngineDied("llama.cpp's own loop ended; what it wrote above says why.")
        return json.loads(answer)

    try:
        yield ask
    finally:
        stdin.close()
        await process.wait()
