"""Cases × arms → scores. Each arm sees every case; the comparison is paired."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.arms import open_arm
from codeslm_lsp.evaluation.cases import Case, Repositories
from codeslm_lsp.evaluation.score import Scored, score
from codeslm_lsp.evaluation.statistics import paired_difference
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import InputError


async def run_arm(
    name: str,
    cases: Sequence[Case],
    repositories: Repositories,
    model: Path,
    settings: Settings,
    *,
    execute: bool,
    known: Mapping[str, Scored],
    on_case: Callable[[Scored], None],
) -> list[Scored]:
    """Fill every case by one arm; those of one repository after each other, in a workspace that holds its files.

    Cases that are ``known`` by their ids are not filled again.
    """
    scored = dict(known)
    open_cases = [case for case in cases if case.id not in known]
    for repository in dict.fromkeys(case.repository for case in open_cases):
        with _workspace(repositories.get(repository)) as folder:
            async with open_arm(name, model, settings, folder) as arm:
                for case in (each for each in open_cases if each.repository == repository):
                    with _saved_with_its_hole(case, folder):
                        scored[case.id] = score(case, await arm(case), execute=execute)
                    on_case(scored[case.id])
    return [scored[case.id] for case in cases]


@contextlib.contextmanager
def _workspace(files: Mapping[str, str] | None) -> Iterator[Path | None]:
    """A folder that holds these files, for as long as they are needed."""
    if files is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="codeslm-eval-") as name:
        folder = Path(name).resolve()
        for path, text in files.items():
            target = (folder / path).resolve()
            if not target.is_relative_to(folder):
                raise InputError(f"The path {path} leads out of its repository; remove it from the benchmark.")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text.encode())
        yield folder


@contextlib.contextmanager
def _saved_with_its_hole(case: Case, folder: Path | None) -> Iterator[None]:
    """While it is filled, the file has its hole on disk too: nothing may be read there that is asked for."""
    if folder is None:
        yield
        return
    path = folder / case.path
    whole = path.read_bytes()
    path.write_bytes((case.prefix + case.suffix).encode())
    try:
        yield
    finally:
        path.write_bytes(whole)


def summary(arms: dict[str, list[Scored]]) -> dict[str, Any]:
    """Percentages per arm, and each arm against the first with a 95 % interval.

    ``harmed`` is the share of what the first had right that the arm has wrong.
    """
    first = next(iter(arms.values()))
    return {name: _arm_summary(scored, first) for name, scored in arms.items()}


def _arm_summary(scored: list[Scored], first: list[Scored]) -> dict[str, Any]:
    n = len(scored)
    result: dict[str, Any] = {
        "n": n,
        "exact_match": _percent([case.exact for case in scored]),
        "exact_match_first_line": _percent([case.exact_first_line for case in scored]),
        "shown": _percent([not case.fill.skip and bool(case.fill.text) for case in scored]),
        "median_ms": statistics.median(case.fill.ms for case in scored),
        "median_n_prefill": statistics.median(case.fill.n_prefill for case in scored),
    }
    tested = all(case.passed is not None for case in scored)
    if tested:
        result["pass_at_1"] = _percent([bool(case.passed) for case in scored])
    if scored is not first:
        result["exact_match_difference"] = asdict(
            paired_difference([case.exact for case in first], [case.exact for case in scored])
        )
        now = [other.exact for one, other in zip(first, scored, strict=True) if one.exact]
        result["harmed"] = 100 - _percent(now) if now else 0.0
        if tested:
            result["pass_at_1_difference"] = asdict(
                paired_difference([bool(case.passed) for case in first], [bool(case.passed) for case in scored])
            )
    return result


def _percent(values: Sequence[bool]) -> float:
    return sum(values) / len(values) * 100
