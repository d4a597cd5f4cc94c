"""What was kept of suggestions, all together and in groups; and how ``codeslm stats`` prints it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli.main import app
from codeslm_lsp.usage.journal import NAME, Journal, Suggestion
from codeslm_lsp.usage.summary import summary_of
from codeslm_lsp.values import InputError


def keep(path: Path) -> None:
    """Four suggestions for Python, one for Go; and one that was sent and not shown, of which nothing is kept."""
    journal = Journal(path)
    for number, (language, ms) in enumerate([*[("python", 100.0)] * 3, ("python", 900.0), ("go", 50.0)]):
        each = Suggestion(str(number), language, "tiny", "automatic", 10, 1, 0.7, ms, from_offered=False)
        journal.shown(each)
        if number == 0:
            journal.accepted(each, 10, is_whole=True)
        elif number == 1:
            journal.accepted(each, 4, is_whole=False)
        elif number == 2:
            journal.dismissed(each)
    journal.close()


def stats(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["stats", *arguments], catch_exceptions=False)


def test_shares_times_and_groups(usage_dir: Path) -> None:
    keep(usage_dir / NAME)
    summary = summary_of(usage_dir / NAME)
    total = summary.total
    assert (total.n_shown, total.n_accepted, total.n_partly, total.n_dismissed) == (5, 1, 1, 1)
    assert (total.characters, total.acceptance, total.p50_ms) == (14, 0.4, 100.0)
    assert total.p95_ms == pytest.approx(740.0)
    assert [(each.name, each.n_shown) for each in summary.groups["language"]] == [("python", 4), ("go", 1)]
    [go] = [each for each in summary.groups["language"] if each.name == "go"]
    assert (go.acceptance, go.p50_ms, go.p95_ms) == (0.0, 50.0, 50.0)


def test_nothing_was_kept_yet(usage_dir: Path) -> None:
    assert summary_of(usage_dir / NAME).total.acceptance is None
    for arguments in ([], ["--markdown"]):
        assert "No suggestion has been shown yet" in stats(*arguments).stdout
    assert json.loads(stats("--json").stdout)["total"]["n_shown"] == 0
    assert not (usage_dir / NAME).exists()


@pytest.mark.parametrize("what", ["text", "version"])
def test_a_file_that_cannot_be_read_is_told(usage_dir: Path, what: str) -> None:
    path = usage_dir / NAME
    if what == "text":
        path.write_text("no database " * 100, encoding="utf-8")
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match=f"cannot be read .*; delete {NAME} to begin anew"):
        stats()


def test_the_table_for_people(usage_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    keep(usage_dir / NAME)
    lines = stats().stdout.splitlines()
    rows = [line.split() for line in lines]
    assert ["all", "5", "1", "1", "1", "40%", "14", "100", "740"] in rows
    assert ["go", "1", "0", "0", "0", "0%", "0", "50", "50"] in rows
    assert str(usage_dir / NAME) in lines[-1]


def test_markdown_and_json(usage_dir: Path) -> None:
    keep(usage_dir / NAME)
    assert "| python | 4 | 1 | 1 | 1 | 50% | 14 | 100 | 780 |" in stats("--markdown").stdout
    data = json.loads(stats("--json").stdout)
    assert data["groups"]["language"][1] == {**data["groups"]["language"][1], "name": "go", "n_shown": 1}
    assert data["file"] == str(usage_dir / NAME)
    with pytest.raises(InputError, match="exclude each other"):
        stats("--json", "--markdown")
