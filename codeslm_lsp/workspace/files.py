"""A folder → the source files in it that are worth reading, and their text. Knows nothing of what they mean.

Nothing outside the folder is reached: no symbolic link is followed, since what one leads to inside the folder is found
where it really is.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codeslm_lsp.syntax.languages import Language, language_of
from codeslm_lsp.workspace.ignored import IGNORE_FILES, IgnoreRules
from codeslm_lsp.workspace.paths import name_of
from codeslm_lsp.workspace.secrets import holds_secret, is_secret_name

MAX_FILE_BYTES = 512 * 1024
"""Longer sources are generated or data: in Python 3.11 the longest but one has 302 KB, and the longest,
757 KB, was made by a program. Parsing one of this size takes some tenths of a second."""

MAX_DEPTH = 64
"""Folders inside folders; deeper ones are made by mistake, or to break programs."""

_DATA_LANGUAGES = frozenset({"json", "yaml", "toml", "html", "css", "markdown"})
"""Languages of the registry whose files define nothing that code could name."""

_FOREIGN_FOLDERS = frozenset({"node_modules", "bower_components", "jspm_packages", "vendor", "site-packages", "Pods"})
"""Other people's code, which comes in such amounts that one's own would no longer be found."""

_TOOL_FOLDERS = frozenset({"__pycache__", "__pypackages__", "DerivedData", "CMakeFiles", "htmlcov"})

_OUTPUT_FOLDERS = frozenset({"build", "dist", "target", "out", "_build"})
"""What compilers write, unless the folder is itself a Python package of that name."""

_FOLDER_MARKS = ("pyvenv.cfg", "CACHEDIR.TAG")
"""A file that says what its folder is: a virtual environment; a cache (https://bford.info/cachedir)."""

_GENERATED = re.compile(
    r"@generated\b|\bdo not (?:edit|modify)\b(?! this line)|^\W*(?:auto(?:matically|-)? ?)?generated (?:by|from|with)\b"
    r"|\b(?:file|code|module)\b.{0,40}\bgenerated\b",
    re.IGNORECASE | re.MULTILINE,
)
"""As protoc, thrift, Go's tools (https://go.dev/s/generatedcode), ANTLR, SWIG, Sphinx, Django and Buck write it."""

_HEAD_LINES = 20
"""Generated files say so at their top, below a licence perhaps."""

MAX_LINE = 5000
MEAN_LINE = 250
"""Code points. Minified code has few and endless lines; the longest written by hand are tables of data."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file whose name is that of source code. ``path`` is relative to the folder, with ``/``."""

    path: str
    n_bytes: int
    mtime_ns: int


class SourceFolder:
    """What is to be read in one folder, by the ignore rules as they were when this was made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._rules = IgnoreRules(self.folder)

    def walk(self, start: str = "") -> tuple[list[FoundFile], list[str]]:
        """The source files in ``start`` and below, and all folders on the way, ``start`` itself included.

        A folder that cannot be read counts as empty.
        """
        files: list[FoundFile] = []
        folders: list[str] = []
        waiting = [start] if not start or self.wants_folder(start) else []
        while waiting:
            at = waiting.pop()
            folders.append(at)
            for entry in _entries(self.folder / at):
                path = f"{at}/{entry.name}" if at else entry.name
                if _is_folder(entry):
                    if self._goes_into(path):
                        waiting.append(path)
                elif (found := self._found(path)) is not None:
                    files.append(found)
        return files, folders

    def find(self, path: str) -> FoundFile | None:
        """The file at ``path``, if it is there and to be read."""
        folder = path.rpartition("/")[0]
        return self._found(path) if not folder or self.wants_folder(folder) else None

    def wants_folder(self, path: str) -> bool:
        """Whether a folder is there, and neither it nor one it lies in is passed over."""
        parts = path.split("/")
        above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
        return all(_is_real_folder(self.folder / each) and self._goes_into(each) for each in above)

    def _goes_into(self, path: str) -> bool:
        name = name_of(path)
        if name.startswith(".") or name in _FOREIGN_FOLDERS or name in _TOOL_FOLDERS or name.startswith("cmake-build-"):
            return False  # In hidden folders tools keep what is theirs.
        if path.count("/") >= MAX_DEPTH or not _is_text(path) or self._rules.ignores(path, is_folder=True):
            return False
        here = self.folder / path
        if name in _OUTPUT_FOLDERS and not (here / "__init__.py").exists():
            return False
        return not any((here / mark).exists() for mark in _FOLDER_MARKS)

    def _found(self, path: str) -> FoundFile | None:
        name = name_of(path)
        if name.startswith(".") or source_language(path) is None or is_secret_name(path) or not _is_text(path):
            return None
        try:
            status = (self.folder / path).lstat()
        except OSError:
            return None
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES or not status.st_size:
            return None
        if self._rules.ignores(path, is_folder=False):
            return None
        return FoundFile(path, status.st_size, status.st_mtime_ns)


def source_language(path: str) -> Language | None:
    """The language of a file of source code; ``None`` for data, prose, and what no grammar is known for."""
    language = _language_of_name(name_of(path))
    return None if language is None or language.name in _DATA_LANGUAGES else language


def changes_rules(path: str) -> bool:
    """Whether a file says which others are to be read."""
    return name_of(path) in (*IGNORE_FILES, *_FOLDER_MARKS)


def read_source(folder: Path, path: str) -> bytes | None:
    """The bytes of a file that ``SourceFolder`` has found; ``None`` when it has gone, or become something else."""
    # Somebody may have put a link or a pipe in the file's place since; the one is refused, the other not waited for.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(folder / path, flags)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123  # It is open already.
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            data = file.read(MAX_FILE_BYTES + 1)
        except OSError:
            return None
    return data if len(data) <= MAX_FILE_BYTES else None


def source_text(data: bytes) -> str | None:
    """Source code as text; ``None`` for what is binary, generated, minified, or holds a secret."""
    if b"\0" in data:
        return None
    text = data.decode("utf-8-sig", "replace")
    if is_generated(text) or holds_secret(text):
        return None
    return text


def is_generated(text: str) -> bool:
    """Whether a program wrote this text: it says so at its top, or has lines that nobody would write."""
    if _GENERATED.search("\n".join(text[:4000].split("\n", _HEAD_LINES)[:_HEAD_LINES])):
        return True
    lines = text.split("\n")
    return max(map(len, lines)) > MAX_LINE or len(text) > MEAN_LINE * (len(lines) + 1)


@cache
def _language_of_name(name: str) -> Language | None:
    return language_of("", name)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False) and not _is_junction(entry.stat(follow_symlinks=False))
    except OSError:
        return False


def _is_real_folder(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and not _is_junction(status)


def _is_junction(status: os.stat_result) -> bool:
    """Windows' other kind of link between folders, which is not called a symbolic link."""
    tag = getattr(status, "st_reparse_tag", 0)
    return bool(tag) and tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None)


def _is_text(path: str) -> bool:
    """Names that are no text in the file system's encoding cannot be stored, nor shown."""
    return path.isprintable()
