"""Source files → how a person writes them from a given line on: keys with times, pauses, corrections, side trips.

The same seed gives the same keys. What the person accepts depends on what is offered, so a replay asks for one step at
a time (see ``typing``).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.evaluation.cases import read_repositories
from codeslm_lsp.values import InputError

KEY_MEDIAN_S, KEY_SIGMA = 0.14, 0.45
"""Log-normal time between keys. Fluent typists' median is near 120 to 160 ms (Dhakal et al., CHI 2018, figure 4)."""
PAUSE_EVERY = 12
"""Keys between pauses on average, besides one on every new line: a person looks up at the ends of words and phrases."""
TYPO = 0.02
"""Share of letters that are mistyped and taken back at once; 2.3 % corrected errors in the same study."""
SIDE_TRIP = 0.04
"""Share of new lines at which something is changed elsewhere in the file first."""

MIN_LINES, MAX_LINES = 80, 900
LINES_TO_WRITE = 20


@dataclass(frozen=True, slots=True)
class Task:
    """A file with a part missing: ``before + target + after`` is the original, and ``target`` is to be written.

    ``after`` begins with a line end: one opens a line to write on it.
    """

    path: str
    before: str
    target: str
    after: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key: ``text`` is inserted after ``wait_s``; ``wrong`` is typed first and deleted again, if not empty.

    ``pauses``: the person looks at what is offered now. ``side_trip``: something is changed at the top of the file
    before this key.
    """

    text: str
    wait_s: float
    wrong: str = ""
    pauses: bool = False
    side_trip: bool = False


def read_tasks(path: Path, n: int, seed: int) -> list[Task]:
    """``n`` tasks from a gzip JSON file of repositories (``{package: {path: text}}``). Raises ``InputError``."""
    files = [
        (name, text)
        for repository in read_repositories(path).values()
        for name, text in sorted(repository.items())
        if name.endswith(".py") and MIN_LINES <= text.count("\n") <= MAX_LINES
    ]
    if not files:
        raise InputError(f"{path} has no Python files of {MIN_LINES} to {MAX_LINES} lines; give --set FILE.")
    draw = random.Random(seed)
    draw.shuffle(files)
    return [task_in(*files[number % len(files)], draw) for number in range(n)]


def task_in(path: str, text: str, draw: random.Random) -> Task:
    """Some lines of this file to write, below its first third."""
    lines = text.splitlines(keepends=True)
    first = draw.randrange(len(lines) // 3, max(len(lines) // 3 + 1, len(lines) - LINES_TO_WRITE))
    last = min(first + LINES_TO_WRITE, len(lines))
    target = "".join(lines[first:last])
    written = target.rstrip("\r\n")
    return Task(path, "".join(lines[:first]), written, target[len(written) :] + "".join(lines[last:]))


class Typist:
    """Types one task. ``position`` is how much of the target stands in the file."""

    def __init__(self, task: Task, seed: int) -> None:
        self.task = task
        self.position = 0
        self._draw = random.Random(seed)
        self._since_pause = 0

    def strokes(self) -> Iterator[Stroke]:
        """The next key, until the target is written. An editor's own indentation comes with the line end."""
        target = self.task.target
        while self.position < len(target):
            start = self.position
            text = target[start]
            if text == "\n":
                content = start + 1
                while content < len(target) and target[content] in " \t":
                    content += 1
                text = target[start:content]
            self.position = start + len(text)
            yield self._stroke(text, target[self.position : self.position + 1])

    def accept(self, offered: str) -> str:
        """What of an offer the person takes: all of it or its first lines, as far as it is what they meant to write."""
        wanted = self.task.target[self.position :]
        taken = offered if wanted.startswith(offered) else ""
        if not taken:
            head, _, _ = offered.partition("\n")
            taken = head if len(head) >= 2 and wanted.startswith(head + "\n") else ""
        self.position += len(taken)
        return taken

    def is_first_line_right(self, offered: str) -> bool:
        """Whether the offer's first line is the rest of the line that was meant."""
        wanted, _, _ = self.task.target[self.position :].partition("\n")
        head, _, _ = offered.partition("\n")
        return bool(wanted.strip()) and head.strip() == wanted.strip()

    def _stroke(self, text: str, following: str) -> Stroke:
        draw = self._draw
        is_new_line = text.startswith("\n")
        self._since_pause += 1
        ends_a_word = not following.isalnum() and text.isalnum()
        pauses = bool(following.strip()) and (
            is_new_line or (self._since_pause > PAUSE_EVERY // 2 and draw.random() < (0.3 if ends_a_word else 0.05))
        )
        if pauses:
            self._since_pause = 0
        wrong = draw.choice("etaoinsr") if text.isalpha() and draw.random() < TYPO else ""
        side_trip = is_new_line and draw.random() < SIDE_TRIP
        return Stroke(text, draw.lognormvariate(math.log(KEY_MEDIAN_S), KEY_SIGMA), wrong, pauses, side_trip)
