"""``FILE:LINE:COLUMN`` on the command line → a ``Document`` and a ``Cursor``."""

from __future__ import annotations

import re
from pathlib import Path

from codeslm_lsp.values import Cursor, Document, InputError

MAX_BYTES = 100_000_000
"""More than any source file, and little enough to read at once."""


def parse_place(place: str) -> tuple[Path, int, int]:
    """``geometry.py:12:8`` → path, line and column, both counted from 1 as compilers and editors do."""
    match = re.fullmatch(r"(.+):(\d{1,9}):(\d{1,9})", place, flags=re.DOTALL)
    if match is None:
        raise InputError(f"Give the place as FILE:LINE:COLUMN, both counted from 1; '{place}' is not of that form.")
    return Path(match[1]), int(match[2]), int(match[3])


def read_document(path: Path) -> Document:
    """The file as a document. Raises ``InputError`` for one that is missing, unreadable, huge, binary or not UTF-8."""
    try:
        if not path.exists():
            raise InputError(f"{path} does not exist; check the path.")
        if not path.is_file():
            raise InputError(f"{path} is not a file; name a source file.")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise InputError(f"{path} has {size / 1e6:.0f} MB; files up to {MAX_BYTES / 1e6:.0f} MB can be completed.")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    if b"\0" in data[:8192]:
        raise InputError(f"{path} is a binary file; name a source file.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path} is not UTF-8 (line {line}); convert it first, for example with iconv.") from None
    absolute = path.resolve()
    try:
        shown = absolute.relative_to(Path.cwd())
    except ValueError:
        shown = Path(absolute.name)
    return Document(absolute.as_uri(), shown.as_posix(), "", 0, text)


def cursor_at(document: Document, line: int, column: int) -> Cursor:
    """The offset of a 1-based line and column. Raises ``InputError`` for a place outside the file."""
    lines = re.split(r"\r\n|\n|\r", document.text)
    if not 1 <= line <= len(lines):
        raise InputError(f"Line {line} is outside the file: {document.path} has {len(lines)} lines.")
    n_columns = len(lines[line - 1]) + 1
    if not 1 <= column <= n_columns:
        raise InputError(f"Column {column} is outside line {line} of {document.path}: it has columns 1 to {n_columns}.")
    start = 0
    for match in list(re.finditer(r"\r\n|\n|\r", document.text))[: line - 1]:
        start = match.end()
    return Cursor(start + column - 1)


def place_of(text: str, offset: int) -> dict[str, int]:
    """LSP's 0-based line and character (in code points) of an offset."""
    before = re.split(r"\r\n|\n|\r", text[:offset])
    return {"line": len(before) - 1, "character": len(before[-1])}
