"""Questions about a folder → answers from its index, each in well under a millisecond. Never writes, never waits.

Where there is no index, or none yet, every answer is empty; while it is being written, answers are those of the files
that are in it already.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace import resolve as resolving
from codeslm_lsp.workspace.neighbours import Neighbour, ranked
from codeslm_lsp.workspace.offers import offers_of, stubs_of
from codeslm_lsp.workspace.paths import nearest
from codeslm_lsp.workspace.places import Place, place_of
from codeslm_lsp.workspace.records import FileRecord, Symbol
from codeslm_lsp.workspace.rows import (
    MAX_CANDIDATES,
    SYMBOL_COLUMNS,
    StoredPaths,
    first_column,
    read_file,
    read_imports,
)
from codeslm_lsp.workspace.schema import open_to_read
from codeslm_lsp.workspace.targets import Target, own_keys

MAX_DEFINITIONS = 50
"""Of one name. What is defined more often, such as ``__init__``, is told apart by nothing that is known here."""

MAX_REMEMBERED = 4096
"""Answers that are kept until the index changes, some kilobytes each at most: what the imports of some dozen files
mean. To find that out anew at each new prompt takes 5 to 10 ms."""

IMPORTERS_AMONG_NEIGHBOURS = 30
"""How many imports are looked at for neighbours: a module that hundreds import says little of any one of them."""

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Definition:
    """A symbol and the file it is defined in."""

    path: str
    symbol: Symbol


class Index:
    """Reads the index of one folder. Any thread may ask; one question is answered at a time."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._version = -1
        self._answers: OrderedDict[Hashable, object] = OrderedDict()

    def close(self) -> None:
        """Let go of the file; a later question opens it again."""
        with self._lock:
            self._close()

    def file(self, path: str) -> FileRecord | None:
        """All that is kept of one file."""
        return self._ask(lambda connection: read_file(connection, path), None)

    def files(self) -> tuple[str, ...]:
        """Every indexed file, in alphabetical order. Takes some milliseconds in a large folder."""
        return self._ask(
            lambda connection: tuple(first_column(connection.execute("SELECT path FROM files ORDER BY path"))), ()
        )

    def has(self, path: str) -> bool:
        """Whether a file is indexed: then it is neither ignored nor known to hold a secret."""
        return self._ask(lambda connection: StoredPaths(connection).exists(path), False)

    def definitions(self, name: str) -> tuple[Definition, ...]:
        """What this name is defined as, anywhere in the folder; ``MAX_DEFINITIONS`` at most, in alphabetical order."""
        query = (
            f"SELECT path, {SYMBOL_COLUMNS} FROM symbols JOIN files ON files.id = symbols.file WHERE name = ? LIMIT ?"
        )
        return self._recall(
            ("definitions", name),
            lambda connection: tuple(
                Definition(path, Symbol(*rest))
                for path, *rest in sorted(connection.execute(query, (name, MAX_DEFINITIONS)))
            ),
            (),
        )

    def offers(self, path: str) -> tuple[str, ...]:
        """What a file has at its top, by name, in document order; and what one that stands for its folder takes in."""
        return self._recall(("offers", path), lambda connection: offers_of(connection, path), ())

    def users(self, name: str) -> tuple[str, ...]:
        """The files that call something of this name, or name such a type."""
        query = "SELECT path FROM uses JOIN files ON files.id = uses.file WHERE name = ? LIMIT ?"
        return self._ask(
            lambda connection: tuple(sorted(first_column(connection.execute(query, (name, MAX_CANDIDATES))))), ()
        )

    def is_known(self, name: str) -> bool:
        """Whether anything in the folder is called so: defined in it, or used there."""
        query = (
            "SELECT EXISTS (SELECT 1 FROM symbols WHERE name = :name) OR EXISTS (SELECT 1 FROM uses WHERE name = :name)"
        )
        return self._ask(lambda connection: bool(connection.execute(query, {"name": name}).fetchone()[0]), False)

    def resolve(self, path: str, language: str, imported: Import) -> tuple[Target, ...]:
        """What an import in the file ``path``, which need not be indexed itself, means in this folder."""
        return self._recall(
            ("resolve", path, language, imported),
            lambda connection: resolving.resolve(StoredPaths(connection), path, language, imported),
            (),
        )

    def stub(self, path: str, names: Iterable[str] = ()) -> tuple[str, ...]:
        """Signatures of what a file offers under these names, re-exports included; without names, all it defines."""
        names = tuple(names)
        return self._recall(("stub", path, names), lambda connection: stubs_of(connection, path, names), ())

    def imported_by(self, path: str) -> tuple[str, ...]:
        """The files that import this one, in alphabetical order. Of a module that hundreds import, the nearest."""
        return self._ask(lambda connection: _imported_by(connection, path), ())

    def imports_of(self, path: str) -> tuple[Target, ...]:
        """What the imports of an indexed file mean in this folder, in document order."""
        return self._ask(lambda connection: _imports_of(connection, path), ())

    def neighbours(self, path: str) -> tuple[Neighbour, ...]:
        """The files that are likeliest to matter for this one, see ``neighbours.ranked``."""
        return self._recall(
            ("neighbours", path),
            lambda connection: ranked(
                StoredPaths(connection),
                path,
                [each.path for each in _imports_of(connection, path)],
                _imported_by(connection, path, IMPORTERS_AMONG_NEIGHBOURS),
            ),
            (),
        )

    def _recall(self, key: Hashable, question: Callable[[sqlite3.Connection], Answer], nothing: Answer) -> Answer:
        """The answer that was given before, unless the index has changed since."""

        def remembered(connection: sqlite3.Connection) -> Answer:
            version = connection.execute("PRAGMA data_version").fetchone()[0]
            if version != self._version:
                self._answers.clear()
                self._version = version
            if key not in self._answers:
                self._answers[key] = question(connection)
                if len(self._answers) > MAX_REMEMBERED:
                    self._answers.popitem(last=False)
            self._answers.move_to_end(key)
            return cast(Answer, self._answers[key])

        return self._ask(remembered, nothing)

    def _ask(self, question: Callable[[sqlite3.Connection], Answer], nothing: Answer) -> Answer:
        with self._lock:
            connection = self._current()
            if connection is None:
                return nothing
            try:
                return question(connection)
            except sqlite3.Error:
                # Damaged, or just being replaced; the indexer sees to it, and the next question opens it anew.
                self._close()
                return nothing

    def _current(self) -> sqlite3.Connection | None:
        """The connection to the file that is there now: the indexer may have put another in its place."""
        try:
            status = self._place.database.stat()
        except OSError:
            self._close()
            return None
        if self._connection is None or self._opened != (status.st_dev, status.st_ino):
            self._close()
            self._connection = open_to_read(self._place)
            self._opened = (status.st_dev, status.st_ino)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
        self._connection = None
        self._version = -1  # Versions are counted by the connection.


