"""Text → brackets, strings and comments, without a tree: for text that is still streaming in or too broken to parse.

An approximation by the registry's delimiters. It does not know regular-expression literals, heredocs or nested quotes
in interpolations; a string that may not span lines ends with its line, so a mistake lasts one line at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from codeslm_lsp.syntax.languages import Language

CLOSER_OF = {"(": ")", "[": "]", "{": "}"}
OPENER_OF = {closer: opener for opener, closer in CLOSER_OF.items()}


def is_word(character: str) -> bool:
    """Whether a character may stand in a name; no character may not."""
    return character.isalnum() or character == "_"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a scanned text. ``end`` excludes the line end.

    ``inside`` says what was still open where the line begins: a ``"comment"``, a ``"string"`` or ``"code"``;
    ``brackets`` are those opened earlier in the text and not closed yet, outermost first, and ``depth`` their number.
    """

    start: int
    end: int
    brackets: str
    inside: str

    @property
    def depth(self) -> int:
        return len(self.brackets)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a text leaves behind. ``scan`` goes on from here with the text that follows.

    ``opened`` are the brackets it opens and does not close, outermost first; ``unopened`` the offsets of closers of a
    kind that nothing waits for; ``n_broken`` counts strings that end with their line instead of their quote.
    ``inside`` says what is still open: a ``"comment"``, a ``"string"`` or ``"code"``, and ``until`` what closes it.
    """

    opened: str = ""
    unopened: tuple[int, ...] = ()
    n_broken: int = 0
    inside: str = "code"
    until: str = ""

    @property
    def n_defects(self) -> int:
        """How much of it has no partner."""
        return len(self.opened) + len(self.unopened) + self.n_broken + (self.inside == "string")


@dataclass(slots=True)
class _State:
    tokens: re.Pattern[str]
    stack: list[str]
    until: str
    inside: str
    unopened: list[int]
    n_broken: int = 0


def scan(text: str, language: Language | None, before: Scanned = Scanned()) -> Scanned:
    """Scan ``text``, which follows what ``before`` was found in. Offsets are those in ``text``, and none of ``before``.

    ``n_broken`` and ``opened`` go on from ``before``.
    """
    state = _State(_tokens(language), list(before.opened), before.until, before.inside, [], before.n_broken)
    start = 0
    while (end := text.find("\n", start)) >= 0:
        _scan_line(text, start, end, state, language)
        start = end + 1
    _scan(text, start, len(text), state, language)
    return Scanned("".join(state.stack), tuple(state.unopened), state.n_broken, state.inside, state.until)


def scan_lines(text: str, language: Language | None) -> Iterator[Line]:
    """The lines of ``text``, each with what is open at its start. One pass."""
    state = _State(_tokens(language), [], "", "code", [])
    start = 0
    while True:
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield Line(start, end, "".join(state.stack), state.inside)
        if end == len(text):
            return
        _scan_line(text, start, end, state, language)
        start = end + 1


def open_brackets(text: str, language: Language | None) -> list[str]:
    """The brackets that ``text`` opens and does not close, outermost first."""
    return list(scan(text, language).opened)


def inside_at_end(text: str, language: Language | None) -> str:
    """What is open at the end of ``text``: ``"comment"``, ``"string"`` or ``"code"``."""
    return scan(text, language).inside


def _scan_line(text: str, start: int, end: int, state: _State, language: Language | None) -> None:
    _scan(text, start, end, state, language)
    if state.inside == "code" or _spans_lines(state.until, language):
        return
    state.n_broken += state.inside == "string"
    state.until, state.inside = "", "code"


def _scan(text: str, start: int, end: int, state: _State, language: Language | None) -> None:
    """Advance ``state`` over ``text[start:end]``, which holds no line end."""
    at = start
    while at < end:
        if state.inside != "code":
            at = _after_closing(text, at, end, state)
            continue
        found = state.tokens.search(text, at, end)
        if found is None:
            return
        at = found.end()
        token = found.group()
        kind = found.lastgroup
        if kind == "bracket":
            _count(token, found.start(), state)
        elif kind == "comment":
            state.until, state.inside = "\n", "comment"
        elif kind == "block" and language is not None:
            state.until, state.inside = language.block_comment[1], "comment"
        elif kind == "quote":
            state.until, state.inside = token, "string"


def _after_closing(text: str, at: int, end: int, state: _State) -> int:
    """Skip to behind the delimiter that closes the string or comment, or to ``end``."""
    for found in _closing(state.until, state.inside == "string").finditer(text, at, end):
        if found.group() == state.until:
            state.until, state.inside = "", "code"
            return found.end()
    return end


def _count(bracket: str, offset: int, state: _State) -> None:
    """Push an opener; pop for its closer. A closer of another kind than the innermost opener's closes nothing."""
    if bracket in CLOSER_OF:
        state.stack.append(bracket)
    elif state.stack and CLOSER_OF[state.stack[-1]] == bracket:
        state.stack.pop()
    elif OPENER_OF[bracket] not in state.stack:
        state.unopened.append(offset)


def _spans_lines(until: str, language: Language | None) -> bool:
    return language is not None and (until in language.multiline_quotes or until in language.block_comment)


@cache
def _closing(delimiter: str, has_escapes: bool) -> re.Pattern[str]:
    """The delimiter, and in a string the escapes that are passed over."""
    return re.compile((r"\\.|" if has_escapes else "") + re.escape(delimiter))


@cache
def _tokens(language: Language | None) -> re.Pattern[str]:
    """Everything that changes the state, block comments and long delimiters first. Escapes are passed over."""
    alternatives = [r"(?P<escape>\\.)"]
    if language is not None:
        if language.block_comment:
            alternatives.append(f"(?P<block>{re.escape(language.block_comment[0])})")
        if language.line_comment:
            # "#" is a comment only where a word may begin: "${#name}" and "a#b" are not.
            before = r"(?<!\S)" if language.line_comment == "#" else ""
            alternatives.append(f"(?P<comment>{before}{re.escape(language.line_comment)})")
        if "'" not in language.quotes:
            alternatives.append(r"(?P<character>'(?:\\.|[^'\\\n])')")
        if language.quotes:
            quotes = sorted(language.quotes, key=len, reverse=True)
            alternatives.append(f"(?P<quote>{'|'.join(map(re.escape, quotes))})")
    alternatives.append(r"(?P<bracket>[()\[\]{}])")
    return re.compile("|".join(alternatives))
