"""What a module or class of the environment has ⇄ one line of JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")

MAX_NAME_CHARS = 200


@dataclass(frozen=True, slots=True)
class Members:
    """The names behind ``subject`` and a dot; None where the environment has no such thing, or nobody can tell.

    ``is_all``: it is a module, and has no others: neither by writing them into itself nor by answering for them.
    """

    subject: str
    names: frozenset[str] | None
    is_all: bool = False

    def to_line(self) -> str:
        """One line, with its end."""
        names = None if self.names is None else sorted(self.names)
        return json.dumps({"subject": self.subject, "names": names, "is_all": self.is_all}) + "\n"


@dataclass(frozen=True, slots=True)
class Watched:
    """Paths of files and folders: when one of them comes, goes or changes, another environment is meant."""

    paths: tuple[str, ...]

    def to_line(self) -> str:
        """One line, with its end."""
        return json.dumps({"watched": self.paths}) + "\n"


def said(line: str | bytes) -> Members | Watched | None:
    """What a line says; None for a line that says neither."""
    try:
        fields = json.loads(line)
        if "watched" in fields:
            return Watched(tuple(map(str, fields["watched"])))
        names = fields["names"]
        known = None if names is None else frozenset(map(str, names))
        return Members(str(fields["subject"]), known, bool(fields["is_all"]))
    except (ValueError, TypeError, KeyError):
        return None


def is_subject(text: str) -> bool:
    """Whether one may ask for it: names and dots, nothing else."""
    return len(text) <= MAX_NAME_CHARS and _DOTTED.fullmatch(text) is not None
