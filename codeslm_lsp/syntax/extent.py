"""Text around the cursor → how much a completion should write: a line or statement, a block, or up to what follows.

Works by lines and indentation, so that it also answers for unknown languages and for code that does not parse; a
tree only adds whether the cursor stands in a comment or a string.
"""

from __future__ import annotations

import re
from functools import cache

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lines import indentation, line_end, line_start, lines_after, lines_before
from codeslm_lsp.syntax.position import kind_at
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Extent

_ONLY_CLOSERS = re.compile(r"[\s)\]}>\"'`;:,]*")
_UNKNOWN_HEADER = r"(:|\{|=>|->|\bthen|\bdo|\belse)\s*$"
_UNKNOWN_COMMENT = re.compile(r"\s*(#|//|--|/\*|\*|;|%|<!--|\"\"\"|''')")
_DOCSTRING_QUOTES = ('"""', "'''")

MAX_LINES = 200
"""How many lines above and below are looked at. Docstrings and runs of comments are shorter."""


def wanted_extent(text: str, cursor: int, tree: SyntaxTree | None) -> Extent:
    """What to ask for at ``cursor``. ``tree`` must be the tree of ``text``, or ``None`` for an unknown language."""
    rest = text[cursor : line_end(text, cursor)]
    if not _ONLY_CLOSERS.fullmatch(rest):
        return Extent.SPAN
    if rest.strip():
        return Extent.STATEMENT
    if tree is not None and kind_at(tree, cursor) != "code":
        return Extent.LINE
    language = tree.language if tree is not None else None
    typed = text[line_start(text, cursor) : cursor]
    if typed.strip():
        return Extent.BLOCK if is_header(typed, language) and _is_empty(text, cursor, typed) else Extent.STATEMENT
    return _on_blank_line(text, cursor, typed, language)


def is_header(line: str, language: Language | None) -> bool:
    """Whether ``line`` asks for a body below it."""
    return _header_pattern(language).search(line.rstrip()) is not None


def _on_blank_line(text: str, cursor: int, typed: str, language: Language | None) -> Extent:
    header = _header_above(text, cursor, language)
    if header is not None and _is_empty(text, cursor, header):
        return Extent.BLOCK
    above = next((line for _, line in lines_before(text, cursor, MAX_LINES)), None)
    if above is not None and _is_comment(above, language):
        return Extent.BLOCK
    below = next((line for _, line in lines_after(text, cursor, MAX_LINES)), None)
    if below is None or indentation(below) < indentation(typed):
        return Extent.BLOCK
    return Extent.STATEMENT


def _header_above(text: str, cursor: int, language: Language | None) -> str | None:
    """The header whose body has, above the cursor, nothing but comments or a docstring."""
    inside_docstring = ""
    for _, line in lines_before(text, cursor, MAX_LINES):
        bare = line.strip()
        if inside_docstring:
            if inside_docstring in bare:
                inside_docstring = ""
            continue
        # A header may end with a comment, so it is tried first; a comment that ends like a header is not one.
        if _is_comment(line, language) and not bare.startswith(_DOCSTRING_QUOTES):
            continue
        quotes = next((each for each in _DOCSTRING_QUOTES if bare.endswith(each)), None)
        if quotes is not None and (language is None or language.by_indentation):
            closes_itself = bare.count(quotes) > 1
            inside_docstring = "" if closes_itself else quotes
            continue
        return line if is_header(line, language) else None
    return None


def _is_empty(text: str, cursor: int, header: str) -> bool:
    """Whether the next code below is not deeper than the header, so that its body is still missing."""
    below = next((line for _, line in lines_after(text, cursor, MAX_LINES)), None)
    return below is None or indentation(below) <= indentation(header)


def _is_comment(line: str, language: Language | None) -> bool:
    if language is None:
        return _UNKNOWN_COMMENT.match(line) is not None
    bare = line.strip()
    if language.line_comment and bare.startswith(language.line_comment):
        return True
    if not language.block_comment:
        return False
    opening, closing = language.block_comment
    return bare.startswith(opening) or bare.endswith(closing)


@cache
def _header_pattern(language: Language | None) -> re.Pattern[str]:
    return re.compile(language.block_header if language is not None and language.block_header else _UNKNOWN_HEADER)
