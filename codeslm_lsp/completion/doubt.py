"""Reports with the chances of what they offer; and without what is too doubtful to be shown unasked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from codeslm_lsp.completion.confidence import calibration, n_likely_lines
from codeslm_lsp.completion.features import end_of_lines, features_by_line
from codeslm_lsp.settings import Caution
from codeslm_lsp.values import AbsentName, Completion, Cursor, Evidence, Report, Skip, SkipReason

DOUBTFUL_LINES = "doubtful_lines"
"""Named among a report's filters where a completion was cut for them."""

ABSENT_NAME = "absent_name"
"""The same, where the first of those lines takes from a module what it does not have."""


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
    names = report.evidence.absent_names if report.evidence and report.features[n_lines].n_absent_names else ()
    if n_lines == 0:
        return replace(report, outcome=_absent(names[0]) if names else _unlikely(report.chances[0]))
    text = outcome.text[: end_of_lines(outcome.text, n_lines)]
    shown = replace(outcome, text=text, confidence=report.chances[n_lines - 1])
    return replace(report, outcome=shown, filters=(*report.filters, ABSENT_NAME if names else DOUBTFUL_LINES))


def _unlikely(chance: float) -> Skip:
    return Skip(
        SkipReason.UNLIKELY,
        f"The suggestion has a chance of {chance:.0%} to be right; ask for it by hand to see it, or set "
        "completion.confidence to 'eager'.",
    )


def _absent(name: AbsentName) -> Skip:
    """What the model made up stands in nobody's source, so it may be named."""
    return Skip(
        SkipReason.UNKNOWN_NAME,
        f"The module {name.module} has no '{name.name}'; ask for the suggestion by hand to see it, or set "
        "completion.confidence to 'eager'.",
    )


def with_alternatives(report: Report, others: Sequence[tuple[str, Evidence]], cursor: Cursor) -> Report:
    """The weighed report with other texts beside its completion, the likeliest first.

    A completion that names something absent gives its place to the likeliest that does not, and comes last. Where
    nothing of the first is left to be shown, the likeliest of the others takes its place.
    """
    weighed_others = sorted(
        (
            weighed(replace(report, outcome=Completion(text, cursor, cursor), evidence=evidence))
            for text, evidence in others
        ),
        key=lambda each: -_confidence(each),
    )
    first = report
    if weighed_others and isinstance(report.outcome, Skip):
        first, *weighed_others = weighed_others
    elif weighed_others and _names_absent(report) and not _names_absent(weighed_others[0]):
        first, weighed_others = weighed_others[0], [*weighed_others[1:], report]
    alternatives = tuple(each.outcome for each in weighed_others if isinstance(each.outcome, Completion))
    return replace(first, alternatives=alternatives)


def _confidence(report: Report) -> float:
    return report.outcome.confidence if isinstance(report.outcome, Completion) else 0.0


def _names_absent(report: Report) -> bool:
    return report.evidence is not None and bool(report.evidence.absent_names)
