"""Text and its language → a syntax tree that can be updated cheaply. Knows nothing of what nodes mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from threading import get_ident
from typing import Literal, TypeAlias

import tree_sitter

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.same import difference
from codeslm_lsp.syntax.source import Source, source_of

MAX_CODE_POINTS = 500_000
"""Longer texts are not parsed. Parsing a million characters of ordinary source takes some tenths of a second on a
laptop, and source written by hand is shorter; what is longer is generated or data."""

MAX_REPORTS_BEHIND, MAX_REPORTS = 150, 400
"""How much work a change may cause behind it, and in all, in hundreds of tree-sitter's steps (so often it reports its
progress); putting the tree in order at the end is not counted. A key in a sound file of 10,000 lines takes 60 to 230 in
all. A quote that is not closed yet turns all that follows upside down: then it takes 2,000 at every key, which is 80 to
150 ms, to make sense of what makes none."""

SOUND_BYTES_PER_REPORT = 1500
"""Behind the change the parser may go on for longer if it gets on like this: it takes over whole statements, some 1,800
bytes of them for each report in a file of many classes and functions. Where it reads all anew it is below 600."""

MAX_GIVEN_UP = 8192
"""Code points that may differ from the last finished tree. Then a tree is finished, whatever that takes."""

_CHUNK = 8192
"""Bytes handed to tree-sitter at once."""

_NAME = 64
"""And when a node's text is read: what queries compare are names."""

_UNTOLD = re.compile(r"[\w\s]+")
"""What neither opens nor closes anything."""


Node: TypeAlias = tree_sitter.Node
"""For rooms that read trees and may not import tree-sitter."""

Kind = Literal["code", "comment", "string"]
"""What a character typed at some place would become."""

Span = tuple[int, int]
"""Where something begins and ends, in bytes of a tree's ``source``."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How two versions differ, in bytes: ``start`` to ``old_end`` became ``start`` to ``new_end``.

    ``nodes`` are the parts of the new version in which other nodes stand than did before.
    """

    start: int
    old_end: int
    new_end: int
    nodes: tuple[Span, ...]


class SyntaxTree:
    """The tree of one version of one text.

    ``root`` is ``None`` when the text is too long to be parsed, and when the parser was not let finish because the text
    is broken from the last change on; ``finished`` is then the last tree that was, and its text is the same up to
    ``same_until``.

    ``found`` and ``asked`` belong to ``incremental``: what queries found in this tree, by their names, each match as
    spans by capture; and an earlier version in which something was found. ``kinds`` belongs to ``position``: what kind
    of text was found to stand at an offset.
    """

    __slots__ = ("_marks", "_tree", "asked", "finished", "found", "kinds", "language", "same_until", "source", "text")

    def __init__(self, text: str, language: Language, source: Source, tree: tree_sitter.Tree | None) -> None:
        self.text = text
        self.language = language
        self.source = source
        self.finished: SyntaxTree | None = None
        self.same_until = 0
        self.found: dict[str, tuple[Mapping[str, tuple[Span, ...]], ...]] = {}
        self.kinds: dict[int, Kind] = {}
        self.asked: SyntaxTree | None = None
        self._tree = tree
        self._marks = ""

    @property
    def root(self) -> tree_sitter.Node | None:
        """The root node; its positions are bytes of ``source``."""
        return self._tree.root_node if self._tree is not None else None

    def updated(self, new_text: str) -> SyntaxTree:
        """The tree of ``new_text``, reusing every node that the change did not touch. ``self`` stays valid."""
        before = self.finished or self
        if before._tree is None or len(new_text) > MAX_CODE_POINTS:
            return parse(new_text, self.language)
        if new_text == self.text:
            return self
        if new_text == before.text:
            return before
        change = difference(before.text, new_text)
        start, _, end = change
        if end - start > MAX_GIVEN_UP:
            return before._parsed(new_text, change, None)
        marks = _UNTOLD.sub("", new_text[start:end])
        if self.finished is not None and marks == self._marks:
            return before._given_up(new_text, start, marks)  # Nothing was opened or closed since.
        changed_until = before.source.to_byte(start) + len(new_text[start:end].encode("utf-8", "replace"))
        n_bytes_behind = len(before.source.data.rstrip()) - before.source.to_byte(change[1])
        patience = _Patience(changed_until, n_bytes_behind)
        updated = before._parsed(new_text, change, patience)
        return before._given_up(new_text, start, marks) if patience.is_lost else updated

    def changes_since(self, before: SyntaxTree) -> Changes:
        """What is different in this tree. Both must have nodes; that one need not be the version just before."""
        assert self._tree is not None
        start, old_end, new_end = difference(before.text, self.text)
        edited, edit = before._edited(self.source, (start, old_end, new_end))
        nodes = tuple((each.start_byte, each.end_byte) for each in edited.changed_ranges(self._tree))
        return Changes(*edit, nodes)

    def _edited(self, source: Source, change: tuple[int, int, int]) -> tuple[tree_sitter.Tree, tuple[int, int, int]]:
        """A copy of the tree that knows of a change, and that change in bytes."""
        assert self._tree is not None
        start, old_end, new_end = (
            self.source.to_byte(change[0]),
            self.source.to_byte(change[1]),
            source.to_byte(change[2]),
        )
        point = _point(self.source.data, start)
        old_point = _point_behind(point, self.source.data, start, old_end)
        edited = self._tree.copy()
        edited.edit(start, old_end, new_end, point, old_point, _point_behind(point, source.data, start, new_end))
        return edited, (start, old_end, new_end)

    def _parsed(self, text: str, change: tuple[int, int, int], patience: _Patience | None) -> SyntaxTree:
        source = source_of(text)
        old, _ = self._edited(source, change)
        parsing = parser(self.language)
        if patience is None:
            return self._followed_by(SyntaxTree(text, self.language, source, parsing.parse(source.data, old)))
        reader = _Reader(source.data, _pieces(self.language, get_ident()))
        try:
            tree = parsing.parse(reader, old, encoding="utf8", progress_callback=patience.is_over)
        except ValueError:  # How the bindings tell that the parser was stopped.
            patience.is_lost = True
        if patience.is_lost:
            parsing.reset()  # Or it would go on with this text when it is given the next one.
        reader.finish()
        if patience.is_lost:
            return self
        return self._followed_by(SyntaxTree(text, self.language, source, tree))

    def _followed_by(self, tree: SyntaxTree) -> SyntaxTree:
        tree.asked = self if self.found else self.asked
        return tree

    def _given_up(self, text: str, same_until: int, marks: str) -> SyntaxTree:
        tree = SyntaxTree(text, self.language, Source(b"", 0, ()), None)
        tree.finished, tree.same_until, tree._marks = self, same_until, marks
        return tree


