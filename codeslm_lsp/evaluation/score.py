"""One filled hole → whether it is right, how near it is, and what it does to the file."""

from __future__ import annotations

from dataclasses import dataclass, replace

from codeslm_lsp.evaluation.arms import Fill
from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.execute import passes
from codeslm_lsp.evaluation.levenshtein import similarity
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.parses import error_count


@dataclass(frozen=True, slots=True)
class Scored:
    """One case filled by one arm. ``passed`` is None where nothing was run.

    ``edit_similarity`` is 1 − Levenshtein's distance from what belongs there / the longer length, both stripped.
    ``keeps_parsing``: the file's tree has no more errors than with nothing inserted; None where nothing was shown, and
    for a language without a grammar. ``repository`` is the case's.
    """

    id: str
    fill: Fill
    exact: bool
    exact_first_line: bool
    passed: bool | None
    edit_similarity: float = 0.0
    keeps_parsing: bool | None = None
    repository: str = ""

    @property
    def shown(self) -> bool:
        """Whether anything was offered."""
        return not self.fill.skip and bool(self.fill.text)


def score(case: Case, fill: Fill, *, execute: bool) -> Scored:
    """Exact match of the stripped text and of its first line; pass@1 where the case has a test and may be run."""
    wanted, text = case.middle.strip(), fill.text.strip()
    scored = Scored(
        case.id,
        fill,
        text == wanted,
        text.partition("\n")[0].strip() == wanted.partition("\n")[0].strip(),
        passes(_filled(case, fill.text), case.test, case.entry_point) if execute and case.test else None,
        similarity(wanted, text),
        repository=case.repository,
    )
    return replace(scored, keeps_parsing=_keeps_parsing(case, fill.text)) if scored.shown else scored


def scored_again(case: Case, known: Scored) -> Scored:
    """The same fill by today's measures; nothing is run."""
    return replace(score(case, known.fill, execute=False), passed=known.passed)


def _keeps_parsing(case: Case, text: str) -> bool | None:
    language = language_of(case.language, case.path)
    if language is None:
        return None
    return error_count(_filled(case, text), language) <= error_count(case.prefix + case.suffix, language)


def _filled(case: Case, text: str) -> str:
    """The file. The hole of a whole line ends with its line end, which an editor's ghost text never contains."""
    line_end = "\n" if case.middle.endswith("\n") else ""
    return case.prefix + (text.rstrip("\r\n") if line_end else text) + line_end + case.suffix
