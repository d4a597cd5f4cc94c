"""What became of suggestions → figures as Plotly's JavaScript draws them, as plain data.

Colours are told apart by the colour-blind (Okabe and Ito 2008, "Color Universal Design"), on white as on black; what
was not accepted is grey. Those of text and lines come from the page. Horizontal bars have their names above them,
where a narrow window has room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any

from codeslm_lsp.usage.summary import Summary
from codeslm_lsp.usage.tables import UNKNOWN, milliseconds, percent, reason
from codeslm_lsp.usage.tally import Tally

Figure = dict[str, Any]
"""``data`` and ``layout``, as ``Plotly.newPlot`` takes them."""

GREEN, SKY, ORANGE, RED, PINK = "#009E73", "#56B4E9", "#E69F00", "#D55E00", "#CC79A7"
GREY, PALE, CLEAR = "#9AA3AF", "rgba(154, 163, 175, 0.4)", "rgba(0, 0, 0, 0)"
LINES = ((GREEN, "solid"), (ORANGE, "dash"), (SKY, "dot"), (PINK, "dashdot"), (GREY, "longdash"))
"""Of models, told apart without colours too; the sixth looks like the first."""

OUTCOMES: tuple[tuple[str, str, Callable[[Tally], int]], ...] = (
    ("accepted", GREEN, lambda tally: tally.n_accepted),
    ("in part", SKY, lambda tally: tally.n_partly),
    ("dismissed", GREY, lambda tally: tally.n_dismissed),
    ("not told", PALE, lambda tally: tally.n_untold),
)

MOST_ROWS = 12
"""Bars in one figure. The tables have the rest."""
ROW_PX, ABOVE_PX, BELOW_PX = 46, 56, 36
DAY_MS = 86_400_000
FEW_DAYS = 9
"""So many are always drawn, and have a label each."""


def by_day(summary: Summary) -> Figure | None:
    """Suggestions shown each day, by what became of them, and the share of them that was accepted."""
    if not summary.days:
        return None
    days = [each.name for each in summary.days]
    bars = [
        {
            "type": "bar",
            "name": name,
            "x": days,
            "y": [counts(each) for each in summary.days],
            "width": 0.8 * DAY_MS,
            "marker": {"color": colour},
            "hovertemplate": "%{y:,} " + name + "<extra></extra>",
        }
        for name, colour, counts in OUTCOMES
    ]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "acceptance",
        "x": days,
        "y": [100 * (each.acceptance or 0) for each in summary.days],
        "yaxis": "y2",
        "line": {"color": ORANGE, "width": 2},
        "marker": {"size": 5},
        "hovertemplate": "%{y:.0f}% accepted<extra></extra>",
    }
    begin, end = _dates(days)
    each_day = {"dtick": DAY_MS} if (end - begin).days <= FEW_DAYS else {"nticks": 6}
    layout = _layout(
        380,
        barmode="stack",
        hovermode="x unified",
        xaxis={
            "type": "date",
            "range": [f"{begin}T12:00", f"{end}T12:00"],
            "tickformat": "%-d %b",
            "tickangle": 0,
            "showspikes": False,
            "hoverformat": "%A, %-d %B %Y",
            **each_day,
        },
        yaxis={"rangemode": "tozero", "tickformat": ",d", "nticks": 6},
        yaxis2={
            "overlaying": "y",
            "side": "right",
            "range": [0, 101],
            "showgrid": False,
            **_percents(0, 25, 50, 75, 100),
        },
    )
    return {"data": [*bars, line], "layout": layout}


def latencies(summary: Summary) -> Figure | None:
    """For each model the share of suggestions that had come within so many milliseconds; median and 95 % are marked."""
    if not summary.percentiles_ms:
        return None
    data: list[dict[str, Any]] = []
    for place, tally in enumerate(summary.groups["model"]):
        colour, dash = LINES[place % len(LINES)]
        name, values = _name(tally.name), [max(each, 0.1) for each in summary.percentiles_ms[tally.name]]
        p50, p95 = values[49], values[94]
        line = {"color": colour, "width": 2.5, "dash": dash}
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{name}<br>median {milliseconds(p50)}, 95% within {milliseconds(p95)}",
                "legendgroup": name,
                "x": values,
                "y": list(range(1, 100)),
                "line": line,
                "hovertemplate": "%{y}% within %{x:,.0f} ms<extra>" + name + "</extra>",
            }
        )
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "legendgroup": name,
                "showlegend": False,
                "hoverinfo": "skip",
                "x": [p50, p95],
                "y": [50, 95],
                "marker": {"color": colour, "size": 10, "symbol": "diamond"},
            }
        )
    layout = _layout(
        360 + 40 * len(summary.percentiles_ms),
        xaxis={
            "type": "log",
            "tickvals": [1, 10, 100, 1000, 10_000, 100_000],
            "ticktext": ["1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"],
        },
        yaxis={"range": [0, 101], **_percents(0, 25, 50, 75, 95)},
    )
    return {"data": data, "layout": layout}


def outcomes(summary: Summary) -> Figure | None:
    """Of each language's suggestions, the shares that were accepted, partly accepted, dismissed."""
    found = [each for each in summary.groups["language"] if each.n_shown][:MOST_ROWS]
    names = [f"{_name(each.name)} · {each.n_shown:,} shown, {percent(each.acceptance or 0)} accepted" for each in found]
    parts = [(name, colour, [counts(each) for each in found]) for name, colour, counts in OUTCOMES]
    return _shares(names, parts)


