"""Scores of several arms on the same cases → figures: percentages with intervals, and each arm against the first."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from codeslm_lsp.evaluation.score import Scored
from codeslm_lsp.evaluation.statistics import mean_interval, paired_difference, percentile


def summary(arms: Mapping[str, Sequence[Scored]]) -> dict[str, Any]:
    """Percentages per arm, and each arm against the first with a 95 % interval.

    Intervals are of a bootstrap by repository where cases have one, else by case. ``precision`` is the share of exact
    matches among what was shown, ``parse_valid_gain`` the share of what was shown after which the file has no more
    errors than with nothing inserted; both are None where nothing was. ``harmed`` is the share of what the first had
    right that the arm has wrong.
    """
    first = next(iter(arms.values()))
    return {name: _arm_summary(scored, first) for name, scored in arms.items()}


def _arm_summary(scored: Sequence[Scored], first: Sequence[Scored]) -> dict[str, Any]:
    groups = [case.repository or case.id for case in scored] if any(case.repository for case in scored) else None
    exact = [case.exact for case in scored]
    shown = [case for case in scored if case.shown]
    times = sorted(case.fill.ms for case in scored)
    result: dict[str, Any] = {
        "n": len(scored),
        "n_groups": len({*groups}) if groups is not None else len(scored),
        "exact_match": _percent(exact),
        "exact_match_interval": asdict(mean_interval(exact, groups)),
        "exact_match_first_line": _percent([case.exact_first_line for case in scored]),
        "edit_similarity": _percent([case.edit_similarity for case in scored]),
        "parse_valid_gain": _percent([case.keeps_parsing for case in shown if case.keeps_parsing is not None]),
        "shown": _percent([case.shown for case in scored]),
        "precision": _percent([case.exact for case in shown]),
        "median_ms": statistics.median(times),
        "p95_ms": percentile(times, 95),
        "median_n_prefill": statistics.median(case.fill.n_prefill for case in scored),
    }
    tested = all(case.passed is not None for case in scored)
    if tested:
        passed = [bool(case.passed) for case in scored]
        result["pass_at_1"] = _percent(passed)
        result["pass_at_1_interval"] = asdict(mean_interval(passed, groups))
    if scored is not first:
        result["exact_match_difference"] = asdict(paired_difference([case.exact for case in first], exact, groups))
        kept = [other.exact for one, other in zip(first, scored, strict=True) if one.exact]
        result["harmed"] = 100 - (_percent(kept) or 0.0) if kept else 0.0
        if tested:
            before = [bool(case.passed) for case in first]
            result["pass_at_1_difference"] = asdict(paired_difference(before, passed, groups))
    return result


def _percent(values: Sequence[float]) -> float | None:
    """The mean of values from 0 to 1; None of none."""
    return sum(values) / len(values) * 100 if values else None
