"""Text and its language → a syntax tree that can be updated cheaply. Knows nothing of what nodes mean."""

from __future__ import annotations

from functools import cache
from importlib import import_module

import tree_sitter

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.source import Source, source_of

MAX_CODE_POINTS = 500_000
"""Longer texts are not parsed. Parsing a million characters of ordinary source takes some tenths of a second on a
laptop, and source written by hand is shorter; what is longer is generated or data."""

_CHUNK = 4096
"""Bytes compared at once when looking for the first difference of two texts."""


class SyntaxTree:
    """The tree of one version of one text. ``root`` is ``None`` when the text is too long to be parsed."""

    __slots__ = ("_tree", "language", "source", "text")

    def __init__(self, text: str, language: Language, source: Source, tree: tree_sitter.Tree | None) -> None:
        self.text = text
        self.language = language
        self.source = source
        self._tree = tree

    @property
    def root(self) -> tree_sitter.Node | None:
        """The root node; its positions are bytes of ``source``."""
        return self._tree.root_node if self._tree is not None else None

    def updated(self, new_text: str) -> SyntaxTree:
        """The tree of ``new_text``, reusing every node that the change did not touch. ``self`` stays valid."""
        if self._tree is None or len(new_text) > MAX_CODE_POINTS:
            return parse(new_text, self.language)
        if new_text == self.text:
            return self
        source = source_of(new_text)
        old = self._tree.copy()
        start, old_end, new_end = _difference(self.source.data, source.data)
        old.edit(
            start,
            old_end,
            new_end,
            _point(self.source.data, start),
            _point(self.source.data, old_end),
            _point(source.data, new_end),
        )
        return SyntaxTree(new_text, self.language, source, parser(self.language).parse(source.data, old))


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


@cache
def parser(language: Language) -> tree_sitter.Parser:
    """The one parser of a language. Parsing holds the interpreter lock, so threads may share it."""
    return tree_sitter.Parser(grammar(language))


def _difference(old: bytes, new: bytes) -> tuple[int, int, int]:
    """Where two texts differ: ``(start, end in old, end in new)``, moved outwards to whole characters."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start : start + _CHUNK] == new[start : start + _CHUNK]:
        start += _CHUNK
    start = min(start, shorter)
    end = min(start + _CHUNK, shorter)
    while start < end and old[start] == new[start]:
        start += 1
    while start > 0 and start < len(old) and _is_continuation(old[start]):
        start -= 1
    while start > 0 and start < len(new) and _is_continuation(new[start]):
        start -= 1

    same = 0
    longest = shorter - start
    while same + _CHUNK <= longest and _tail(old, same) == _tail(new, same):
        same += _CHUNK
    while same < longest and old[len(old) - same - 1] == new[len(new) - same - 1]:
        same += 1
    while same > 0 and _is_continuation(old[len(old) - same]):
        same -= 1
    return start, len(old) - same, len(new) - same


def _tail(data: bytes, same: int) -> bytes:
    """The chunk that ends ``same`` bytes before the end."""
    return data[len(data) - same - _CHUNK : len(data) - same]


def _is_continuation(byte: int) -> bool:
    """Whether a UTF-8 byte is not the first of its character."""
    return byte & 0xC0 == 0x80


def _point(data: bytes, byte: int) -> tuple[int, int]:
    """Row and column in bytes."""
    return data.count(b"\n", 0, byte), byte - (data.rfind(b"\n", 0, byte) + 1)
