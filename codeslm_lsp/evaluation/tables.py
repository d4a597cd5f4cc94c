"""An evaluation's figures → tables of text, for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]
"""One arm's, of ``summary``."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with their titles; the first one names the arms."""

    titles: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(numbers: Mapping[str, Figures]) -> list[Table]:
    """Whether it is right; whether it passes, where that was tested; how near it is and when. Each fits 100 columns."""
    is_tested = any("pass_at_1" in figures for figures in numbers.values())
    groups = [_RIGHT, _PASSES, _SHOWN] if is_tested else [_RIGHT, _SHOWN]
    return [_table(numbers, columns) for columns in groups]


def markdown(numbers: Mapping[str, Figures], title: str) -> str:
    """All columns as one table, with a line on what they mean."""
    parts = tables(numbers)
    titles = [*parts[0].titles, *(title for part in parts[1:] for title in part.titles[1:])]
    rows = [
        [*row, *(cell for part in parts[1:] for cell in part.rows[number][1:])]
        for number, row in enumerate(parts[0].rows)
    ]
    return f"### {_cell(title)}\n\n{as_markdown(titles, rows)}\n\n{explanation(numbers)}\n"


def as_markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """One table; its first column is aligned to the left, the others to the right."""
    lines = [titles, ["---", *["---:"] * (len(titles) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def explanation(numbers: Mapping[str, Figures]) -> str:
    """What the columns say, in a sentence or two."""
    first, figures = next(iter(numbers.items()))
    n_groups = int(figures["n_groups"])
    drawn = f"{n_groups} repositories" if n_groups < int(figures["n"]) else "cases"
    return (
        f"In brackets the 95 % interval of a bootstrap over {drawn}; differences are paired, against {first}. "
        f"Harmed: of what {first} has right, the share that is wrong. Parse gain: the share of what is shown after "
        "which the file has no more syntax errors than with nothing inserted. Precision: exact matches among what is "
        "shown. Tokens: of the prompt, evaluated for the request, median."
    )


def _table(numbers: Mapping[str, Figures], columns: Sequence[tuple[str, Callable[[Figures], str]]]) -> Table:
    rows = tuple((name, *(show(figures) for _, show in columns)) for name, figures in numbers.items())
    return Table(("arm", *(title for title, _ in columns)), rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _percent(name: str) -> Callable[[Figures], str]:
    def show(figures: Figures) -> str:
        value = figures.get(name)
        return "" if value is None else f"{value:.1f}"

    return show


def _rounded(name: str) -> Callable[[Figures], str]:
    return lambda figures: f"{figures[name]:.0f}"


def _with_interval(name: str) -> Callable[[Figures], str]:
    def show(figures: Figures) -> str:
        if name not in figures:
            return ""
        interval = figures[f"{name}_interval"]
        return f"{figures[name]:.1f} [{interval['low']:.1f}, {interval['high']:.1f}]"

    return show


def _difference(name: str) -> Callable[[Figures], str]:
    def show(figures: Figures) -> str:
        found = figures.get(name)
        return f"{found['points']:+.1f} [{found['low']:+.1f}, {found['high']:+.1f}]" if found else ""

    return show


_RIGHT = (
    ("n", _rounded("n")),
    ("exact match %", _with_interval("exact_match")),
    ("difference", _difference("exact_match_difference")),
    ("harmed %", _percent("harmed")),
    ("first line %", _percent("exact_match_first_line")),
)
_PASSES = (
    ("pass@1 %", _with_interval("pass_at_1")),
    ("difference", _difference("pass_at_1_difference")),
)
_SHOWN = (
    ("edit sim. %", _percent("edit_similarity")),
    ("shown %", _percent("shown")),
    ("precision %", _percent("precision")),
    ("parse gain %", _percent("parse_valid_gain")),
    ("median ms", _rounded("median_ms")),
    ("p95 ms", _rounded("p95_ms")),
    ("tokens", _rounded("median_n_prefill")),
)
