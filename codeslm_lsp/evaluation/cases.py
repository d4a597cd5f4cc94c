"""A benchmark file (gzip JSON lines) → cases: code with a hole, and what belongs into it.

A row holds the code itself (``prefix``, ``middle``, ``suffix``), or says where in a repository the hole is
(``package``, ``path``, ``offset``, ``middle``); the repositories are then a second file: ``{package: {path: text}}``.
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.values import InputError


@dataclass(frozen=True, slots=True)
class Case:
    """One hole. ``test`` and ``entry_point`` are empty where nothing can be run (HumanEval infilling has both).

    ``path`` is the file's in ``repository``; both are empty for a hole in a file that stands alone.
    """

    id: str
    kind: str
    language: str
    prefix: str
    middle: str
    suffix: str
    test: str = ""
    entry_point: str = ""
    path: str = ""
    repository: str = ""


Repositories = Mapping[str, Mapping[str, str]]
"""The files of each repository: ``{package: {path: text}}``."""


UNREADABLE = (OSError, EOFError, zlib.error, UnicodeDecodeError, json.JSONDecodeError)
"""What reading gzip JSON raises where it is none."""


def json_rows(path: Path) -> Iterator[Any]:
    """The rows of a file of gzip JSON lines. Raises one of ``UNREADABLE``."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def read_repositories(path: Path) -> Repositories:
    """The files that holes are in. Raises ``InputError``."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            found = json.load(file)
    except UNREADABLE as error:
        raise InputError(f"{path} cannot be read as gzip JSON of repositories: {error}.") from None
    if not isinstance(found, dict) or not all(isinstance(files, dict) for files in found.values()):
        raise InputError(f"{path} is not a table of repositories: it should be {{package: {{path: text}}}}.")
    return found


def read_cases(path: Path, kind: str, n: int, seed: int = 0, *, repositories: Repositories | None = None) -> list[Case]:
    """``n`` cases of one kind (all kinds where it is empty), a fixed random choice; all of them where ``n`` is 0.

    Raises ``InputError`` for a file that is missing or has no such cases.
    """
    try:
        cases = [
            Case(**{name: row.get(name, "") for name in Case.__slots__})
            for row in (_with_its_code(row, repositories or {}) for row in json_rows(path))
            if {"id", "kind", "prefix", "middle", "suffix"} <= row.keys() and kind in ("", row["kind"])
        ]
    except (*UNREADABLE, AttributeError) as error:
        raise InputError(f"{path} cannot be read as gzip JSON lines: {error}.") from None
    if not cases:
        raise InputError(f"{path} has no cases of the kind '{kind or 'any'}'; give --set FILE or FILE:KIND.")
    random.Random(seed).shuffle(cases)
    return cases[: n or None]


def _with_its_code(row: dict[str, Any], repositories: Repositories) -> dict[str, Any]:
    """The row with the text around its hole, where it only says which repository that is in."""
    if "prefix" in row or "offset" not in row:
        return row
    text = repositories.get(row["package"], {}).get(row["path"])
    start, middle = int(row["offset"]), str(row["middle"])
    if text is None or not text.startswith(middle, start):
        return row
    return {**row, "repository": row["package"], "prefix": text[:start], "suffix": text[start + len(middle) :]}
