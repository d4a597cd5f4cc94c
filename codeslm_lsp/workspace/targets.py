"""What an import means, and the words by which importers are found again without looking at every import."""

from __future__ import annotations

import re
from dataclasses import dataclass

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.paths import folder_of, folders_above, name_of, stem_of

MAX_FILES_OF_FOLDER = 30
"""Where an import names a folder (a Go or Java package), so many of its files are taken."""

_STANDS_FOR_FOLDER = frozenset({"__init__", "index", "mod", "lib", "main", "init", "default"})
_PACKAGE_ENDINGS = (".go", ".java", ".cs")

_WORD = re.compile(r"[\w-]+")
_OF_RUST = re.compile(r"(?:crate|self|super)\b")


@dataclass(frozen=True, slots=True)
class Target:
    """A file that an import means, and what is taken from it; without names, the file as a whole."""

    path: str
    names: tuple[str, ...] = ()


def import_keys(path: str, imported: Import) -> frozenset[str]:
    """Under which words the target of an import in the file ``path`` may be found; see ``own_keys``.

    ``resolve`` means no file whose ``own_keys`` share no word with these.
    """
    words = _WORD.findall(imported.module)
    keys = {*words, *(each for each in imported.names if _WORD.fullmatch(each))}
    keys.update(each.replace("_", "-") for each in words)  # Rust packages are folders with hyphens.
    if not words or _OF_RUST.match(imported.module):  # ``from .. import a``, ``super::a``: a folder above.
        keys.update((*_STANDS_FOR_FOLDER, stem_of(path)))
        keys.update(name_of(folder) for folder in folders_above(path))
    return frozenset(keys - {""})


def own_keys(path: str) -> frozenset[str]:
    """Under which words a file may be imported: its name, or its folder's where it may stand for that."""
    stem, folder = stem_of(path), folder_of(path)
    if not (stem in _STANDS_FOR_FOLDER or path.endswith(_PACKAGE_ENDINGS)):
        return frozenset((stem,))
    keys = {stem} if not folder or stem not in ("__init__", "index", "mod") else set()
    keys.add(name_of(folder))
    if name_of(folder) in ("src", "lib"):
        keys.add(name_of(folder_of(folder)))
    return frozenset(keys - {""})
