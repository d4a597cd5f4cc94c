"""The file of what became of suggestions: private, readable, and never in anybody's way."""

from __future__ import annotations

import re
import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from codeslm_lsp.usage.journal import NAME, VERSION, Journal, Skipped, Suggestion, usage_file
from codeslm_lsp.usage.persistence import placed

VERSION_1 = """
CREATE TABLE IF NOT EXISTS suggestions (
    id TEXT PRIMARY KEY, language TEXT NOT NULL, model TEXT NOT NULL, asked TEXT NOT NULL, characters INTEGER NOT NULL,
    lines INTEGER NOT NULL, confidence REAL NOT NULL, elapsed_ms REAL NOT NULL, from_offered INTEGER NOT NULL,
    shown_at REAL, outcome TEXT, accepted_characters INTEGER NOT NULL DEFAULT 0, decided_at REAL
)
"""
"""What codeslm made before it looked at what was accepted."""

ADD_IN_VERSION_1 = (
    "INSERT OR IGNORE INTO suggestions (id, language, model, asked, characters, lines, confidence, elapsed_ms, "
    "from_offered) VALUES (?, 'python', 'tiny', 'automatic', 10, 1, 0.7, 12.5, 0)"
)


def suggestion(id_: str, characters: int = 10) -> Suggestion:
    return Suggestion(id_, "python", "tiny", "automatic", characters, 1, 0.7, 12.5, from_offered=False)


def rows(path: Path, what: str, table: str = "suggestions") -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"SELECT {what} FROM {table} ORDER BY 1").fetchall()
    finally:
        connection.close()


def test_what_became_of_each(tmp_path: Path) -> None:
    path = tmp_path / "deep" / NAME
    journal = Journal(path)
    for id_ in "abcdef":
        if id_ != "f":
            journal.shown(suggestion(id_))
    journal.accepted(suggestion("a"), 10, is_whole=True)
    journal.dismissed(suggestion("a"))
    journal.accepted(suggestion("b"), 4, is_whole=False)
    journal.accepted(suggestion("b"), 7, is_whole=False)
    journal.dismissed(suggestion("b"))
    journal.accepted(suggestion("c"), 4, is_whole=False)
    journal.accepted(suggestion("c"), 10, is_whole=True)
    journal.dismissed(suggestion("d"))
    journal.shown(suggestion("e"))
    journal.accepted(suggestion("f"), 10, is_whole=True)
    journal.close()
    assert rows(path, "id, outcome, accepted_characters, shown_at IS NULL") == [
        ("a", "accepted", 10, 0),
        ("b", "partly accepted", 7, 0),
        ("c", "accepted", 10, 0),
        ("d", "dismissed", 0, 0),
        ("e", None, 0, 0),
        ("f", "accepted", 10, 1),
    ]
    assert rows(path, "language, model, asked, characters, lines, confidence, elapsed_ms, from_offered")[0] == (
        *("python", "tiny", "automatic", 10, 1, 0.7, 12.5, 0),
    )


