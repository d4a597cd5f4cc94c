"""A file of the index → what others find in it: names, and their signatures, also of what it only passes on."""

from __future__ import annotations

import sqlite3

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.paths import stands_for_folder
from codeslm_lsp.workspace.resolve import resolve
from codeslm_lsp.workspace.rows import StoredPaths, read_imports, read_symbols
from codeslm_lsp.workspace.stubs import stub

RE_EXPORTS = 2
"""How many files are followed for a name that a file only passes on: a package's, and that of a package in it."""


def offers_of(connection: sqlite3.Connection, path: str) -> tuple[str, ...]:
    """What a file has at its top, by name and in document order; and what one that stands for its folder takes in."""
    row = connection.execute("SELECT id FROM files WHERE path = ?", (path,)).fetchone()
    if row is None:
        return ()
    found = [each.name for each in read_symbols(connection, row[0]) if not each.parent]
    if stands_for_folder(path):
        found += (name for each in read_imports(connection, row[0]) for name in each.names)
    return tuple(dict.fromkeys(found))


def stubs_of(
    connection: sqlite3.Connection, path: str, names: tuple[str, ...], depth: int = RE_EXPORTS
) -> tuple[str, ...]:
    """Signatures of what a file offers under these names; without names, of all it defines."""
    row = connection.execute("SELECT id, language FROM files WHERE path = ?", (path,)).fetchone()
    if row is None:
        return ()
    id_, language = row
    symbols = read_symbols(connection, id_)
    if not names:
        return stub(symbols, language, ())
    found: list[str] = []
    for name in names:
        here = stub(symbols, language, (name,))
        found += here or (_passed_on(connection, path, language, id_, name, depth) if depth else ())
    return tuple(dict.fromkeys(found))


def _passed_on(
    connection: sqlite3.Connection, path: str, language: str, id_: int, name: str, depth: int
) -> tuple[str, ...]:
    """What an import of the file brings in under this name: by naming it, or, second, as one of all names."""
    imports = read_imports(connection, id_)
    for each in (*(one for one in imports if name in one.names), *(one for one in imports if not one.names)):
        for target in resolve(StoredPaths(connection), path, language, Import(each.module, (name,))):
            if found := stubs_of(connection, target.path, (name,), depth - 1):
                return found
    return ()
