"""What became of suggestions → tables and sentences, the same for the terminal, for Markdown and for the page."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codeslm_lsp.usage.saved import WORDS_PER_MINUTE, typing_s
from codeslm_lsp.usage.summary import Summary
from codeslm_lsp.usage.tally import Tally
from codeslm_lsp.values import SkipReason

NOTHING = "No suggestion has been shown yet, or the setting usage.enabled is false."
UNKNOWN = "unknown"
"""A language that the editor did not tell, or a model that was not known yet."""

REASONS: Mapping[str, str] = {
    SkipReason.DISABLED: "switched off by a setting",
    SkipReason.UNKNOWN_DOCUMENT: "the document was not open",
    SkipReason.FILE_TOO_LARGE: "the file is too large",
    SkipReason.NOT_TEXT: "the file is not text",
    SkipReason.EMPTY_DOCUMENT: "the file is empty",
    SkipReason.IN_COMMENT: "inside a comment",
    SkipReason.IN_STRING: "inside a string",
    SkipReason.MODEL_MISSING: "no model is installed",
    SkipReason.MODEL_LOADING: "the model was being loaded",
    SkipReason.KEPT_HERE: "the file may not be sent to the remote engine",
    SkipReason.ENGINE_FAILED: "the engine failed",
    SkipReason.SUPERSEDED: "overtaken by a newer request",
    SkipReason.CANCELLED: "cancelled",
    SkipReason.TIME_BUDGET: "the time budget ended",
    SkipReason.NOTHING_GENERATED: "the model had nothing to add",
    SkipReason.BLANK: "nothing that belongs there",
    SkipReason.REPEATS_SUFFIX: "it repeated what follows",
    SkipReason.REPEATS_PREFIX: "it repeated what stands above",
    SkipReason.NOT_CODE: "it was not code",
    SkipReason.UNLIKELY: "it was unlikely to be right",
    SkipReason.UNKNOWN_NAME: "it named what does not exist",
    SkipReason.HEALING_FAILED: "nothing continues what is typed",
    SkipReason.INTERNAL_ERROR: "an internal error",
}
"""Why nothing was shown, in a few words."""

HEADERS = ("shown", "whole", "in part", "dismissed", "accepted", "characters", "kept", "p50 ms", "p95 ms")
TITLES = {"language": "language", "model": "model", "asked": "asked for"}


@dataclass(frozen=True, slots=True)
class Table:
    """``titles`` stand above the columns, the first of which is text and the others numbers."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(summary: Summary) -> Iterator[Table]:
    """All together, by language, by model, by how it was asked."""
    yield _table("", (summary.total,))
    for by, tallies in summary.groups.items():
        yield _table(TITLES[by], tallies)


def skips_table(summary: Summary) -> Table:
    """By reason, without requests that were overtaken."""
    n_all = sum(each.n for each in summary.skips)
    rows = (
        (reason(each.reason), _count(each.n_automatic), _count(each.n_invoked), percent(each.n / n_all))
        for each in summary.skips
    )
    return Table(("nothing shown", "automatic", "invoked", "share"), tuple(rows))


def skips_by_language(summary: Summary) -> Table:
    """The same by language, with the most frequent reason of each."""
    found: dict[str, dict[str, int]] = {}
    for each in summary.skips:
        for language, n in each.by_language.items():
            found.setdefault(language, {})[each.reason] = n
    ordered = sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0]))
    rows = []
    for language, reasons in ordered:
        most = max(reasons, key=lambda name: reasons[name])
        n_all = sum(reasons.values())
        rows.append((language or UNKNOWN, _count(n_all), f"{reason(most)} ({percent(reasons[most] / n_all)})"))
    return Table(("language", "nothing shown", "mostly"), tuple(rows))


def reason(name: str) -> str:
    """A ``SkipReason`` in words, also one of another version."""
    return REASONS.get(name, name.replace("_", " "))


def period(summary: Summary) -> str:
    """When the first and the last of them were shown; empty where none was."""
    if summary.first_at is None or summary.last_at is None:
        return ""
    first, last = (time.strftime("%Y-%m-%d", time.localtime(each)) for each in (summary.first_at, summary.last_at))
    return f"From {first} to {last}." if first != last else f"On {first}."


def saved(summary: Summary) -> str:
    """How much typing it was worth, and by which assumption."""
    if not (n := summary.total.characters):
        return "Nothing was accepted yet, so no typing was saved."
    return (
        f"{n:,} character{'s were' if n > 1 else ' was'} accepted, which is {duration(typing_s(n))} of typing at "
        f"{WORDS_PER_MINUTE} words a minute."
    )


def kept(summary: Summary) -> str:
    """How much of what was accepted stayed."""
    if (share := summary.total.kept.share) is None:
        return "How much of it stays is not known yet: nothing that was accepted has been looked at again."
    return (
        f"Half a minute later {percent(share)} of what was accepted was still there "
        f"(of {_suggestions(summary.total.kept.n)} that could be looked at)."
    )


def skipped(summary: Summary) -> str:
    """That there are no reasons to show; or since when they were counted."""
    if not summary.skips:
        return "No request that was answered with nothing has been counted yet."
    return f"Requests answered with nothing, since {summary.skips_since}."


def overtaken(summary: Summary) -> str:
    """What is left out of the reasons."""
    if not (n := summary.n_overtaken):
        return ""
    return f"Besides, {n:,} request{'s were' if n > 1 else ' was'} overtaken by the next key, or cancelled."


def percent(share: float) -> str:
    """``0.405`` → ``"40%"``; what is neither nothing nor all is not said to be."""
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def duration(seconds: float) -> str:
    """``4000`` → ``"1.1 hours"``."""
    if seconds < 99.5:
        return f"{seconds:.0f} second{'' if 0.5 <= seconds < 1.5 else 's'}"
    return f"{seconds / 60:.0f} minutes" if seconds < 5970 else f"{seconds / 3600:,.1f} hours"


def milliseconds(value: float) -> str:
    """As short as it can be read: ``"210 ms"``, ``"1.4 s"``."""
    return f"{value:.0f} ms" if value < 999.5 else f"{value / 1000:.1f} s"


def _table(title: str, tallies: Sequence[Tally]) -> Table:
    return Table((title, *HEADERS), tuple((each.name or UNKNOWN, *_cells(each)) for each in tallies))


def _cells(tally: Tally) -> tuple[str, ...]:
    """What there is nothing of yet is an empty cell."""
    counts = (tally.n_shown, tally.n_accepted, tally.n_partly, tally.n_dismissed)
    shares = ("" if each is None else percent(each) for each in (tally.acceptance, tally.kept.share))
    acceptance, stayed = shares
    times = ("" if each is None else f"{each:.0f}" for each in (tally.p50_ms, tally.p95_ms))
    return (*map(_count, counts), acceptance, _count(tally.characters), stayed, *times)


def _count(n: int) -> str:
    return f"{n:,}"


def _suggestions(n: int) -> str:
    return f"{n:,} suggestion{'s' if n != 1 else ''}"
