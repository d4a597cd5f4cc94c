"""What became of suggestions → one HTML page with plots, which needs nothing else and loads nothing.

The page's frame with its styles is ``page.html``. What comes from an editor or a model's file is escaped. It names no
folder: who wants to may show it around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

from codeslm_lsp.usage import plots, tables
from codeslm_lsp.usage.saved import WORDS_PER_MINUTE, typing_s
from codeslm_lsp.usage.summary import Summary
from codeslm_lsp.usage.tables import Table, duration, milliseconds, percent
from codeslm_lsp.values import InputError

FRAME = Path(__file__).with_name("page.html")

CONFIG = {"responsive": True, "displayModeBar": False}
"""The bar above a plot would offer to send it to Plotly's own site."""


def page(summary: Summary) -> str:
    """The page's source. Raises ``InputError`` when plotly is not installed."""
    try:
        import plotly.io
        import plotly.offline
    except ImportError:
        raise InputError("The page needs plotly; install it with `python -m pip install 'codeslm[plots]'`.") from None

    def drawn(name: str, figure: plots.Figure) -> str:
        height = f"{figure['layout']['height']}px"
        return str(
            plotly.io.to_html(
                figure, CONFIG, include_plotlyjs=False, full_html=False, default_height=height, div_id=name
            )
        )

    found = list(_sections(summary))
    has_plots = any(each.figure is not None for each in found)
    return Template(FRAME.read_text(encoding="utf-8")).substitute(
        script=f"<script>{plotly.offline.get_plotlyjs()}</script>" if has_plots else "",
        period=escape(tables.period(summary) or tables.NOTHING),
        cards="\n".join(_card(*each) for each in _cards(summary)),
        sections="\n".join(_section(each, drawn) for each in found),
        tables="\n".join(map(_table, _tables(summary))),
        kept=escape(tables.kept(summary)),
        saved=escape(tables.saved(summary)),
    )


@dataclass(frozen=True, slots=True)
class _Section:
    """A plot, and how to read it; or what is said where there is nothing to draw."""

    name: str
    title: str
    explanation: str
    figure: plots.Figure | None
    missing: str


def _section(section: _Section, drawn: Callable[[str, plots.Figure], str]) -> str:
    title = escape(section.title)
    if section.figure is None:
        return f'<section>\n<h2>{title}</h2>\n<p class="missing">{escape(section.missing)}</p>\n</section>'
    return (
        f"<section>\n<h2>{title}</h2>\n<p>{escape(section.explanation)}</p>\n"
        f'<div class="plot" role="img" aria-label="{title}">{drawn(section.name, section.figure)}</div>\n</section>'
    )


def _sections(summary: Summary) -> Iterator[_Section]:
    skipped = f"{tables.skipped(summary)} {tables.overtaken(summary)}".strip()
    yield _Section(
        "by-day",
        "Suggestions per day",
        "Bars, on the left scale: suggestions shown, by what became of them. Line, on the right scale: the share that "
        "was accepted as a whole or in part.",
        plots.by_day(summary),
        "No suggestion has been shown yet.",
    )
    yield _Section(
        "latencies",
        "How soon they came",
        "The share of suggestions that had come within so much time after the request. Diamonds mark the median and "
        "the 95th percentile. Those that were offered before, or generated ahead, came at once and are among them.",
        plots.latencies(summary),
        "No suggestion has been shown yet, so there is no time to show.",
    )
    yield _Section(
        "outcomes",
        "What became of them, by language",
        "Not told: the editor ended, or does not say what it did with the suggestion.",
        plots.outcomes(summary),
        "No suggestion has been shown yet, in no language.",
    )
    yield _Section(
        "skips",
        "Why nothing was shown",
        skipped,
        plots.skips(summary),
        skipped,
    )
    yield _Section(
        "persistence",
        "What stayed",
        "How much of each accepted suggestion was still in its document half a minute later.",
        plots.persistence(summary),
        tables.kept(summary),
    )


def _cards(summary: Summary) -> Iterator[tuple[str, str, str]]:
    """What is asked first: a number, what it is, and what it comes from."""
    total = summary.total
    n_days = len(summary.days)
    yield f"{total.n_shown:,}", "suggestions shown", f"on {n_days:,} day{'s' if n_days != 1 else ''}"
    if total.acceptance is None:
        yield "–", "accepted", "nothing was shown yet"
    else:
        yield percent(total.acceptance), "accepted", f"{total.n_accepted:,} as a whole, {total.n_partly:,} in part"
    if total.characters:
        at = f"{total.characters:,} characters at {WORDS_PER_MINUTE} words a minute"
        yield duration(typing_s(total.characters)), "of typing saved", at
    else:
        yield "–", "of typing saved", "nothing was accepted yet"
    if total.kept.share is None:
        yield "–", "kept", "nothing was looked at again yet"
    else:
        yield percent(total.kept.share), "kept", f"of the characters of {total.kept.n:,}, half a minute later"
    if total.p50_ms is None or total.p95_ms is None:
        yield "–", "until it is there", "nothing was measured yet"
    else:
        yield milliseconds(total.p50_ms), "until it is there", f"median; 95% within {milliseconds(total.p95_ms)}"


def _card(number: str, name: str, source: str) -> str:
    return f"<li><b>{escape(number)}</b> {escape(name)} <small>{escape(source)}</small></li>"


def _tables(summary: Summary) -> Iterator[Table]:
    if summary.total.n_shown:
        yield from tables.tables(summary)
    if summary.skips:
        yield tables.skips_table(summary)
        yield tables.skips_by_language(summary)


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in table.titles)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
