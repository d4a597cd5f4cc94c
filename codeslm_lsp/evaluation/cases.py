"""A benchmark file (gzip JSON lines) → cases: code with a hole, and what belongs into it."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.values import InputError


@dataclass(frozen=True, slots=True)
class Case:
    """One hole. ``test`` and ``entry_point`` are empty where nothing can be run (HumanEval infilling has both)."""

    id: str
    kind: str
    language: str
    prefix: str
    middle: str
    suffix: str
    test: str = ""
    entry_point: str = ""


def read_cases(path: Path, kind: str, n: int, seed: int = 0) -> list[Case]:
    """``n`` cases of one kind (all kinds where it is empty), a fixed random choice; all of them where ``n`` is 0.

    Raises ``InputError`` for a file that is missing or has no such cases.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in lines]
        cases = [
            Case(**{name: row.get(name, "") for name in Case.__slots__})
            for row in rows
            if {"id", "kind", "prefix", "middle", "suffix"} <= row.keys() and kind in ("", row["kind"])
        ]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, json.JSONDecodeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as gzip JSON lines: {error}.") from None
    if not cases:
        raise InputError(f"{path} has no cases of the kind '{kind or 'any'}'; give --set FILE or FILE:KIND.")
    random.Random(seed).shuffle(cases)
    return cases[: n or None]
