"""What was kept of suggestions, all together and in groups; and how ``codeslm stats`` prints it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import ANY

import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli.main import app
from codeslm_lsp.usage.journal import NAME, Journal, Skipped, Suggestion
from codeslm_lsp.usage.persistence import placed
from codeslm_lsp.usage.saved import typing_s
from codeslm_lsp.usage.summary import summary_of
from codeslm_lsp.usage.tables import REASONS, duration, milliseconds, percent, reason
from codeslm_lsp.values import InputError, SkipReason
from tests.unit.test_usage_journal import ADD_IN_VERSION_1, VERSION_1

SKIPS = (
    ("python", "blank", "automatic", 2),
    ("python", "unlikely", "automatic", 3),
    ("go", "unlikely", "invoked", 1),
    ("go", "superseded", "automatic", 7),
    ("go", "cancelled", "automatic", 1),
)


def keep(path: Path) -> None:
    """Four suggestions for Python, one for Go; and requests that were answered with nothing."""
    journal = Journal(path)
    for language, why, asked, n in SKIPS:
        for _ in range(n):
            journal.skipped(Skipped(why, language, asked))
    for number, (language, ms) in enumerate([*[("python", 100.0)] * 3, ("python", 900.0), ("go", 50.0)]):
        each = Suggestion(str(number), language, "tiny", "automatic", 10, 1, 0.7, ms, from_offered=False)
        journal.shown(each)
        if number == 0:
            journal.accepted(each, 10, is_whole=True)
            journal.looked(each, placed("", 0, 0, "first_name"), "first")
        elif number == 1:
            journal.accepted(each, 4, is_whole=False)
            journal.looked(each, placed("", 0, 0, "name"), "name")
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
    assert (go.acceptance, go.p50_ms, go.p95_ms, go.n_untold, go.kept.share) == (0.0, 50.0, 50.0, 1, None)
    [day] = summary.days
    assert day.n_shown == 5
    assert summary.percentiles_ms["tiny"][49] == 100.0


def test_what_stayed(usage_dir: Path) -> None:
    keep(usage_dir / NAME)
    kept = summary_of(usage_dir / NAME).total.kept
    assert (kept.n, kept.n_whole, kept.n_most, kept.n_little, kept.n_nothing) == (2, 1, 1, 0, 0)
    assert (kept.characters, kept.kept_characters, kept.share) == (14, 9, 9 / 14)


def test_why_nothing_was_shown(usage_dir: Path) -> None:
    keep(usage_dir / NAME)
    summary = summary_of(usage_dir / NAME)
    assert [(each.reason, each.n_automatic, each.n_invoked) for each in summary.skips] == [
        ("unlikely", 3, 1),
        ("blank", 2, 0),
    ]
    assert summary.skips[0].by_language == {"python": 3, "go": 1}
    assert summary.n_overtaken == 8


def test_a_file_of_version_1_is_read_as_it_is(usage_dir: Path) -> None:
    with closing(sqlite3.connect(usage_dir / NAME)) as connection:
        connection.execute(VERSION_1)
        connection.execute("PRAGMA user_version = 1")
        connection.execute(ADD_IN_VERSION_1, ("a",))
        connection.execute("UPDATE suggestions SET outcome = 'accepted', accepted_characters = 10, decided_at = 5.0")
        connection.commit()
    before = (usage_dir / NAME).read_bytes()
    summary = summary_of(usage_dir / NAME)
    assert (summary.total.n_accepted, summary.total.kept.n, summary.skips) == (1, 0, ())
    assert "is not known yet" in stats().stdout
    assert (usage_dir / NAME).read_bytes() == before


def test_a_file_that_is_being_made_holds_nothing(usage_dir: Path) -> None:
    (usage_dir / NAME).touch()
    assert summary_of(usage_dir / NAME).total.n_shown == 0


def test_every_reason_has_words() -> None:
    assert {*REASONS} == {*SkipReason}
    assert reason("of_another_version") == "of another version"


def test_numbers_in_words() -> None:
    assert typing_s(260) == 60.0
    assert [duration(each) for each in (0.4, 1, 99, 300, 7200)] == [
        *("0 seconds", "1 second", "99 seconds", "5 minutes", "2.0 hours"),
    ]
    assert [percent(each) for each in (0, 0.001, 0.4, 0.999, 1)] == ["0%", "<1%", "40%", ">99%", "100%"]
    assert [milliseconds(each) for each in (12.3, 999.4, 1400)] == ["12 ms", "999 ms", "1.4 s"]


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
    assert ["all", "5", "1", "1", "1", "40%", "14", "64%", "100", "740"] in rows
    assert ["go", "1", "0", "0", "0", "0%", "0", "50", "50"] in rows
    assert ["it", "was", "unlikely", "to", "be", "right", "3", "1", "67%"] in rows
    text = "\n".join(lines)
    assert "14 characters were accepted, which is 3 seconds of typing at 52 words a minute." in text
    assert "Half a minute later 64% of what was accepted was still there (of 2 suggestions" in text
    assert "Besides, 8 requests were overtaken" in text
    assert str(usage_dir / NAME) in lines[-1]


def test_a_long_name_is_not_cut(usage_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "a-model-with-a-very-long-name-q4_k_m"
    journal = Journal(usage_dir / NAME)
    journal.shown(Suggestion("a", "", name, "automatic", 10, 1, 0.7, 5.0, from_offered=False))
    journal.close()
    lines = stats().stdout.splitlines()
    assert name in "".join(line.split()[0] for line in lines if line.strip())
    assert any(line.startswith("unknown") for line in lines)
    assert all(title in lines[2].split() for title in ("shown", "dismissed", "characters"))


def test_only_skips_were_kept_yet(usage_dir: Path) -> None:
    journal = Journal(usage_dir / NAME)
    journal.skipped(Skipped("model_missing", "python", "invoked"))
    journal.close()
    printed = stats().stdout
    assert "No suggestion has been shown yet" in printed
    assert "no model is installed" in printed


def test_markdown_and_json(usage_dir: Path) -> None:
    keep(usage_dir / NAME)
    printed = stats("--markdown").stdout
    assert "| python | 4 | 1 | 1 | 1 | 50% | 14 | 64% | 100 | 780 |" in printed
    assert "| it was unlikely to be right | 3 | 1 | 67% |" in printed
    data = json.loads(stats("--json").stdout)
    assert data["groups"]["language"][1] == {**data["groups"]["language"][1], "name": "go", "n_shown": 1}
    assert data["file"] == str(usage_dir / NAME)
    assert data["skips"][0] == {"reason": "unlikely", "n_automatic": 3, "n_invoked": 1, "by_language": ANY}
    assert data["saved"] == {"typing_s": typing_s(14), "words_per_minute": 52}
    with pytest.raises(InputError, match="exclude each other"):
        stats("--json", "--markdown")


def test_a_page_is_written(usage_dir: Path, tmp_path: Path) -> None:
    keep(usage_dir / NAME)
    file = tmp_path / "page.html"
    assert str(file) in stats("--html", str(file)).stdout
    assert "<h2>Why nothing was shown</h2>" in file.read_text(encoding="utf-8")
    with pytest.raises(InputError, match="exclude each other"):
        stats("--json", "--html", str(file))
    with pytest.raises(InputError, match="cannot be written"):
        stats("--html", str(tmp_path / "missing" / "page.html"))
