"""How far an indexer is ⇄ one line of JSON on its standard output."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass


class Event(enum.StrEnum):
    """What an indexer tells."""

    WAITING = "waiting"
    """Another indexer is at work on the same folder, perhaps for another editor."""
    INDEXING = "indexing"
    """For the first time, or what has changed since the folder was last open."""
    READY = "ready"
    """All files are in the index; from now on it follows the changes."""
    UPDATED = "updated"
    """The index has followed some changes."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``n_done`` of ``n_files`` files were read; once it is ready, ``n_files`` are in the index.

    ``seconds`` is the time since the indexer began.
    """

    event: Event
    n_done: int = 0
    n_files: int = 0
    seconds: float = 0.0

    def to_line(self) -> str:
        """One line, with its end."""
        fields = {
            "event": self.event,
            "n_done": self.n_done,
            "n_files": self.n_files,
            "seconds": round(self.seconds, 3),
        }
        return json.dumps(fields) + "\n"


def progress_of(line: str | bytes) -> Progress | None:
    """What a line says; ``None`` for a line that is none of an indexer's."""
    try:
        fields = json.loads(line)
        return Progress(Event(fields["event"]), int(fields["n_done"]), int(fields["n_files"]), float(fields["seconds"]))
    except (ValueError, TypeError, KeyError):
        return None