def test_what_failed_is_tried_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as when a full disk has room again; and not for each suggestion meanwhile."""
    folder = tmp_path / "usage"
    folder.write_bytes(b"in the way")
    journal = Journal(folder / NAME)
    journal.shown(suggestion("a"))
    journal._thread.submit(folder.unlink).result()
    journal.shown(suggestion("b"))
    journal._thread.submit(monkeypatch.setattr, "codeslm_lsp.usage.journal.RETRY_S", 0.0).result()
    journal.shown(suggestion("c"))
    journal.close()
    assert rows(folder / NAME, "id") == [("c",)]


def test_what_was_still_there(tmp_path: Path) -> None:
    """Only of what was looked at; the next part that is accepted has to be looked at again."""
    path = tmp_path / NAME
    journal = Journal(path)
    there = placed("x = ", 4, 4, "first_name")
    for id_ in "abc":
        journal.accepted(suggestion(id_), 10, is_whole=id_ != "c")
    journal.looked(suggestion("a"), there, "x = first_name")
    journal.looked(suggestion("b"), there, "x = 1\n")
    journal.looked(suggestion("c"), there, "x = first_name")
    journal.accepted(suggestion("c"), 10, is_whole=False)
    journal.close()
    assert rows(path, "id, kept_characters") == [("a", 10), ("b", 0), ("c", None)]
    assert b"first_name" not in path.read_bytes()


def test_skips_are_counted_by_day_reason_language_and_trigger(tmp_path: Path) -> None:
    path = tmp_path / NAME
    for _ in range(2):
        journal = Journal(path)
        for _ in range(20):
            journal.skipped(Skipped("blank", "python", "automatic"))
        journal.skipped(Skipped("blank", "python", "invoked"))
        journal.skipped(Skipped("superseded", "go", "automatic"))
        journal.close()
    days = {day for (day,) in rows(path, "day", "skips")}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in days)
    assert rows(path, "reason || language || asked, sum(n)", "skips GROUP BY reason, language, asked") == [
        ("blankpythonautomatic", 40),
        ("blankpythoninvoked", 2),
        ("supersededgoautomatic", 2),
    ]


def test_skips_do_not_each_reach_the_disk(tmp_path: Path) -> None:
    """The first is written, so that it can be seen; those that follow at once wait for each other."""
    journal = Journal(tmp_path / NAME)
    for _ in range(20):
        journal.skipped(Skipped("blank", "python", "automatic"))
    journal._thread.submit(lambda: None).result()
    assert rows(tmp_path / NAME, "n", "skips") == [(1,)]
    journal.close()
    assert rows(tmp_path / NAME, "n", "skips") == [(20,)]


def test_a_file_of_version_1_is_brought_up_to_date_and_loses_nothing(tmp_path: Path) -> None:
    """By one of two servers; a third, of the version before, has it open meanwhile and goes on."""
    path = tmp_path / NAME
    older = sqlite3.connect(path)
    older.execute(VERSION_1)
    older.execute("PRAGMA user_version = 1")
    older.execute(ADD_IN_VERSION_1, ("a",))
    older.execute("UPDATE suggestions SET outcome = 'accepted', accepted_characters = 10, shown_at = 5.0")
    older.commit()
    journals = [Journal(path) for _ in range(2)]
    for number, journal in enumerate(journals):
        journal.shown(suggestion(f"b{number}"))
    for journal in journals:
        journal.close()
    older.execute(ADD_IN_VERSION_1, ("c",))
    older.commit()
    older.close()
    assert rows(path, "id, outcome, accepted_characters, shown_at = 5.0, kept_characters") == [
        ("a", "accepted", 10, 1, None),
        ("b0", None, 0, 0, None),
        ("b1", None, 0, 0, None),
        ("c", None, 0, None, None),
    ]
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    connection.close()


def test_nothing_is_made_before_there_is_something_to_keep(tmp_path: Path) -> None:
    journal = Journal(tmp_path / NAME)
    journal.close()
    journal.shown(suggestion("late"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="there it is private by inheritance")
def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "own" / NAME)
    journal.shown(suggestion("a"))
    journal.close()
    assert stat.S_IMODE((tmp_path / "own" / NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700


def test_two_servers_write_into_one(tmp_path: Path) -> None:
    journals = [Journal(tmp_path / NAME) for _ in range(2)]
    for number in range(100):
        journals[number % 2].shown(suggestion(f"{number:03}"))
    for journal in journals:
        journal.close()
    assert rows(tmp_path / NAME, "count(*)") == [(100,)]


@pytest.mark.parametrize("content", [b"not a database, but long enough to be looked at" * 100, b""])
def test_a_damaged_file_is_left_alone_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    journal = Journal(path)
    journal.shown(suggestion("a"))
    journal.shown(suggestion("b"))
    journal.close()
    if content:
        assert path.read_bytes() == content
        assert [str(path) in record.message for record in caplog.records] == [True]
    else:
        assert rows(path, "count(*)") == [(2,)]


def test_a_later_version_is_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute("PRAGMA user_version = 7")
    connection.close()
    journal = Journal(tmp_path / NAME)
    journal.shown(suggestion("a"))
    journal.close()
    assert "version 7" in caplog.text


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESLM_USAGE_DIR", str(tmp_path))
    assert usage_file() == tmp_path / NAME
