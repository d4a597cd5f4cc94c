"""Reports with the chances of what they offer; and without what is too doubtful to be shown unasked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from codeslm_lsp.completion.confidence import Caution, calibration, n_likely_lines
from codeslm_lsp.completion.features import end_of_lines, features_by_line
from codeslm_lsp.values import Completion, Cursor, Evidence, Report, Skip, SkipReason, Token

DOUBTFUL_LINES = "doubtful_lines"
"""Named among a report's filters where a completion was cut for them."""


def weighed(report: Report) -> Report:
    """The report with features, chances and confidence of its completion, by its evidence."""
    outcome, evidence = report.outcome, report.evidence
    if isinstance(outcome, Skip) or evidence is None:
        return report
    features = features_by_line(outcome.text, evidence)
    chances = tuple(calibration().chance(each) for each in features)
    confidence = chances[-1] if chances else 0.0
    return replace(report, outcome=replace(outcome, confidence=confidence), features=features, chances=chances)


def without_doubtful_lines(report: Report, caution: Caution) -> Report:
    """The report with its completion cut before the first line that is too doubtful, or with why nothing is left."""
    outcome = report.outcome
    if isinstance(outcome, Skip) or not report.chances:
        return report
    n_lines = n_likely_lines(report.chances, caution)
    if n_lines == len(report.chances):
        return report
    if n_lines == 0:
        skip = Skip(
            SkipReason.UNLIKELY,
            f"The suggestion has a chance of {report.chances[0]:.0%} to be right; ask for it by hand to see it, or set "
            "completion.confidence to 'eager'.",
        )
        return replace(report, outcome=skip)
    text = outcome.text[: end_of_lines(outcome.text, n_lines)]
    shown = replace(outcome, text=text, confidence=report.chances[n_lines - 1])
    return replace(report, outcome=shown, filters=(*report.filters, DOUBTFUL_LINES))


def ranked(
    others: Sequence[tuple[str, Sequence[Token]]],
    evidence: Callable[[str, Sequence[Token]], Evidence],
    cursor: Cursor,
) -> tuple[Completion, ...]:
    """Other texts with their tokens as completions, the likeliest first."""
    found = []
    for text, tokens in others:
        *_, features = features_by_line(text, evidence(text, tokens))
        found.append(Completion(text, cursor, cursor, calibration().chance(features)))
    return tuple(sorted(found, key=lambda completion: -completion.confidence))
