"""Records of files → rows of the index, and what is known of each file's state on disk. The one writer's side."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from codeslm_lsp.workspace.files import FoundFile
from codeslm_lsp.workspace.paths import folder_of, name_of, stem_of
from codeslm_lsp.workspace.places import Place
from codeslm_lsp.workspace.records import FileRecord
from codeslm_lsp.workspace.rows import read_imports
from codeslm_lsp.workspace.schema import is_sound, open_to_write
from codeslm_lsp.workspace.targets import import_keys


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as it was when it was indexed."""

    id: int
    n_bytes: int
    mtime_ns: int


class Store:
    """Writes the index of one place, whose lock its owner holds. All methods belong to one thread.

    Every method may raise ``sqlite3.Error``: when the disk is full, or the file is damaged.
    """

    def __init__(self, place: Place) -> None:
        self._connection = open_to_write(place)
        self._place = place
        self._left = _state(place)
        self._known = {
            path: KnownFile(*rest)
            for path, *rest in self._connection.execute("SELECT path, id, n_bytes, mtime_ns FROM files")
        }
        self._skipped = {
            key: (n_bytes, mtime_ns)
            for key, n_bytes, mtime_ns in self._connection.execute("SELECT key, n_bytes, mtime_ns FROM skipped")
        }

    def close(self) -> None:
        """Leave the file as it is."""
        self._connection.close()

    def check(self) -> None:
        """Raise ``sqlite3.DatabaseError`` unless readers find this file, and can read it.

        Nobody else has a reason to write it. But somebody may have deleted it, and then what is open can be written all
        the same; and what SQLite has in memory hides from us that the file is damaged.
        """
        state = _state(self._place)
        if state == self._left:
            return
        is_the_same = state is not None and self._left is not None and state[:2] == self._left[:2]
        self._left = state
        if not (is_the_same and is_sound(self._place)):
            raise sqlite3.DatabaseError("it was deleted or damaged")

    @contextmanager
    def changes(self) -> Iterator[None]:
        """What is written inside is seen by readers all at once, or not at all."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def paths(self) -> set[str]:
        """The files that are indexed."""
        return set(self._known)

    def is_current(self, file: FoundFile) -> bool:
        """Whether the file was read, and neither its size nor its time has changed since."""
        known = self._known.get(file.path)
        if known is not None:
            return (known.n_bytes, known.mtime_ns) == (file.n_bytes, file.mtime_ns)
        return self._skipped.get(_key(file.path)) == (file.n_bytes, file.mtime_ns)

    def has_content(self, file: FoundFile, digest: bytes) -> bool:
        """Whether the file is indexed with this content; then its new time is noted."""
        known = self._known.get(file.path)
        if known is None:
            return False
        row = self._connection.execute("SELECT digest FROM files WHERE id = ?", (known.id,)).fetchone()
        if row != (digest,):
            return False
        update = "UPDATE files SET n_bytes = ?, mtime_ns = ? WHERE id = ?"
        self._connection.execute(update, (file.n_bytes, file.mtime_ns, known.id))
        self._known[file.path] = KnownFile(known.id, file.n_bytes, file.mtime_ns)
        return True

    def put(self, file: FoundFile, digest: bytes, record: FileRecord) -> None:
        """Index a file, in place of what was known of it."""
        self._forget_contents(file.path)
        self._unskip(file.path)
        folder = folder_of(file.path)
        row = (folder, name_of(folder), stem_of(file.path), record.language, file.n_bytes, file.mtime_ns, digest)
        (id_,) = self._connection.execute(
            "INSERT INTO files (path, folder, folder_name, stem, language, n_bytes, mtime_ns, digest, names)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET language = excluded.language,"
            " n_bytes = excluded.n_bytes, mtime_ns = excluded.mtime_ns, digest = excluded.digest,"
            " names = excluded.names RETURNING id",
            (file.path, *row, "\n".join(record.names)),
        ).fetchone()
        self._known[file.path] = KnownFile(id_, file.n_bytes, file.mtime_ns)
        self._put_contents(id_, record)

    def skip(self, file: FoundFile) -> None:
        """Remember that a file was read and shall not be indexed, but not its name."""
        self.remove(file.path)
        key = _key(file.path)
        self._connection.execute("INSERT OR REPLACE INTO skipped VALUES (?, ?, ?)", (key, file.n_bytes, file.mtime_ns))
        self._skipped[key] = (file.n_bytes, file.mtime_ns)

    def remove(self, path: str) -> None:
        """Forget a file."""
        self._forget_contents(path)
        self._unskip(path)
        if (known := self._known.pop(path, None)) is not None:
            self._connection.execute("DELETE FROM files WHERE id = ?", (known.id,))

    def tidy(self) -> None:
        """Bring what was written from the log into the database, as far as readers allow it."""
        self.check()
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._left = _state(self._place)

    def _put_contents(self, id_: int, record: FileRecord) -> None:
        execute_many = self._connection.executemany
        execute_many(
            "INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (id_, n, each.name, each.kind, each.signature, each.parent, each.first_line, each.end_line, each.doc)
                for n, each in enumerate(record.symbols)
            ],
        )
        execute_many(
            "INSERT INTO imports VALUES (?, ?, ?, ?)",
            [(id_, n, each.module, json.dumps(each.names)) for n, each in enumerate(record.imports)],
        )
        execute_many(
            "INSERT INTO import_keys VALUES (?, ?, ?)",
            [(key, id_, n) for n, each in enumerate(record.imports) for key in import_keys(record.path, each)],
        )
        execute_many("INSERT INTO uses VALUES (?, ?)", [(name, id_) for name in record.names])

    def _forget_contents(self, path: str) -> None:
        known = self._known.get(path)
        if known is None:
            return
        connection, id_ = self._connection, known.id
        # Two tables are not ordered by file; what the file has in them is told by the rest.
        (names,) = connection.execute("SELECT names FROM files WHERE id = ?", (id_,)).fetchone()
        connection.executemany(
            "DELETE FROM uses WHERE name = ? AND file = ?", [(each, id_) for each in names.split("\n")]
        )
        keys = {key for each in read_imports(connection, id_) for key in import_keys(path, each)}
        connection.executemany("DELETE FROM import_keys WHERE key = ? AND file = ?", [(key, id_) for key in keys])
        connection.execute("DELETE FROM imports WHERE file = ?", (id_,))
        connection.execute("DELETE FROM symbols WHERE file = ?", (id_,))

    def _unskip(self, path: str) -> None:
        if self._skipped.pop(key := _key(path), None) is not None:
            self._connection.execute("DELETE FROM skipped WHERE key = ?", (key,))


def digest_of(data: bytes) -> bytes:
    """By which a file that was only touched is recognised."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _state(place: Place) -> tuple[int, int, int, int] | None:
    """Which file it is, and when it was written; None where there is none."""
    try:
        status = place.database.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _key(path: str) -> bytes:
    return hashlib.blake2b(path.encode(), digest_size=16).digest()
