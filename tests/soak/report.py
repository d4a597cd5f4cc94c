"""What was told during a soak → a table of figures (JSON) and a picture of them over time (PNG)."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lsprotocol import types
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.soak.journal import Answered, Journal
from tests.soak.judging import MOST_MB_PER_10_MINUTES, lives, piles_up, slope

JUDGED = ("first server", "engine")
"""The roles whose memory is judged: they live long."""


def figures(journal: Journal, plan: dict[str, Any], warm_up_s: float) -> dict[str, Any]:
    """All that is to be kept of a soak."""
    by_method: dict[str, list[Answered]] = {}
    for each in journal.answers:
        by_method.setdefault(each.method, []).append(each)
    memory = {}
    for role in JUDGED:
        found = lives(journal.samples, role, warm_up_s)
        fitted = slope(found)
        memory[role] = {
            "mb_per_10_minutes": asdict(fitted) | {"verdict": fitted.verdict} if fitted else None,
            "piles_up": piles_up(found),
        }
    return {
        "plan": plan,
        "minutes": journal.now_s() / 60,
        "broken": journal.broken,
        "counts": dict(journal.counts),
        "skips": dict(journal.skips),
        "requests": {method: _times(answers) for method, answers in by_method.items()},
        "faults": [asdict(fault) for fault in journal.faults],
        "n_faults": dict(Counter(fault.name for fault in journal.faults)),
        "memory": memory,
        "limit_mb_per_10_minutes": MOST_MB_PER_10_MINUTES,
        "samples": [asdict(sample) for sample in journal.samples],
    }


def write(folder: Path, found: dict[str, Any], journal: Journal) -> None:
    """``soak.json`` and ``soak.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "soak.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    _draw(folder / "soak.png", journal)


def _times(answers: Sequence[Answered]) -> dict[str, float]:
    times = sorted(each.elapsed_ms for each in answers)
    return {
        "n": len(times),
        "n_cancelled": sum(each.is_cancelled for each in answers),
        "median_ms": statistics.median(times),
        "p99_ms": times[int(0.99 * (len(times) - 1))],
        "most_ms": times[-1],
    }


def _draw(path: Path, journal: Journal) -> None:
    figure = Figure(figsize=(12, 8), layout="constrained")
    FigureCanvasAgg(figure)
    memory, latency = figure.subplots(2, sharex=True)
    for role in sorted({sample.role for sample in journal.samples}):
        of_role = [sample for sample in journal.samples if sample.role == role]
        minutes, sizes = [each.at_s / 60 for each in of_role], [each.own_bytes / 1e6 for each in of_role]
        memory.plot(minutes, sizes, ".", markersize=3, label=role)
    memory.set(yscale="log", ylabel="memory of its own, MB (log scale)")
    memory.legend(loc="lower left", ncols=6, fontsize="small")
    completions = [each for each in journal.answers if each.method == types.TEXT_DOCUMENT_INLINE_COMPLETION]
    latency.plot(
        [each.at_s / 60 for each in completions], [max(each.elapsed_ms, 0.1) for each in completions], ".", markersize=2
    )
    latency.set(yscale="log", ylabel="a completion's answer, ms (log scale)", xlabel="minutes")
    for fault in journal.faults:
        for axes in (memory, latency):
            axes.axvspan(fault.began_s / 60, (fault.ended_s or fault.began_s) / 60, color="tab:red", alpha=0.3)
        if len(journal.faults) <= 60:
            memory.annotate(
                fault.name,
                (fault.began_s / 60, 1),
                xycoords=("data", "axes fraction"),
                rotation=90,
                fontsize=6,
                va="top",
            )
    figure.savefig(path, dpi=120, format="png")
