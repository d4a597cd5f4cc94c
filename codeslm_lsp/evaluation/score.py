"""One filled hole → whether it is right."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.evaluation.arms import Fill
from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.execute import passes


@dataclass(frozen=True, slots=True)
class Scored:
    """One case filled by one arm. ``passed`` is None where nothing was run."""

    id: str
    fill: Fill
    exact: bool
    exact_first_line: bool
    passed: bool | None


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
