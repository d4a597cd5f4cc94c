"""The ``.scm`` files of a language → what they find in a tree.

Captures: ``@<kind>`` is the whole construct, ``@name`` its name, ``@body`` where its body starts, ``@header`` where its
header ends. A later pattern that captures the same name refines an earlier one: its kind wins, and the construct
covers both (so a decorated function is one construct). Captures that start with ``_`` only serve predicates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import tree_sitter

from codeslm_lsp.resources import resource_path
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.tree import SyntaxTree, grammar

QUERY_NAMES = ("scopes", "imports", "definitions", "references")
"""The queries a language may have; one that makes no sense for it is left out."""

_PARTS = frozenset({"name", "body", "header"})

Match = tuple[int, dict[str, list[tree_sitter.Node]]]
"""What tree-sitter reports: the number of the pattern, and the nodes of each capture."""


@dataclass(slots=True)
class Construct:
    """One named construct, in code points. ``header_end`` is behind the last character before the body."""

    kind: str
    name: str
    name_start: int
    start: int
    end: int
    header_end: int | None


@cache
def query(language: Language, name: str) -> tree_sitter.Query | None:
    """The compiled query ``name``, or ``None`` when the language has none."""
    path = resource_path(f"grammars/languages/{language.name}/{name}.scm")
    return tree_sitter.Query(grammar(language), path.read_text(encoding="utf-8")) if path.is_file() else None


def matches(tree: SyntaxTree, name: str) -> list[Match]:
    """Every match of the query ``name`` in the whole tree."""
    found = query(tree.language, name)
    return [] if found is None or tree.root is None else tree_sitter.QueryCursor(found).matches(tree.root)


def matches_in(tree: SyntaxTree, name: str, start_byte: int, end_byte: int) -> list[Match]:
    """The matches that overlap these bytes."""
    found = query(tree.language, name)
    if found is None or tree.root is None:
        return []
    cursor = tree_sitter.QueryCursor(found)
    cursor.set_byte_range(start_byte, end_byte)
    return cursor.matches(tree.root)


def matches_at(tree: SyntaxTree, name: str, byte: int) -> list[Match]:
    """The matches that overlap the byte before or behind the position ``byte``."""
    return matches_in(tree, name, max(0, byte - 1), byte + 1)


def constructs(tree: SyntaxTree, found: Iterable[Match]) -> list[Construct]:
    """Matches → constructs in document order, outer before inner, each name once."""
    by_name: dict[int, Construct] = {}
    offset = tree.source.to_offset
    for _, captures in sorted(found, key=lambda match: match[0]):
        kind = next((key for key in captures if key not in _PARTS and not key.startswith("_")), None)
        if kind is None or "name" not in captures:
            continue
        node, name = captures[kind][0], captures["name"][0]
        start, end = offset(node.start_byte), _end(tree, node)
        header_end = _header_end(tree, captures, start)
        known = by_name.get(name.start_byte)
        if known is None:
            name_start = offset(name.start_byte)
            text = tree.text[name_start : offset(name.end_byte)].strip().strip("\"'")
            by_name[name.start_byte] = Construct(kind, text, name_start, start, end, header_end)
        else:
            known.kind = kind
            known.start, known.end = min(known.start, start), max(known.end, end)
            known.header_end = header_end if header_end is not None else known.header_end
    return sorted(by_name.values(), key=lambda construct: (construct.start, -construct.end))


def _end(tree: SyntaxTree, node: tree_sitter.Node) -> int:
    return tree.source.to_offset(node.end_byte)


def _header_end(tree: SyntaxTree, captures: dict[str, list[tree_sitter.Node]], start: int) -> int | None:
    if "header" in captures:
        return start + len(tree.text[start : max(_end(tree, node) for node in captures["header"])].rstrip())
    if "body" in captures:
        body = tree.source.to_offset(captures["body"][0].start_byte)
        return start + len(tree.text[start:body].rstrip())
    return None
