"""What became of suggestions → one HTML page with plots, which needs nothing else and loads nothing.

The page's frame with its styles is ``page.html``. What comes from an editor or a model's file is escaped. It names no
folder: who wants to may show it around.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    sections = []
    has_plots = False
    for name, title, explanation, figure, missing in _sections(summary):
        if figure is None:
            body = f'<p class="missing">{escape(missing)}</p>'
        else:
            has_plots = True
            drawn = plotly.io.to_html(
                figure,
                config=CONFIG,
                include_plotlyjs=False,
                full_html=False,
                div_id=name,
                default_height=f"{figure['layout']['height']}px",
            )
            body = (
                f'<p>{escape(explanation)}</p>\n<div class="plot" role="img" aria-label="{escape(title)}">{drawn}</div>'
            )
        sections.append(f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>")
    return Template(FRAME.read_text(encoding="utf-8")).substitute(
        script=f"<script>{plotly.offline.get_plotlyjs()}</script>" if has_plots else "",
        period=escape(tables.period(summary) or tables.NOTHING),
        cards="\n".join(_card(*each) for each in _cards(summary)),
        sections="\n".join(sections),
        tables="\n".join(map(_table, _tables(summary))),
        kept=escape(tables.kept(summary)),
        saved=escape(tables.saved(summary)),
    )


def _sections(summary: Summary) -> Iterator[tuple[str, str, str, plots.Figure | None, str]]:
    """Of each plot its id, its title, how to read it, the figure, and what is said where there is none."""
    yield (
        "by-day",
        "Suggestions per day",
        "Bars, on the left scale: suggestions shown, by what became of them. Line, on the right scale: the share that "
        "was accepted as a whole or in part.",
        plots.by_day(summary),
        "No suggestion has been shown yet.",
    )
    yield (
        "latencies",
        "How soon they came",
        "The share of suggestions that had come within so much time after the request. Diamonds mark the median and "
        "the 95th percentile. Those that were offered before, or generated ahead, came at once and are among them.",
        plots.latencies(summary),
        "No suggestion has been shown yet, so there is no time to show.",
    )
    yield (
        "outcomes",
        "What became of them, by language",
        "Not told: the editor ended, or does not say what it did with the suggestion.",
        plots.outcomes(summary),
        "No suggestion has been shown yet, in no language.",
    )
    yield (
        "skips",
        "Why nothing was shown",
        f"{tables.skipped(summary)} {tables.overtaken(summary)}".strip(),
        plots.skips(summary),
        f"{tables.skipped(summary)} {tables.overtaken(summary)}".strip(),
    )
    yield (
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
