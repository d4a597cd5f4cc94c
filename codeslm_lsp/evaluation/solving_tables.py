"""Problems that were solved, or not → accuracy with and without checks, and what badges are worth."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from codeslm_lsp.evaluation.solving import PLAIN, SOLVE, Solved
from codeslm_lsp.evaluation.statistics import mean_interval, paired_difference, percentile
from codeslm_lsp.evaluation.tables import Table, as_markdown
from codeslm_lsp.values import Badge

Figures = Mapping[str, Any]


def solving_summary(solved: Sequence[Solved]) -> dict[str, Any]:
    """Percentages of right answers with 95 % intervals, the paired difference, and the same by badge and by subject.

    There must be at least one problem.
    """
    plain, right = [each.plain for each in solved], [each.right for each in solved]
    times = sorted(each.ms for each in solved)
    return {
        "n": len(solved),
        "n_errors": sum(bool(each.error) for each in solved),
        PLAIN: _share(plain),
        SOLVE: _share(right),
        "difference": asdict(paired_difference(plain, right)),
        "badges": _by({badge.value: [each for each in solved if each.badge == badge] for badge in Badge}, len(solved)),
        "subjects": _by(_groups(solved), len(solved)),
        "median_ms": statistics.median(times),
        "p95_ms": percentile(times, 95),
        "median_n_tokens": statistics.median(each.n_tokens for each in solved),
    }


def solving_tables(numbers: Figures) -> list[Table]:
    """Accuracy; what each badge is worth; the subjects, where there are several."""
    difference = numbers["difference"]
    rows = [
        ("the model alone", f"{numbers['n']}", _with_interval(numbers[PLAIN]), "", "", "", ""),
        (
            "codeslm solve",
            f"{numbers['n']}",
            _with_interval(numbers[SOLVE]),
            f"{difference['points']:+.1f} [{difference['low']:+.1f}, {difference['high']:+.1f}]",
            f"{numbers['median_ms'] / 1000:.1f}",
            f"{numbers['p95_ms'] / 1000:.1f}",
            f"{numbers['median_n_tokens']:.0f}",
        ),
    ]
    accuracy = Table(("", "n", "right %", "difference", "median s", "p95 s", "tokens"), tuple(rows))
    found = [accuracy, _grouped("badge", numbers["badges"])]
    return [*found, _grouped("subject", numbers["subjects"])] if len(numbers["subjects"]) > 1 else found


def solving_markdown(numbers: Figures, title: str) -> str:
    """All tables, with a line on what they mean."""
    parts = [f"### {title}", *(as_markdown(table.titles, table.rows) for table in solving_tables(numbers)), EXPLANATION]
    return "\n\n".join(parts) + "\n"


EXPLANATION = (
    "In brackets the 95 % interval of a bootstrap over problems; the difference is paired. The model alone: its own "
    "answer after reasoning step by step at temperature 0, which is the first thing that `solve` asks it for."
)


def _share(values: Sequence[bool]) -> dict[str, float]:
    return {"right": sum(values) / len(values) * 100, **asdict(mean_interval(values))}


def _groups(solved: Sequence[Solved]) -> dict[str, list[Solved]]:
    return {
        name: [each for each in solved if each.subject == name] for name in sorted({each.subject for each in solved})
    }


def _by(groups: Mapping[str, Sequence[Solved]], n: int) -> dict[str, Any]:
    return {
        name: {
            "n": len(group),
            "share": len(group) / n * 100,
            PLAIN: _share([each.plain for each in group]),
            SOLVE: _share([each.right for each in group]),
        }
        for name, group in groups.items()
        if group
    }


def _grouped(title: str, groups: Figures) -> Table:
    rows = tuple(
        (name, f"{each['n']}", f"{each['share']:.0f}", f"{each[PLAIN]['right']:.1f}", _with_interval(each[SOLVE]))
        for name, each in groups.items()
    )
    return Table((title, "n", "share %", "the model alone: right %", "solve: right %"), rows)


def _with_interval(share: Figures) -> str:
    return f"{share['right']:.1f} [{share['low']:.1f}, {share['high']:.1f}]"
