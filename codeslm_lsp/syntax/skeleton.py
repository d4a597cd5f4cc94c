"""Code too broken for its tree → the lines that still enclose the cursor, judged by indentation alone.

Shows input → output (``|`` is the cursor)::

    class Queue {                        class Queue {
      size = (1 +;                         push(value) {
      push(value) {                →           |
        if (value === |                  }}

The result parses, because everything that can be broken was left out.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import CLOSER_OF, open_brackets
from codeslm_lsp.syntax.lines import indentation, line_start, lines_before

MAX_LINES = 5000
"""How far up enclosing lines are looked for. Longer bodies exist, but the walk happens at every keystroke."""

_CLOSES_ONLY = re.compile(r"\s*(?:[)\]}]+[;,]?|end|fi|done|esac)\s*$")
_CONTINUES_HEADER = re.compile(r"\s*[)\]{]")
_CONTINUES_BLOCK = re.compile(
    r"\s*(?:\}|(?:else|elif|elsif|elseif|except|finally|rescue|ensure|when|then|catch|do)\b"
    r"|(?:case|default)\b.*:|(?:public|private|protected)\s*:)"
)
_BASH_CLOSERS = {"then": "fi", "else": "fi", "do": "done", "in": "esac"}


@dataclass(frozen=True, slots=True)
class Skeleton:
    """``text`` parses; ``cursor`` is where the cursor stands in it.

    Its line ``i`` starts at ``starts[i]`` and came from the document's offset ``origins[i]``.
    """

    text: str
    cursor: int
    starts: tuple[int, ...]
    origins: tuple[int, ...]

    def original(self, offset: int) -> int:
        """Offset in the skeleton → offset in the document; only for offsets in lines that were kept."""
        line = max(0, bisect_right(self.starts, offset) - 1)
        return self.origins[line] + offset - self.starts[line]


def skeleton(text: str, cursor: int, language: Language) -> Skeleton | None:
    """The enclosing lines of ``cursor``, outermost first, or ``None`` when nothing is indented less than it."""
    column, kept = _enclosing_lines(text, cursor, language)
    if not kept:
        return None
    pieces = [language.opening]
    starts, origins, length = [], [], len(language.opening)
    for start, line in kept:
        starts.append(length)
        origins.append(start)
        pieces.append(line.rstrip("\r") + "\n")
        length += len(pieces[-1])
    column = max(column, indentation(kept[-1][1]) + 1)
    pieces.append(" " * column + language.filler + "\n" + _closers([line for _, line in kept], language))
    return Skeleton("".join(pieces), length + column, tuple(starts), tuple(origins))


def _enclosing_lines(text: str, cursor: int, language: Language) -> tuple[int, list[tuple[int, str]]]:
    header = re.compile(language.block_header)
    limit = _column(text, cursor, language, header)
    column = limit
    kept: list[tuple[int, str]] = []
    start = line_start(text, cursor)
    typed = text[start:cursor]
    if header.search(typed):
        kept.append((start, typed))
        limit = indentation(typed)
    # "block": looking for the line that began a block; "header": the same, and all lines on the way belong to it.
    seeking = ""
    for start, line in lines_before(text, cursor, MAX_LINES):
        bare = line.strip()
        if language.line_comment and bare.startswith(language.line_comment):
            continue
        if language.directive and bare.startswith(language.directive):
            continue
        depth = indentation(line)
        if seeking and depth > limit:
            if seeking == "header":
                kept.append((start, line))
            continue
        if not (depth < limit or (seeking and depth == limit)):
            continue
        limit = depth
        if _CLOSES_ONLY.match(line) and not seeking:
            continue
        if _CONTINUES_HEADER.match(line):
            seeking = "header"
            kept.append((start, line))
        elif _CONTINUES_BLOCK.match(line):
            seeking = "block"
        else:
            if seeking == "header" or header.search(line):
                kept.append((start, line))
            seeking = ""
        if limit == 0 and not seeking:
            break
    return column, kept[::-1]


def _column(text: str, cursor: int, language: Language, header: re.Pattern[str]) -> int:
    """How deep the cursor's line is indented, or would be if something stood on it."""
    start = line_start(text, cursor)
    line = text[start : text.find("\n", cursor) if "\n" in text[cursor : cursor + 500] else start + 500]
    if line.strip() or language.by_indentation:
        return indentation(line if line.strip() else text[start:cursor])
    above = next((line for _, line in lines_before(text, cursor, 50)), "")
    from_above = indentation(above) + (1 if header.search(above) else 0)
    return max(indentation(text[start:cursor]), from_above)


def _closers(lines: list[str], language: Language) -> str:
    """What closes the kept lines, innermost first."""
    closers = []
    for line in reversed(lines):
        brackets = open_brackets(line, language)
        if language.closing_words and language.closing_words[0].isalpha() and brackets[-1:] != ["{"]:
            closers.append(_closing_word(line, language))
        closers.extend(CLOSER_OF[bracket] for bracket in reversed(brackets))
    return "\n".join(closers) + "\n"


def _closing_word(line: str, language: Language) -> str:
    words = re.findall(r"\w+", line)
    if language.name == "bash" and words:
        return _BASH_CLOSERS.get(words[-1], "")
    return language.closing_words[0]
