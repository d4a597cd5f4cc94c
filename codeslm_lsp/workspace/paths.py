"""The paths of a folder's source files, asked as finding a module needs it. A path is relative, with ``/``."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol


class Paths(Protocol):
    """Which source files a folder has. Answers are in alphabetical order, and bounded where many could fit."""

    def exists(self, path: str) -> bool:
        """Whether there is a source file of this path."""

    def with_stem(self, stem: str) -> Sequence[str]:
        """The files whose name, without its endings, is this."""

    def inside(self, folder: str) -> Sequence[str]:
        """The files directly in a folder."""

    def folders_named(self, name: str) -> Sequence[str]:
        """The folders with source files whose last part is this."""


class PathList:
    """``Paths`` of a list."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = frozenset(paths)
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        self._by_folder: defaultdict[str, list[str]] = defaultdict(list)
        self._by_folder_name: defaultdict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            self._by_stem[stem_of(path)].append(path)
            self._by_folder[folder_of(path)].append(path)
        for folder in sorted(self._by_folder):
            self._by_folder_name[name_of(folder)].append(folder)

    def exists(self, path: str) -> bool:
        """See ``Paths``."""
        return path in self._paths

    def with_stem(self, stem: str) -> Sequence[str]:
        """See ``Paths``."""
        return self._by_stem.get(stem, ())

    def inside(self, folder: str) -> Sequence[str]:
        """See ``Paths``."""
        return self._by_folder.get(folder, ())

    def folders_named(self, name: str) -> Sequence[str]:
        """See ``Paths``."""
        return self._by_folder_name.get(name, ())


def folder_of(path: str) -> str:
    """``a/b/c.py`` → ``a/b``; the folder itself is ``""``."""
    return path.rpartition("/")[0]


def name_of(path: str) -> str:
    """``a/b/c.py`` → ``c.py``."""
    return path.rpartition("/")[2]


def stem_of(path: str) -> str:
    """``a/b/c.d.ts`` → ``c``."""
    return name_of(path).partition(".")[0]


_FOR_FOLDER = frozenset({"__init__", "index", "mod"})
"""Python, JavaScript and Rust: the file that is meant where its folder is named."""


def stands_for_folder(path: str) -> bool:
    """Whether who imports the folder means this file of it."""
    return stem_of(path) in _FOR_FOLDER


def module_of(path: str) -> str:
    """By which name a file is called in code that imports it as a whole: its stem's, or its folder's.

    A file of Go is part of the package that has its folder's name.
    """
    by_folder = stands_for_folder(path) or path.endswith(".go")
    return name_of(folder_of(path)) if by_folder else stem_of(path)


def join(*parts: str) -> str | None:
    """Parts → one path, ``..`` worked out; ``None`` when that leads out of the folder."""
    joined = posixpath.normpath("/".join(part for part in parts if part))
    if joined == ".." or joined.startswith(("../", "/")):
        return None
    return "" if joined == "." else joined


def folders_above(path: str) -> Iterator[str]:
    """The folders a file lies in, innermost first; the last one is ``""``."""
    while path:
        path = folder_of(path)
        yield path


def ends_with(path: str, tail: str) -> bool:
    """Whether the last parts of ``path`` are those of ``tail``."""
    return path == tail or path.endswith("/" + tail)


def n_common_tail(path: str, parts: Sequence[str]) -> int:
    """How many last parts a path shares with ``parts``."""
    own = path.split("/") if path else []
    n = 0
    while n < min(len(own), len(parts)) and own[-1 - n] == parts[-1 - n]:
        n += 1
    return n


def n_common_folders(one: str, other: str) -> int:
    """How many folders, from the top, two files share."""
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    n = 0
    for left, right in pairs:
        if left != right:
            break
        n += 1
    return n


def nearest(paths: Iterable[str], path: str) -> list[str]:
    """Those that share most folders with ``path`` first, and among them the least deep."""
    return sorted(paths, key=lambda each: (-n_common_folders(each, path), each.count("/"), each))