def index_of(folder: Path) -> Index:
    """The index of a folder, whether or not there is one yet."""
    return Index(place_of(folder))


def _imports_of(connection: sqlite3.Connection, path: str) -> tuple[Target, ...]:
    row = connection.execute("SELECT id, language FROM files WHERE path = ?", (path,)).fetchone()
    if row is None:
        return ()
    paths = StoredPaths(connection)
    targets: list[Target] = []
    for each in read_imports(connection, row[0]):
        targets += resolving.resolve(paths, path, row[1], each)
    return tuple(targets)


def _imported_by(connection: sqlite3.Connection, path: str, most: int = MAX_CANDIDATES) -> tuple[str, ...]:
    """Those of the ``most`` nearest imports that may mean this file which do."""
    keys = own_keys(path)
    rows = connection.execute(
        "SELECT DISTINCT path, language, module, imports.names FROM import_keys JOIN imports USING (file, position) "
        f"JOIN files ON files.id = file WHERE key IN ({', '.join('?' * len(keys))}) LIMIT ?",
        (*keys, MAX_CANDIDATES),
    ).fetchall()
    near = {importer: n for n, importer in enumerate(nearest({row[0] for row in rows}, path))}
    paths, importers = StoredPaths(connection), set()
    for importer, language, module, names in sorted(rows, key=lambda row: near[row[0]])[:most]:
        if importer not in importers:
            targets = resolving.resolve(paths, importer, language, Import(module, tuple(json.loads(names))))
            if any(target.path == path for target in targets):
                importers.add(importer)
    return tuple(sorted(importers))