class _Reader:
    """Gives a text to the bindings (0.26.1), which never let go of any piece that they were given.

    Parsing takes a ``bytearray``, whose memory can be given back, and which can be filled again: ``pieces`` are the
    parser's. Queries and nodes, which read later, need ``bytes``.
    """

    def __init__(self, data: bytes, pieces: list[bytearray]) -> None:
        self._data = data
        self._pieces = pieces
        self._n_read = 0
        self._is_parsing = True

    def __call__(self, byte: int, _point: object) -> bytes | bytearray:
        if not self._is_parsing:
            return self._data[byte : byte + _NAME]
        if self._n_read == len(self._pieces):
            self._pieces.append(bytearray())
        piece = self._pieces[self._n_read]
        piece[:] = self._data[byte : byte + _CHUNK]
        self._n_read += 1
        return piece

    def finish(self) -> None:
        """The parser has no use any more for what it has read: each key would cost as much memory as the text."""
        self._is_parsing = False
        for piece in self._pieces:
            piece.clear()


class _Patience:
    """Decides during parsing whether it is worth going on.

    ``changed_until`` is where the change ends, in bytes; ``n_bytes_behind`` follow it up to the end of the last token.
    """

    def __init__(self, changed_until: int, n_bytes_behind: int) -> None:
        self.is_lost = False
        self._changed_until = changed_until
        self._end = changed_until + max(0, n_bytes_behind)
        self._n_reports = 0
        self._n_behind = 0
        self._n_at_end = 0

    def is_over(self, byte: int, _has_error: bool) -> bool:
        """Asked by tree-sitter every hundred steps."""
        if byte >= self._end:
            self._n_at_end += 1
        else:
            self._n_reports += 1
            self._n_behind += byte > self._changed_until
        most_behind = max(MAX_REPORTS_BEHIND, (byte - self._changed_until) // SOUND_BYTES_PER_REPORT)
        self.is_lost = self._n_behind > most_behind or max(self._n_reports, self._n_at_end) > MAX_REPORTS
        return self.is_lost


def parse(text: str, language: Language) -> SyntaxTree:
    """The tree of ``text``. Never raises: what does not parse becomes error nodes, and too long a text has no nodes."""
    if len(text) > MAX_CODE_POINTS:
        return SyntaxTree(text, language, Source(b"", 0, ()), None)
    source = source_of(text)
    return SyntaxTree(text, language, source, parser(language).parse(source.data))


@cache
def grammar(language: Language) -> tree_sitter.Language:
    """The compiled grammar; its module is imported when the language is first used."""
    module, _, function = language.grammar.partition(":")
    return tree_sitter.Language(getattr(import_module(module), function)())


def parser(language: Language) -> tree_sitter.Parser:
    """This thread's parser of a language: while one asks for more of the text, other threads may run."""
    return _parser(language, get_ident())


@cache
def _parser(language: Language, _thread: int) -> tree_sitter.Parser:
    return tree_sitter.Parser(grammar(language))


@cache
def _pieces(_language: Language, _thread: int) -> list[bytearray]:
    """What its parser is given to read, over and over."""
    return []


def text_of(tree: SyntaxTree, node: Node | None) -> str:
    """A node's source; empty for none."""
    return tree.source.data[node.start_byte : node.end_byte].decode("utf-8", "replace") if node is not None else ""


def _point(data: bytes, byte: int) -> tuple[int, int]:
    """Row and column in bytes."""
    return _point_behind((0, 0), data, 0, byte)


def _point_behind(point: tuple[int, int], data: bytes, start: int, end: int) -> tuple[int, int]:
    """The point at ``end``, given the one at ``start``."""
    n_rows = data.count(b"\n", start, end)
    if not n_rows:
        return point[0], point[1] + end - start
    return point[0] + n_rows, end - (data.rfind(b"\n", start, end) + 1)
