"""What holds in every editor: no character is lost or doubled, and what became of suggestions is kept."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

HEADER = "def add(a, b):\n"
SUM = {"default": "", "answers": {"    ret": "urn a + b"}}
"""What most tests begin with, and what the engine replays there."""

EAGER = {"CODESLM_COMPLETION__CONFIDENCE": "eager"}
"""Also lines that the model's probabilities say little of."""


class Keys(Protocol):
    """Somebody's hands on one editor with an empty buffer."""

    def key(self, character: str) -> None: ...

    def backspace(self) -> None: ...

    def left(self) -> None: ...

    def accept(self) -> str:
        """Take what is shown at this moment, and return it; nothing where nothing is."""

    def rest(self) -> None: ...


def edited_at_random(keys: Keys, n: int, seed: int) -> str:
    """Make ``n`` random edits on one line, with acceptance, and return what should stand there."""
    draw = random.Random(seed)
    reference, cursor = "", 0
    for _ in range(n):
        what = draw.random()
        if what < 0.6:
            character = draw.choice("xyz é(漢")
            keys.key(character)
            reference, cursor = reference[:cursor] + character + reference[cursor:], cursor + 1
        elif what < 0.75 and cursor:
            keys.backspace()
            reference, cursor = reference[: cursor - 1] + reference[cursor:], cursor - 1
        elif what < 0.85 and cursor:
            keys.left()
            cursor -= 1
        elif what < 0.95:
            taken = keys.accept()
            reference, cursor = reference[:cursor] + taken + reference[cursor:], cursor + len(taken)
        if draw.random() < 0.2:
            keys.rest()
    return reference


def kept(usage_dir: Path) -> list[Any]:
    """What the journal has: outcome, length, what of it was accepted, and whether it was not told to be shown."""
    what = "outcome, characters, accepted_characters, shown_at IS NULL"
    with closing(sqlite3.connect(usage_dir / "usage.sqlite")) as connection:
        return connection.execute(f"SELECT {what} FROM suggestions ORDER BY shown_at").fetchall()
