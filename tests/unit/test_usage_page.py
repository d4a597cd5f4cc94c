"""The page of ``codeslm stats --html``: what its plots hold, that it loads nothing, and how it looks in a browser."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from codeslm_lsp.usage.journal import NAME, Journal, Skipped, Suggestion
from codeslm_lsp.usage.page import page
from codeslm_lsp.usage.persistence import placed
from codeslm_lsp.usage.summary import Summary, summary_of
from codeslm_lsp.values import InputError
from tests.editors.vscode import running_browser

ATTACK = "</script><img src=x onerror=alert(1)>"
PLOTS = ("by-day", "latencies", "outcomes", "skips", "persistence")


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and the text outside scripts and styles."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.text += data


def drawn(source: str, name: str) -> list[dict[str, Any]]:
    """The traces of one plot, as the page gives them to Plotly."""
    call = source.index(f'"{name}"', source.index("Plotly.newPlot(", source.index(f'<div id="{name}"')))
    data, _ = json.JSONDecoder().raw_decode(source, source.index("[", call))
    assert isinstance(data, list)
    return data


def along(source: str, name: str, axis: str) -> dict[str, list[Any]]:
    """What each named trace of a plot shows."""
    return {trace["name"]: trace[axis] for trace in drawn(source, name) if "name" in trace}


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    """Four suggestions of one model: two accepted, one of which was half deleted, one dismissed, one left alone."""
    journal = Journal(tmp_path / NAME)
    for number, (language, outcome) in enumerate(
        [("python", "accepted"), ("python", "accepted in part"), ("python", "dismissed"), (ATTACK, "")]
    ):
        each = Suggestion(str(number), language, "tiny", "automatic", 10, 1, 0.7, 100.0 * (number + 1), False)
        journal.shown(each)
        if "accepted" in outcome:
            journal.accepted(each, 10, is_whole=outcome == "accepted")
            journal.looked(each, placed("", 0, 0, "first_name"), "first_name" if number == 0 else "name")
        elif outcome:
            journal.dismissed(each)
    for reason, asked in (
        ("blank", "automatic"),
        ("blank", "invoked"),
        ("in_comment", "automatic"),
        ("superseded", "automatic"),
    ):
        journal.skipped(Skipped(reason, "python", asked))
    journal.close()
    return summary_of(tmp_path / NAME)


def test_each_plot_holds_its_numbers(summary: Summary) -> None:
    source = page(summary)
    assert along(source, "by-day", "y") == {
        "accepted": [1],
        "in part": [1],
        "dismissed": [1],
        "not told": [1],
        "acceptance": [50.0],
    }
    line, marks = drawn(source, "latencies")
    assert line["name"] == "tiny<br>median 250 ms, 95% within 385 ms"
    assert (line["x"][49], line["y"][49], len(line["x"])) == (250.0, 50, 99)
    assert (marks["x"], marks["y"]) == ([250.0, pytest.approx(385.0)], [50, 95])
    thirds = pytest.approx([100 / 3, 0.0])
    assert along(source, "outcomes", "x") == {
        "accepted": thirds,
        "in part": thirds,
        "dismissed": thirds,
        "not told": [0.0, 100.0],
    }
    assert along(source, "skips", "x") == {"while typing": [1, 1], "asked for by hand": [1, 0]}
    assert along(source, "persistence", "x") == {
        "all of it": [50.0],
        "half or more": [0.0],
        "less than half": [50.0],
        "nothing": [0.0],
    }
    assert along(source, "persistence", "customdata")["less than half"] == [1]


def test_the_page_loads_nothing_and_what_is_in_it_is_text(summary: Summary) -> None:
    parsed = Parsed(page(summary))
    loading = [attributes[name] for _, attributes in parsed.tags for name in ("src", "href") if name in attributes]
    assert loading == ["data:,"]
    assert not {"img", "iframe", "object", "embed"} & {tag for tag, _ in parsed.tags}
    [policy] = [attributes["content"] for _, attributes in parsed.tags if "http-equiv" in attributes]
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert "http" not in policy
    assert ATTACK in parsed.text
    assert "Besides, 1 request was overtaken" in parsed.text


def test_what_there_is_nothing_of_is_said(tmp_path: Path) -> None:
    """Without anything at all, and where suggestions were shown and none accepted."""
    nothing = page(summary_of(tmp_path / NAME))
    assert "newPlot" not in nothing
    assert nothing.count('class="missing"') == len(PLOTS)
    journal = Journal(tmp_path / NAME)
    journal.shown(Suggestion("a", "python", "tiny", "automatic", 10, 1, 0.7, 5.0, False))
    journal.close()
    source = page(summary_of(tmp_path / NAME))
    assert [name for name in PLOTS if f'<div id="{name}"' in source] == ["by-day", "latencies", "outcomes"]
    text = Parsed(source).text
    assert "How much of it stays is not known yet" in text
    assert "No request that was answered with nothing has been counted yet." in text


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_a_browser_draws_it_asks_nobody_and_complains_of_nothing(
    summary: Summary, tmp_path: Path, scheme: Any, width: int
) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(summary), encoding="utf-8")
    said: list[str] = []
    asked: list[str] = []
    with running_browser() as browser:
        tab = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(file.as_uri())
        for name in PLOTS:
            tab.wait_for_selector(f"#{name} .main-svg .xy", state="attached")
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        ink = tab.evaluate("getComputedStyle(document.body).color")
        labels = tab.locator(".plot .xtick text").evaluate_all("all => all.map(each => getComputedStyle(each).fill)")
        assert {*labels} == {ink}
    assert said == []
    assert asked == [file.as_uri()]


def test_without_plotly(summary: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.io", None)
    with pytest.raises(InputError, match="codeslm\\[plots\\]"):
        page(summary)
