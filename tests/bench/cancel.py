"""How long a cancelled prefill keeps the engine busy: ``python -m tests.bench.cancel MODEL [N]``.

Prints the milliseconds from the cancel to the engine's answer that it has stopped, at random moments of a prefill of
2,000 tokens.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from pathlib import Path

from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.evaluation.statistics import percentile
from codeslm_lsp.values import StopReason

N_PROMPT = 2000


async def measure(model: Path, n: int) -> list[float]:
    """Milliseconds of ``n`` cancels."""
    engine = EngineProcess(EngineOptions(model, shared=False))
    info = await engine.ready(120_000)
    draw = random.Random(0)
    delays = []
    for _ in range(n):
        prompt = tuple(draw.randrange(1000, min(info.n_vocab, 50_000)) for _ in range(N_PROMPT))
        async with engine.generate(GenerateRequest(prompt, (), frozenset(), 4, 60_000)) as stream:
            await asyncio.sleep(draw.uniform(0.2, 1.5))
            started = time.perf_counter()
            await stream.stop()
            generation = await stream.result()
            delays.append((time.perf_counter() - started) * 1000)
        assert generation.stop is StopReason.CANCELLED
    await engine.close()
    return sorted(delays)


def main() -> None:
    model = Path(sys.argv[1])
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    delays = asyncio.run(measure(model, n))
    print(f"{model.stem}, n = {n}: median {statistics.median(delays):.1f} ms, p95 {percentile(delays, 95):.1f} ms")


if __name__ == "__main__":
    main()
