"""What a folder's index costs: ``python -m tests.bench.index [FILES]``.

Makes a folder of that many Python files out of the standard library's, each with names of its own, and runs the real
indexer on it. Prints how long the first index takes and the second start, the indexer's processor time and peak memory,
the size of the index, how long a change takes to be seen, and what a question costs while nothing and while all of it
is being indexed.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import statistics
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil

from codeslm_lsp.evaluation.statistics import percentile
from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.index import Index, index_of
from codeslm_lsp.workspace.places import place_of
from codeslm_lsp.workspace.process import IndexProcess
from codeslm_lsp.workspace.progress import Event, Progress

POLL_S = 0.05
"""Between two rounds of questions, which otherwise would be what the indexer waits for."""

_IMPORTED = re.compile(r"^(\s*(?:from|import) )(\w+)", re.MULTILINE)


def make_folder(folder: Path, n_files: int) -> int:
    """Copies of the standard library as packages ``copy0``, ``copy1``, …; returns how many bytes they have."""
    library = Path(sysconfig.get_path("stdlib"))
    sources = [path for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts]
    top = {path.relative_to(library).parts[0].removesuffix(".py") for path in sources}
    n_bytes = 0
    for n in range(n_files):
        copy, source = divmod(n, len(sources))
        target = folder / f"copy{copy}" / sources[source].relative_to(library)
        text = sources[source].read_text(encoding="utf-8", errors="replace")
        text = _IMPORTED.sub(partial(_within, f"copy{copy}", top), text)
        text = re.sub(r"^(class|def) (\w+)", rf"\1 \2_{copy}", text, flags=re.MULTILINE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        n_bytes += len(text)
    return n_bytes


def _within(package: str, modules: set[str], found: re.Match[str]) -> str:
    return f"{found[1]}{package}.{found[2]}" if found[2] in modules else found[0]


async def run_until_ready(folder: Path, name: str, meanwhile: Callable[[], None] = lambda: None) -> IndexProcess:
    """Start the indexer, print what it took until it was ready, and leave it running."""
    ready = asyncio.Event()

    def told(progress: Progress) -> None:
        if progress.event is Event.READY:
            ready.set()

    process = IndexProcess(folder, 100_000, told)
    started_s = time.perf_counter()
    process.start()
    peak = 0
    while not ready.is_set():
        await asyncio.sleep(POLL_S)
        meanwhile()
        if process.pid is not None:
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
    seconds = time.perf_counter() - started_s
    assert process.pid is not None
    assert process.progress is not None
    times = psutil.Process(process.pid).cpu_times()
    print(
        f"{name}: {seconds:.2f} s, {times.user + times.system:.2f} s of processor time, "
        f"{process.progress.n_files} files, memory {peak / 2**20:.0f} MiB at most"
    )
    return process


def questions(index: Index, files: tuple[str, ...], draw: random.Random) -> dict[str, float]:
    """Milliseconds of one question of each kind about a random file."""
    path = draw.choice(files)
    record = index.file(path)
    name = draw.choice(record.symbols).name if record and record.symbols else "main"
    imported = draw.choice(record.imports) if record and record.imports else Import("os", ())
    asked: dict[str, Callable[[], object]] = {
        "file": lambda: index.file(path),
        "definitions": lambda: index.definitions(name),
        "is_known": lambda: index.is_known(name),
        "resolve": lambda: index.resolve(path, "python", imported),
        "stub": lambda: index.stub(path, (name,)),
        "imported_by": lambda: index.imported_by(path),
        "neighbours": lambda: index.neighbours(path),
    }
    took = {}
    for kind, question in asked.items():
        started_s = time.perf_counter()
        question()
        took[kind] = (time.perf_counter() - started_s) * 1000
    return took


def show(name: str, asked: list[dict[str, float]]) -> None:
    """Medians and 95th percentiles of each kind of question."""
    print(f"questions {name} (n = {len(asked)}), ms: median, p95, longest")
    for kind in asked[0] if asked else ():
        took = sorted(each[kind] for each in asked)
        print(f"  {kind:12} {statistics.median(took):7.3f} {percentile(took, 95):7.3f} {took[-1]:7.2f}")


async def measure(folder: Path, n_files: int) -> None:
    """Print all figures."""
    draw, index = random.Random(0), index_of(folder)
    during: list[dict[str, float]] = []

    def ask() -> None:
        if files := index.files()[:200]:
            during.append(questions(index, files, draw))

    print(f"{n_files} files, {make_folder(folder, n_files) / 2**20:.0f} MiB")
    process = await run_until_ready(folder, "first index", ask)
    size = sum(path.stat().st_size for path in place_of(folder).files() if path.exists())
    print(f"index: {size / 2**20:.0f} MiB")
    show("while it is made", during)
    files = index.files()
    show("at rest", [questions(index, files, draw) for _ in range(300)])

    delays = []
    for n in range(5):
        (folder / files[0]).write_text(f"def changed_{n}():\n    pass\n", encoding="utf-8")
        written_s = time.perf_counter()
        while not index.is_known(f"changed_{n}"):
            await asyncio.sleep(0.005)
        delays.append(time.perf_counter() - written_s)
    print(f"a saved file is seen after {statistics.median(delays):.2f} s (median of {len(delays)})")
    await process.close()
    await (await run_until_ready(folder, "second start")).close()
    index.close()


def main() -> None:
    n_files = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CODESLM_INDEX_DIR"] = str(Path(folder, "index"))
        asyncio.run(measure(Path(folder, "sources"), n_files))


if __name__ == "__main__":
    main()
