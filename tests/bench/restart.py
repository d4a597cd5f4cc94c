"""How soon the first suggestion comes after a restart: ``python -m tests.bench.restart MODEL [N]``.

Prints the milliseconds of a prompt of 1,000 tokens and its first token in a new engine process, when the prompt has to
be evaluated and when the process before it has saved it; then how long saving keeps the engine from a request.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from codeslm_lsp.engine.llama_lanes import Lanes
from codeslm_lsp.engine.llama_model import LlamaModel, LlamaOptions
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.sequence_folder import SequenceFolder
from codeslm_lsp.values import Timings

N_PROMPT = 1000
DISK_BYTES = 1 << 30


def prompt(seed: int, n_vocab: int) -> GenerateRequest:
    """A request for one token behind a prompt that no other seed has anything of."""
    draw = random.Random(seed)
    ids = tuple(draw.randrange(1000, min(n_vocab, 50_000)) for _ in range(N_PROMPT))
    return GenerateRequest(ids, (), frozenset(), 1, 60_000, document=str(seed))


async def in_new_engine(model: Path, seed: int) -> tuple[float, Timings]:
    """Milliseconds from the request to the end of its answer, and what the engine says that it cost."""
    engine = EngineProcess(EngineOptions(model, disk_bytes=DISK_BYTES))
    info = await engine.ready(120_000)
    started = time.perf_counter()
    async with engine.generate(prompt(seed, info.n_vocab)) as stream:
        generation = await stream.result()
    elapsed_ms = (time.perf_counter() - started) * 1000
    await engine.close()
    return elapsed_ms, generation.timings


def copying_ms(path: Path, model: Path, n: int) -> list[float]:
    """How long the engine's thread is kept from its next request by beginning to save a prompt."""
    loaded = LlamaModel(str(model), LlamaOptions(n_threads=os.cpu_count() or 1))
    lanes = Lanes(loaded, SequenceFolder(path, loaded.state_key(), DISK_BYTES))
    for _ in lanes.run(prompt(0, loaded.n_vocab), lambda: False):
        pass
    delays = []
    for _ in range(n):
        for lane in lanes._lanes:
            lane.n_saved = 0
        for file in path.iterdir():
            file.unlink()
        started = time.perf_counter()
        writing = lanes.save_next()
        delays.append((time.perf_counter() - started) * 1000)
        assert writing is not None
        writing.result()
    loaded.close()
    return delays


def main() -> None:
    model = Path(sys.argv[1])
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CODESLM_SEQUENCES_DIR"] = folder
        cold = [asyncio.run(in_new_engine(model, seed)) for seed in range(n)]
        restored = [asyncio.run(in_new_engine(model, seed)) for seed in range(n)]
        sizes = [path.stat().st_size for path in Path(folder).iterdir()]
        copying = copying_ms(Path(folder), model, n)
    assert all(timings.n_restored == 0 for _, timings in cold)
    assert all(timings.n_restored == N_PROMPT - 1 for _, timings in restored)
    for name, figures in (("cold", cold), ("restored", restored)):
        elapsed = [elapsed_ms for elapsed_ms, _ in figures]
        print(f"{name}: median {statistics.median(elapsed):.0f} ms, from {min(elapsed):.0f} to {max(elapsed):.0f}")
    print(f"on disk: {statistics.mean(sizes) / 1e6:.1f} MB each")
    print(f"to begin to save: median {statistics.median(copying):.1f} ms, at most {max(copying):.1f}")


if __name__ == "__main__":
    main()
