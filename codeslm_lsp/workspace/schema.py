"""A place → a connection to its index: made anew when it is damaged or of another version.

Everything is keyed by the file's path relative to the folder. The words of ``imports`` find importers again, see
``targets.import_keys``. Of files that were read and are not indexed, because they hold a secret perhaps, only a hash of
the path is kept.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing

from codeslm_lsp.workspace.places import Place, make_private

VERSION = 2
"""Raise it whenever the tables, or what is recorded of a file, change: then all files are read again."""

PATIENCE_S = 5.0
"""How long the one writer waits for readers that are in its way, which takes milliseconds."""

_CACHE_KIB = 16 * 1024
"""Pages in the writer's memory: enough for the inner pages of the indexes, which are touched at random."""

_TABLES = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, folder TEXT NOT NULL, folder_name TEXT NOT NULL,
    stem TEXT NOT NULL, language TEXT NOT NULL, n_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    digest BLOB NOT NULL, names TEXT NOT NULL
);
CREATE INDEX files_by_folder ON files (folder);
CREATE INDEX files_by_folder_name ON files (folder_name);
CREATE INDEX files_by_stem ON files (stem);
CREATE TABLE skipped (key BLOB PRIMARY KEY, n_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE symbols (
    file INTEGER NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, signature TEXT NOT NULL,
    parent TEXT NOT NULL, first_line INTEGER NOT NULL, end_line INTEGER NOT NULL, doc TEXT NOT NULL,
    PRIMARY KEY (file, position)
) WITHOUT ROWID;
CREATE INDEX symbols_by_name ON symbols (name);
CREATE TABLE imports (
    file INTEGER NOT NULL, position INTEGER NOT NULL, module TEXT NOT NULL, names TEXT NOT NULL,
    PRIMARY KEY (file, position)
) WITHOUT ROWID;
CREATE TABLE import_keys (
    key TEXT NOT NULL, file INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (key, file, position)
) WITHOUT ROWID;
CREATE TABLE uses (name TEXT NOT NULL, file INTEGER NOT NULL, PRIMARY KEY (name, file)) WITHOUT ROWID;
"""

_log = logging.getLogger(__name__)


def open_to_write(place: Place) -> sqlite3.Connection:
    """The index, empty if there was none that can be used. Only for the holder of the place's lock.

    Raises ``OSError`` or ``sqlite3.Error`` when the folder of indexes cannot be written.
    """
    make_private(place.database.parent)
    try:
        return _opened(place)
    except sqlite3.DatabaseError as error:
        _log.warning("an index is made anew (%s)", error)
    place.clear()
    return _opened(place)


def open_to_read(place: Place) -> sqlite3.Connection | None:
    """A reader's connection, which any thread may use; ``None`` when there is no index of this version, or none yet."""
    if not place.database.is_file():
        return None
    connection = None
    try:
        # Not mode "ro": whoever opens a database first has to make the index of its write-ahead log.
        where = f"{place.database.as_uri()}?mode=rw"
        connection = sqlite3.connect(where, uri=True, timeout=0.05, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA query_only = 1")
        if _version(connection) == VERSION:
            return connection
    except sqlite3.Error:
        pass
    if connection is not None:
        connection.close()
    return None


def is_sound(place: Place) -> bool:
    """Whether somebody who opens the file now can read it. Takes some 100 ms where the index is large."""
    try:
        with closing(sqlite3.connect(place.database, timeout=PATIENCE_S)) as looked_at:
            is_whole: bool = looked_at.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
            return is_whole and _version(looked_at) == VERSION
    except sqlite3.OperationalError:
        return True  # It is locked, or the like.
    except sqlite3.DatabaseError:
        return False


def _opened(place: Place) -> sqlite3.Connection:
    place.database.touch(mode=0o600)
    place.database.chmod(0o600)  # SQLite gives its other files the permissions of this one.
    with closing(sqlite3.connect(place.database, timeout=PATIENCE_S)) as looked_at:
        version = _version(looked_at)
        if version == VERSION and looked_at.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
            looked_at.execute("SELECT count(*) FROM files").fetchone()
        elif version or place.database.stat().st_size:
            raise sqlite3.DatabaseError("it is damaged, or of another version")
    connection = sqlite3.connect(place.database, timeout=PATIENCE_S, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA secure_delete = ON")  # What becomes ignored shall not remain in free pages.
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    if version != VERSION:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