def skips(summary: Summary) -> Figure | None:
    """Requests that were answered with nothing, by reason and by how they were asked."""
    found = summary.skips[:MOST_ROWS]
    if not found:
        return None
    names = [f"{escape(reason(each.reason))} · {each.n:,}" for each in found]
    parts = (
        ("while typing", SKY, [each.n_automatic for each in found]),
        ("asked for by hand", PINK, [each.n_invoked for each in found]),
    )
    return _rows(names, parts, parts, xaxis={"rangemode": "tozero", "tickformat": ",d", "nticks": 5})


def persistence(summary: Summary) -> Figure | None:
    """Of each language's accepted suggestions, the shares of which all, most, little or nothing was still there."""
    found = [each for each in summary.groups["language"] if each.kept.n][:MOST_ROWS]
    names = [
        f"{_name(each.name)} · {percent(each.kept.share or 0)} kept, of {each.kept.n:,} looked at" for each in found
    ]
    kept = [each.kept for each in found]
    parts = (
        ("all of it", GREEN, [each.n_whole for each in kept]),
        ("half or more", SKY, [each.n_most for each in kept]),
        ("less than half", ORANGE, [each.n_little for each in kept]),
        ("nothing", RED, [each.n_nothing for each in kept]),
    )
    return _shares(names, parts)


Part = tuple[str, str, list[int]]
"""What a part of each bar is called, its colour, and how many there are of it in each."""


def _shares(names: Sequence[str], parts: Sequence[Part]) -> Figure | None:
    if not names:
        return None
    totals = [sum(column) for column in zip(*(counts for _, _, counts in parts), strict=True)]
    shares = [
        (name, colour, [100 * n / total for n, total in zip(counts, totals, strict=True)])
        for name, colour, counts in parts
    ]
    return _rows(names, shares, parts, xaxis={"range": [-0.5, 100.5], **_percents(0, 25, 50, 75, 100)})


def _rows(
    names: Sequence[str],
    lengths: Iterable[tuple[str, str, Sequence[float]]],
    counts: Iterable[Part],
    xaxis: dict[str, Any],
) -> Figure:
    """Stacked horizontal bars, the first on top, with their names above them."""
    places = list(range(len(names)))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "x": list(along),
            "y": places,
            "width": 0.45,
            "customdata": n,
            "marker": {"color": colour},
            "hovertemplate": "%{customdata:,} " + name + "<extra></extra>",
        }
        for (name, colour, along), (_, _, n) in zip(lengths, counts, strict=True)
    ]
    above = [
        {"x": 0, "y": place, "text": name, "showarrow": False, "xanchor": "left", "xshift": -2, "yshift": 19}
        for place, name in zip(places, names, strict=True)
    ]
    layout = _layout(
        ABOVE_PX + BELOW_PX + ROW_PX * len(names),
        barmode="stack",
        annotations=above,
        xaxis=xaxis,
        yaxis={"range": [len(names) - 0.55, -0.85], "visible": False},
    )
    layout["margin"] |= {"l": 20, "r": 24}
    return {"data": data, "layout": layout}


def _layout(height_px: int, **more: Any) -> dict[str, Any]:
    """Nothing of it may be dragged or zoomed: on a screen that is touched, the page could not be scrolled then."""
    for axis in ("xaxis", "yaxis", "yaxis2"):
        if axis in more:
            more[axis] = {
                "fixedrange": True,
                "zeroline": False,
                "ticks": "outside",
                "ticklen": 5,
                "tickcolor": CLEAR,
                **more[axis],
            }
    return {
        "template": "none",
        "height": height_px,
        "margin": {"l": 44, "r": 52, "t": 12, "b": BELOW_PX},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.02,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
        "bargap": 0.2,
        **more,
    }


def _percents(*values: int) -> dict[str, Any]:
    """These ticks of an axis and no others."""
    return {"tickmode": "array", "tickvals": list(values), "ticktext": [f"{each}%" for each in values]}


def _dates(days: Sequence[str]) -> tuple[date, date]:
    """The days between whose noons these are drawn, so that a single one is no wall."""
    first, last = date.fromisoformat(days[0]), date.fromisoformat(days[-1])
    return min(first, last - timedelta(FEW_DAYS - 2)) - timedelta(1), last


def _name(name: str) -> str:
    """Plotly reads some tags and entities in its texts."""
    return escape(name or UNKNOWN)
