"""How long it takes to gather what the model is shown: ``python -m tests.bench.gather ROWS REPOSITORIES [N]``.

``ROWS`` and ``REPOSITORIES`` as ``codeslm eval`` takes them. Each repository becomes a folder with an index; at each of
``N`` holes (default 200) the prompt's context is gathered as at the first key there, in a file that is open: the lines
of the file itself, and snippets of other files. Prints the milliseconds of both; the budget at a key is 10 ms together.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from codeslm_lsp.completion.anchors import new_anchor
from codeslm_lsp.context.desk import Desk
from codeslm_lsp.context.gather import gather
from codeslm_lsp.evaluation.cases import Case, read_cases, read_repositories
from codeslm_lsp.evaluation.statistics import percentile
from codeslm_lsp.lsp.folder import Folder
from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import SyntaxTree, parse
from codeslm_lsp.values import Cursor, Document

READY_S = 60


async def measure(folder: Folder, cases: list[Case], settings: Settings) -> list[tuple[float, float]]:
    """Milliseconds for the file's own lines and for those of others, of each case."""
    found = []

    async def snippets(document: Document, cursor: Cursor, tree: SyntaxTree | None) -> None:
        await folder.context.snippets(document, cursor, tree, settings.context.max_tokens, settings.prompt.max_tokens)

    for case in cases:
        text = case.prefix + case.suffix
        document = Document((folder.path / case.path).as_uri(), case.path, case.language, 1, text)
        cursor = Cursor(len(case.prefix))
        language = language_of(case.language, case.path)
        tree = parse(text, language) if language is not None else None
        await snippets(document, Cursor(0), tree)
        started = time.perf_counter()
        gather(document, new_anchor(text, cursor), cursor, tree)
        gathered = time.perf_counter()
        await snippets(document, cursor, tree)
        found.append(((gathered - started) * 1000, (time.perf_counter() - gathered) * 1000))
    return found


async def main(rows: Path, repositories: Path, n: int) -> None:
    """Print the figures."""
    known = read_repositories(repositories)
    cases: dict[str, list[Case]] = defaultdict(list)
    for case in read_cases(rows, "", n, repositories=known):
        cases[case.repository].append(case)
    settings = Settings()
    times: list[tuple[float, float]] = []
    for package, own in cases.items():
        with tempfile.TemporaryDirectory() as name:
            root = Path(name).resolve()
            for path, text in known[package].items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            folder = Folder(root, settings, Desk())
            folder.start()
            await asyncio.wait_for(folder.ready(), READY_S)
            times += await measure(folder, own, settings)
            await folder.close()
    for what, ms in (
        ("the file's own lines", [own for own, _ in times]),
        ("other files' lines", [others for _, others in times]),
        ("both", [own + others for own, others in times]),
    ):
        median, p95 = statistics.median(ms), percentile(sorted(ms), 95)
        print(f"{what:22} n = {len(ms)}: median {median:.1f} ms, p95 {p95:.1f} ms, worst {max(ms):.1f} ms")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 200))
