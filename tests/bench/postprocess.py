"""How long the filters take on a draft of a hundred lines with 8,000 characters around it; the budget is 3 ms.

Run: ``python -m tests.bench.postprocess``. The text is this repository's own code.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from codeslm_lsp.completion.postprocess.chain import run
from codeslm_lsp.completion.postprocess.draft import Draft, new_draft
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.values import Extent, StopReason

ROOT = Path(__file__).parents[2]
N_LINES = 100
N_CHARS_AROUND = 8_000
N_RUNS = 20


def drafts(extent: Extent, stop: StopReason) -> list[Draft]:
    """One draft at every hundredth line of the package's code taken together."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "codeslm_lsp").rglob("*.py")))
    lines = text.splitlines(keepends=True)
    found = []
    for first in range(N_LINES, len(lines) - 2 * N_LINES, N_LINES):
        prefix, suffix = "".join(lines[:first]), "".join(lines[first + N_LINES :])
        generated = "".join(lines[first : first + N_LINES])
        half = N_CHARS_AROUND // 2
        found.append(new_draft(generated, prefix[-half:], suffix[:half], extent, stop, languages()["python"]))
    return found


def main() -> None:
    """Print the median and the worst time for each extent: CPU time, the median of several runs of each draft."""
    for extent in Extent:
        for stop in (StopReason.END, StopReason.MAX_TOKENS):
            times_ms = []
            for draft in drafts(extent, stop):
                runs_ms = []
                for _ in range(N_RUNS):
                    started = time.process_time()
                    run(draft)
                    runs_ms.append((time.process_time() - started) * 1000)
                times_ms.append(statistics.median(runs_ms))
            print(f"{extent:10} {stop:10} median {statistics.median(times_ms):.2f} ms, worst {max(times_ms):.2f} ms")


if __name__ == "__main__":
    main()
