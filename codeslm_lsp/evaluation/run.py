"""Cases → scores by one arm. Each arm sees every case, so that comparisons are paired."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from codeslm_lsp.evaluation.arms import open_arm
from codeslm_lsp.evaluation.cases import Case, Repositories
from codeslm_lsp.evaluation.score import Scored, score, scored_again
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
    scored = {case.id: scored_again(case, known[case.id]) for case in cases if case.id in known}
    open_cases = [case for case in cases if case.id not in known]
    for repository in dict.fromkeys(case.repository for case in open_cases):
        files = repositories.get(repository)
        with _workspace(files) as folder:
            async with open_arm(name, model, settings, folder, files) as arm:
                for case in (each for each in open_cases if each.repository == repository):
                    with _saved_with_its_hole(case, folder):
                        fill = await arm(case)
                        # In a thread: a completed program that is run takes its time, and a loop of its own.
                        scored[case.id] = await asyncio.to_thread(score, case, fill, execute=execute)
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
