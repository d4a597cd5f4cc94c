"""What became of suggestions and of requests → rows of one SQLite file, which the user may read and delete at any time.

Several servers write into it. Nobody waits for that: a thread does it, and what goes wrong there is logged once and
costs no more than the rows.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from codeslm_lsp import private
from codeslm_lsp.settings import user_folder
from codeslm_lsp.usage.persistence import Placed, n_kept

FOLDER_VARIABLE = "CODESLM_USAGE_DIR"
"""An environment variable that names another folder for the file, such as that of a test."""

NAME = "usage.sqlite"
VERSION = 2
"""``user_version`` of the file. One of version 1 is brought up to date where it lies; one of any other is left alone.

A codeslm that knows version 1 alone leaves this file alone, too. One that had it open before names the columns that it
writes, so it goes on; the others are NULL in what it adds.
"""

RETRY_S = 60.0
"""How long nothing is tried to be written after that has failed: a disk that was full may have room again."""

BUSY_S = 5.0
"""How long another server's writing is waited for."""

SKIPS_EVERY_S = 10.0
"""Skips are counted in memory and written no more often than that by themselves: there may be one for every key, and
each writing has to reach the disk. So much of them is lost where the server is killed."""

_SUGGESTIONS = """
CREATE TABLE IF NOT EXISTS suggestions (
    id TEXT PRIMARY KEY,
    language TEXT NOT NULL,
    model TEXT NOT NULL,
    asked TEXT NOT NULL,               -- 'automatic' or 'invoked'
    characters INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    confidence REAL NOT NULL,
    elapsed_ms REAL NOT NULL,          -- from the request to the answer
    from_offered INTEGER NOT NULL,     -- 1: the rest of an earlier one, without the model
    shown_at REAL,                     -- seconds since 1970
    outcome TEXT,                      -- 'accepted', 'partly accepted', 'dismissed'
    accepted_characters INTEGER NOT NULL DEFAULT 0,
    decided_at REAL,
    kept_characters INTEGER            -- of the accepted ones, still there after a while
)
"""
"""What an editor does not tell, or nobody could look at, is NULL."""

_SKIPS = """
CREATE TABLE IF NOT EXISTS skips (
    day TEXT NOT NULL,                 -- as the calendar here has it, '2026-01-31'
    reason TEXT NOT NULL,              -- values.SkipReason
    language TEXT NOT NULL,
    asked TEXT NOT NULL,               -- 'automatic' or 'invoked'
    n INTEGER NOT NULL,
    PRIMARY KEY (day, reason, language, asked)
)
"""
"""How many requests were answered with nothing. Those that the next key overtook are counted too: a row a day."""

