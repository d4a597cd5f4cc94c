"""The text of a file → chunks of some thirty lines that overlap, and the names in each. Knows no language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from codeslm_lsp.context.near import IDENTIFIER

SIZE_LINES, STEP_LINES = 32, 16
"""Of 1,200 lines taken out of five Python projects, the best chunks of 16 lines held an identifier that was missing
around the hole less often than those of 32, and those of 64 no oftener for twice the tokens."""

SLACK_LINES = 4
"""How far a chunk's beginning is moved to where something begins: then half a step is still new in each chunk."""

MAX_CHUNK_CHARACTERS = 4000
"""Lines that are longer than 120 characters on average are data."""

SHARE_BEFORE, HALF_LINES = 0.3, 2
"""Of a chunk that is cut, most is shown behind the lines that are like the hole's: what comes next is wanted. Of 300
chunks cut to 500 characters 31 % still held something useful, and 24 % where just the most similar lines were left."""

MAX_FILE_CHARACTERS = 100_000
"""Some 3,000 lines. Longer files are rarely written by hand, and their chunks would fill the memory."""

_BEGINS = re.compile(
    r"\s*(?:@|#\[|(?:export|public|private|protected|static|async|abstract|final|pub|def|class|func|fn|function"
    r"|interface|struct|impl|enum|trait|module|namespace|template|sub|local function)\b)"
)
"""How a definition, or what stands above it, begins in most languages."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines of one file; ``first_line`` counts from 0. ``names`` are those it is compared by.

    ``bonus`` multiplies its score: more than 1 for what was worked on a moment ago.
    """

    path: str
    first_line: int
    text: str
    names: frozenset[str]
    bonus: float = 1.0

    @property
    def end_line(self) -> int:
        """The line behind the last one."""
        return self.first_line + self.text.count("\n") + 1


@dataclass(frozen=True, slots=True)
class ChunkedFile:
    """A file's text, its line ends ``\\n``, its chunks, and how many of these hold each name."""

    path: str
    text: str
    chunks: tuple[Chunk, ...]
    counts: Mapping[str, int]


def chunked(path: str, text: str) -> ChunkedFile:
    """All of a file in chunks."""
    text = text.replace("\r\n", "\n")
    lines = text.split("\n")
    return chunked_lines(path, text, lines, spans(lines))


def chunked_lines(path: str, text: str, lines: Sequence[str], chosen: Iterable[tuple[int, int]]) -> ChunkedFile:
    """A file of which only these spans of ``lines`` count."""
    made = (chunk_of(path, lines, first, end) for first, end in chosen)
    chunks = tuple(each for each in made if each.names and len(each.text) <= MAX_CHUNK_CHARACTERS)
    return ChunkedFile(path, text, chunks, Counter(name for chunk in chunks for name in chunk.names))


def chunk_of(path: str, lines: Sequence[str], first_line: int, end_line: int, bonus: float = 1.0) -> Chunk:
    """These lines, without blank ones at their ends."""
    while first_line < end_line and not lines[first_line].strip():
        first_line += 1
    while end_line > first_line and not lines[end_line - 1].strip():
        end_line -= 1
    text = "\n".join(lines[first_line:end_line])
    return Chunk(path, first_line, text, frozenset(IDENTIFIER.findall(text)), bonus)


def trimmed(chunk: Chunk, weights: Mapping[str, float], n_characters: int) -> Chunk | None:
    """The lines of a chunk that fit, around those that hold most of ``weights``; ``None`` where these do not fit.

    It is still compared by the names of the whole.
    """
    if len(chunk.text) <= n_characters:
        return chunk
    lines = chunk.text.split("\n")
    worth = [sum(weights.get(name, 0.0) for name in set(IDENTIFIER.findall(line))) for line in lines]
    around = [
        sum(w * 0.5 ** (abs(at - other) / HALF_LINES) for other, w in enumerate(worth)) for at in range(len(lines))
    ]
    first, end = _grown(lines, max(range(len(lines)), key=around.__getitem__), n_characters)
    text = "\n".join(lines[first:end])
    return replace(chunk, first_line=chunk.first_line + first, text=text) if text.strip() else None


def _grown(lines: Sequence[str], centre: int, n_characters: int) -> tuple[int, int]:
    """As many lines around ``centre`` as fit, ``SHARE_BEFORE`` of them before it; none where it does not fit itself."""
    n_characters -= len(lines[centre])
    if n_characters < 0:
        return centre, centre
    first, end = centre, centre + 1
    while True:
        fits_before = first > 0 and len(lines[first - 1]) < n_characters
        fits_behind = end < len(lines) and len(lines[end]) < n_characters
        if not (fits_before or fits_behind):
            return first, end
        if fits_before and (not fits_behind or centre - first < SHARE_BEFORE * (end - first)):
            first -= 1
            n_characters -= len(lines[first]) + 1
        else:
            n_characters -= len(lines[end]) + 1
            end += 1


def spans(lines: Sequence[str]) -> list[tuple[int, int]]:
    """First and end of chunks that begin, where that is possible, behind a blank line or with a definition."""
    found: list[tuple[int, int]] = []
    for place in range(0, len(lines), STEP_LINES):
        first = _beginning(lines, place)
        if found and first <= found[-1][0]:
            continue
        end = _end(lines, first)
        found.append((first, end))
        if end == len(lines):
            break
    return found


def _beginning(lines: Sequence[str], place: int) -> int:
    for distance in sorted(range(-SLACK_LINES, SLACK_LINES + 1), key=abs):
        at = place + distance
        if 0 < at < len(lines) and lines[at].strip() and (not lines[at - 1].strip() or _BEGINS.match(lines[at])):
            return at
    return place


def _end(lines: Sequence[str], first: int) -> int:
    """At a blank line among the last quarter, if there is one."""
    end = first + SIZE_LINES
    if end >= len(lines):
        return len(lines)
    return next((at for at in range(end, end - SIZE_LINES // 4, -1) if not lines[at].strip()), end)
