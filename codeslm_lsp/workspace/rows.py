"""Rows of the index → records, and ``Paths`` answered by the database. Both sides read with these."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.records import FileRecord, Symbol

MAX_CANDIDATES = 200
"""Files that are looked at where many have the same name. Names that mean something are not so frequent."""

SYMBOL_COLUMNS = "name, kind, signature, parent, first_line, end_line, doc"


def read_imports(connection: sqlite3.Connection, file: int) -> tuple[Import, ...]:
    """What a file imports, in document order."""
    rows = connection.execute("SELECT module, names FROM imports WHERE file = ? ORDER BY position", (file,))
    return tuple(Import(module, tuple(json.loads(names))) for module, names in rows)


def read_symbols(connection: sqlite3.Connection, file: int) -> tuple[Symbol, ...]:
    """What a file defines, in document order."""
    rows = connection.execute(f"SELECT {SYMBOL_COLUMNS} FROM symbols WHERE file = ? ORDER BY position", (file,))
    return tuple(Symbol(*row) for row in rows)


def read_file(connection: sqlite3.Connection, path: str) -> FileRecord | None:
    """All that is kept of a file, or ``None``."""
    row = connection.execute("SELECT id, language, names FROM files WHERE path = ?", (path,)).fetchone()
    if row is None:
        return None
    id_, language, names = row
    return FileRecord(
        path,
        language,
        read_symbols(connection, id_),
        read_imports(connection, id_),
        tuple(names.split("\n")) if names else (),
    )


class StoredPaths:
    """``Paths`` of the files that are indexed, for one question: what was asked once is remembered."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._answers: dict[tuple[Any, ...], list[Any]] = {}

    def exists(self, path: str) -> bool:
        """See ``Paths``."""
        return bool(self._column("SELECT 1 FROM files WHERE path = ?", path))

    def with_stem(self, stem: str) -> Sequence[str]:
        """See ``Paths``."""
        return self._column("SELECT path FROM files WHERE stem = ? ORDER BY path LIMIT ?", stem, MAX_CANDIDATES)

    def inside(self, folder: str) -> Sequence[str]:
        """See ``Paths``."""
        return self._column("SELECT path FROM files WHERE folder = ? ORDER BY path LIMIT ?", folder, MAX_CANDIDATES)

    def folders_named(self, name: str) -> Sequence[str]:
        """See ``Paths``."""
        query = "SELECT DISTINCT folder FROM files WHERE folder_name = ? ORDER BY folder LIMIT ?"
        return self._column(query, name, MAX_CANDIDATES)

    def _column(self, query: str, *values: Any) -> list[Any]:
        key = (query, *values)
        if (answer := self._answers.get(key)) is None:
            answer = self._answers[key] = first_column(self._connection.execute(query, values))
        return answer


def first_column(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The one value of each row."""
    return [row[0] for row in rows]
