"""Cases × arms → scores. Each arm sees every case; the comparison is paired."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.arms import Fill, open_arm
from codeslm_lsp.evaluation.cases import Case, Repositories
from codeslm_lsp.evaluation.execute import passes
from codeslm_lsp.evaluation.statistics import paired_difference
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import InputError


@dataclass(frozen=True, slots=True)
class Scored:
    """One case filled by one arm. ``passed`` is None where nothing was run."""

    id: str
    fill: Fill
    exact: bool
    exact_first_line: bool
    passed: bool | None


async def run_arm(
    name: str,
    cases: Sequence[Case],
    repositories: Repositories,
    model: Path,
    settings: Settings,
    *,
    execute: bool,
    on_case: Callable[[], None],
) -> list[Scored]:
    """Fill every case by one arm; those of one repository after each other, in a workspace that holds its files."""
    scored: dict[str, Scored] = {}
    for repository in dict.fromkeys(case.repository for case in cases):
        with _workspace(repositories.get(repository)) as folder:
            async with open_arm(name, model, settings, folder) as arm:
                for case in (each for each in cases if each.repository == repository):
                    with _saved_with_its_hole(case, folder):
                        scored[case.id] = score(case, await arm(case), execute=execute)
                    on_case()
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


def score(case: Case, fill: Fill, *, execute: bool) -> Scored:
    """Exact match of the stripped text and of its first line; pass@1 where the case has a test and may be run."""
    wanted, text = case.middle.strip(), fill.text.strip()
    passed = None
    if execute and case.test:
        program = case.prefix + _with_line_end(case, fill.text) + case.suffix
        passed = passes(program, case.test, case.entry_point)
    return Scored(
        case.id, fill, text == wanted, text.partition("\n")[0].strip() == wanted.partition("\n")[0].strip(), passed
    )


def _with_line_end(case: Case, text: str) -> str:
    """The hole of a whole line ends with its line end, which an editor's ghost text never contains."""
    return text.rstrip("\r\n") + "\n" if case.middle.endswith("\n") else text


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
