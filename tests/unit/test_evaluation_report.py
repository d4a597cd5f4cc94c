"""Figures as tables that fit a terminal and as Markdown, and the page to browse cases in."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from codeslm_lsp.cli.evaluate import _arm_names
from codeslm_lsp.cli.output import print_tables, write
from codeslm_lsp.evaluation.arms import ARMS, Fill
from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.page import page, reason, states
from codeslm_lsp.evaluation.score import Scored, score
from codeslm_lsp.evaluation.summary import summary
from codeslm_lsp.evaluation.tables import markdown, tables
from codeslm_lsp.values import InputError

ATTACK = "</pre><script>alert('&amp;')</script>"
CASE = Case("c/1", "line", "python", f"# {ATTACK}\nx = ", "value", "\ny = 2\n", path='a"b.py', repository="shop")
RIGHT = Fill("value", 12.0, 30, snippets=("shop/<b>.py",))
WRONG = Fill(f"valley{ATTACK}", 40.0, 30, filters=("stutters",), prompt=f"<|fim_prefix|>{ATTACK}")
NOTHING = Fill("", 5.0, 30, "blank", filters=("trailing_blanks",))


def scored(fill: Fill) -> Scored:
    return score(CASE, fill, execute=False)


ANSWERS = {"bare": [scored(RIGHT)], "ours": [scored(WRONG)], "tabby": [scored(NOTHING)]}


class Parsed(HTMLParser):
    """The tags of a page with their attributes, the text outside scripts, and whether every tag is closed."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


def test_the_page_holds_every_answer_and_nothing_of_it_is_markup() -> None:
    source = page(f"set & {ATTACK}", [CASE], ANSWERS, summary(ANSWERS))
    parsed = Parsed(source)
    assert parsed.open == []
    assert [tag for tag, _ in parsed.tags].count("script") == 1
    assert parsed.text.count(ATTACK) == 5  # The title twice; the code around the hole; an answer and its prompt.
    assert "shop/<b>.py" in parsed.text
    assert "stutters" in parsed.text
    [article] = [attributes for tag, attributes in parsed.tags if tag == "article"]
    assert article["data-states"] == "bare:right ours:wrong ours:lost tabby:wrong tabby:lost"
    options = [attributes.get("value") for tag, attributes in parsed.tags if tag == "option"]
    assert [option for option in options if option in ARMS] == [*ANSWERS]


def test_the_page_loads_nothing() -> None:
    parsed = Parsed(page("set", [CASE], ANSWERS, summary(ANSWERS)))
    assert not [tag for tag, attributes in parsed.tags if {"src", "href", "action"} & attributes.keys()]
    policies = [attributes["content"] for _, attributes in parsed.tags if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"]


def test_what_an_answer_is_against_the_first() -> None:
    right, wrong = scored(RIGHT), scored(WRONG)
    assert states(right, right) == ("right",)
    assert states(right, wrong) == ("right", "won")
    assert states(wrong, right) == ("wrong", "lost")
    assert states(wrong, wrong) == ("wrong",)


def test_why_an_answer_is_wrong() -> None:
    assert reason(CASE, scored(RIGHT)) == ""
    assert reason(CASE, scored(NOTHING)) == "Nothing shown: blank. Changed by: trailing_blanks."
    said = reason(CASE, scored(WRONG))
    assert said.startswith("Differs at character 4: 'ue' belongs there, \"ley</pre>")
    assert said.endswith("Changed by: stutters.")
    assert "the end was written" in reason(CASE, scored(Fill("val", 1, 1)))


def test_markdown_has_all_columns_and_intervals() -> None:
    lines = markdown(summary(ANSWERS), "set | 1").splitlines()
    assert lines[0] == "### set \\| 1"
    rows = [line.split(" | ") for line in lines if line.startswith("|")]
    assert len({len(row) for row in rows}) == 1
    assert [row[0] for row in rows] == ["| arm", "| ---", "| bare", "| ours", "| tabby"]
    assert rows[2][2] == "100.0 [100.0, 100.0]"
    assert rows[3][3] == "-100.0 [-100.0, -100.0]"
    assert "bootstrap over cases" in lines[-1]


def test_tables_fit_a_hundred_columns(capsys: pytest.CaptureFixture[str]) -> None:
    passed = [Scored(str(n), RIGHT, n % 2 == 0, True, n % 3 == 0, 0.5, True) for n in range(60)]
    failed = [Scored(str(n), NOTHING, n % 3 == 0, False, n % 2 == 0) for n in range(60)]
    numbers = summary({name: passed if number % 2 else failed for number, name in enumerate(ARMS)})
    print_tables(tables(numbers), "A benchmark, a model")
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(len(line) <= 100 for line in shown.splitlines())
    assert len(re.findall("no_context", shown)) == 3  # One line each: no cell is wrapped.
    assert shown.count("\n") <= 3 * (len(ARMS) + 6)


def test_arms_are_named_either_way() -> None:
    assert _arm_names("bare, no-context,no_context,llm-ls,llama-vim,no-filters") == [
        *("bare", "no_context", "llm_ls", "llama_vim", "no_filters")
    ]
    with pytest.raises(InputError, match="There is no arm 'other'; choose from bare, anchored"):
        _arm_names("bare,other")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path, "text")
