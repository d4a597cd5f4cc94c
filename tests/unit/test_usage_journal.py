"""The file of what became of suggestions: private, readable, and never in anybody's way."""

from __future__ import annotations

import sqlite3
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from codeslm_lsp.usage.journal import NAME, Journal, Suggestion, usage_file


def suggestion(id_: str, characters: int = 10) -> Suggestion:
    return Suggestion(id_, "python", "tiny", "automatic", characters, 1, 0.7, 12.5, from_offered=False)


def rows(path: Path, what: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"SELECT {what} FROM suggestions ORDER BY id").fetchall()
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