_FROM_VERSION_1 = "ALTER TABLE suggestions ADD COLUMN kept_characters INTEGER"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One suggestion that was sent to an editor. ``asked``: how (``Trigger``); ``elapsed_ms`` until it was answered."""

    id: str
    language: str
    model: str
    asked: str
    characters: int
    lines: int
    confidence: float
    elapsed_ms: float
    from_offered: bool


@dataclass(frozen=True, slots=True)
class Skipped:
    """A request that was answered with nothing: ``reason`` is a ``SkipReason``, ``asked`` a ``Trigger``."""

    reason: str
    language: str
    asked: str


def usage_file() -> Path:
    """The file of this user."""
    return user_folder(FOLDER_VARIABLE, platformdirs.user_data_path("codeslm", appauthor=False)) / NAME


class Journal:
    """Writes into one file, which is made when there is something to write. No method waits or raises."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._failed_s: float | None = None
        self._skips: Counter[tuple[str, Skipped]] = Counter()
        self._skips_written_at = float("-inf")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="usage")

    def shown(self, suggestion: Suggestion) -> None:
        """An editor shows it now."""
        now = time.time()
        self._write(lambda to: _note(to, suggestion, now))

    def accepted(self, suggestion: Suggestion, characters: int, *, is_whole: bool) -> None:
        """So much of it was taken, from its beginning; all of it where it ``is_whole``."""
        now, outcome = time.time(), "accepted" if is_whole else "partly accepted"

        def write(to: sqlite3.Connection) -> None:
            _note(to, suggestion, None)
            to.execute(
                "UPDATE suggestions SET outcome = ?, accepted_characters = max(accepted_characters, ?), "
                "decided_at = ?, kept_characters = NULL WHERE id = ? AND outcome IS NOT 'accepted'",
                (outcome, characters, now, suggestion.id),
            )

        self._write(write)

    def dismissed(self, suggestion: Suggestion) -> None:
        """It was hidden, or something else was typed. What was partly accepted before stays so."""
        now = time.time()

        def write(to: sqlite3.Connection) -> None:
            _note(to, suggestion, None)
            to.execute(
                "UPDATE suggestions SET outcome = 'dismissed', decided_at = ? WHERE id = ? AND outcome IS NULL",
                (now, suggestion.id),
            )

        self._write(write)

    def looked(self, suggestion: Suggestion, placed: Placed, text: str) -> None:
        """This is the document a while after ``placed`` was accepted. Of both, only a number is kept."""

        def write(to: sqlite3.Connection) -> None:
            n = n_kept(placed, text)
            to.execute("UPDATE suggestions SET kept_characters = ? WHERE id = ?", (n, suggestion.id))

        self._write(write)

    def skipped(self, skipped: Skipped) -> None:
        """A request was answered with nothing."""
        self._skips[time.strftime("%Y-%m-%d"), skipped] += 1
        if time.monotonic() - self._skips_written_at >= SKIPS_EVERY_S:
            self._write_skips()

    def close(self, *, waits: bool = True) -> None:
        """What was told is written all the same; ``waits`` until then."""
        self._write_skips()
        with suppress(RuntimeError):  # It is closed already.
            self._thread.submit(self._close)
        self._thread.shutdown(wait=waits)

    def _write_skips(self) -> None:
        counted, self._skips = self._skips, Counter()
        self._skips_written_at = time.monotonic()
        if counted:
            self._write(lambda to: _count(to, counted))

    def _write(self, write: Callable[[sqlite3.Connection], None]) -> None:
        with suppress(RuntimeError):  # It is closed.
            self._thread.submit(self._try, write)

    def _try(self, write: Callable[[sqlite3.Connection], None]) -> None:
        if self._failed_s is not None and time.monotonic() - self._failed_s < RETRY_S:
            return
        try:
            if self._connection is None:
                self._connection = _opened(self._path)
            with self._connection:
                write(self._connection)
        except (OSError, sqlite3.Error) as error:
            if self._failed_s is None:
                _log.warning("what is used cannot be kept (%s); free some space, or delete %s", error, self._path)
            self._failed_s = time.monotonic()
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _opened(path: Path) -> sqlite3.Connection:
    """Raises ``OSError`` and ``sqlite3.Error``, also for a file of another version."""
    private.make_folder(path.parent)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite would let others read it.
    connection = sqlite3.connect(path, timeout=BUSY_S)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        if _version(connection) != VERSION:
            connection.execute("BEGIN IMMEDIATE")  # Another server may be about to do the same.
            _make(connection, _version(connection))
            connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def _version(of: sqlite3.Connection) -> int:
    return int(of.execute("PRAGMA user_version").fetchone()[0])


def _make(to: sqlite3.Connection, found: int) -> None:
    """Bring a file of version ``found``, 0 for an empty one, to ours."""
    if found not in (0, 1, VERSION):
        raise sqlite3.DatabaseError(f"it is of version {found}")
    if found == 1:
        to.execute(_FROM_VERSION_1)
    to.execute(_SUGGESTIONS)
    to.execute(_SKIPS)
    to.execute(f"PRAGMA user_version = {VERSION}")


def _count(to: sqlite3.Connection, counted: Counter[tuple[str, Skipped]]) -> None:
    to.executemany(
        "INSERT INTO skips (day, reason, language, asked, n) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (day, reason, language, asked) DO UPDATE SET n = n + excluded.n",
        [(day, each.reason, each.language, each.asked, n) for (day, each), n in counted.items()],
    )


def _note(to: sqlite3.Connection, suggestion: Suggestion, shown_at: float | None) -> None:
    """What was shown twice was shown when it was first."""
    values = asdict(suggestion)
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    to.execute(f"INSERT OR IGNORE INTO suggestions ({names}) VALUES ({marks})", values)
    if shown_at is not None:
        to.execute("UPDATE suggestions SET shown_at = ? WHERE id = ? AND shown_at IS NULL", (shown_at, suggestion.id))
