"""What became of suggestions → rows of one SQLite file, which the user may read and delete at any time.

Several servers write into it. Nobody waits for that: a thread does it, and what goes wrong there is logged once and
costs no more than the rows.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from codeslm_lsp.settings import user_folder

FOLDER_VARIABLE = "CODESLM_USAGE_DIR"
"""An environment variable that names another folder for the file, such as that of a test."""

NAME = "usage.sqlite"
VERSION = 1
"""``user_version`` of the file. One of another version is left alone."""

RETRY_S = 60.0
"""How long nothing is tried to be written after that has failed: a disk that was full may have room again."""

BUSY_S = 5.0
"""How long another server's writing is waited for."""

_TABLE = """
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
    decided_at REAL
)
"""
"""What an editor does not tell is NULL."""

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


def usage_file() -> Path:
    """The file of this user."""
    return user_folder(FOLDER_VARIABLE, platformdirs.user_data_path("codeslm", appauthor=False)) / NAME


class Journal:
    """Writes into one file, which is made when there is something to write. No method waits or raises."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._failed_s: float | None = None
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
                "UPDATE suggestions SET outcome = ?, accepted_characters = max(accepted_characters, ?), decided_at = ? "
                "WHERE id = ? AND outcome IS NOT 'accepted'",
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

    def close(self, *, waits: bool = True) -> None:
        """What was told is written all the same; ``waits`` until then."""
        with suppress(RuntimeError):  # It is closed already.
            self._thread.submit(self._close)
        self._thread.shutdown(wait=waits)

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
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite would let others read it.
    connection = sqlite3.connect(path, timeout=BUSY_S)
    try:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found not in (0, VERSION):
            raise sqlite3.DatabaseError(f"it is of version {found}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(_TABLE)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.commit()
    except BaseException:
        connection.close()
        raise
    return connection


def _note(to: sqlite3.Connection, suggestion: Suggestion, shown_at: float | None) -> None:
    """What was shown twice was shown when it was first."""
    values = asdict(suggestion)
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    to.execute(f"INSERT OR IGNORE INTO suggestions ({names}) VALUES ({marks})", values)
    if shown_at is not None:
        to.execute("UPDATE suggestions SET shown_at = ? WHERE id = ? AND shown_at IS NULL", (shown_at, suggestion.id))
