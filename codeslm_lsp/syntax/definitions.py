"""Tree → everything a file defines, with signatures; what a symbol index is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from codeslm_lsp.syntax.lines import line_end
from codeslm_lsp.syntax.queries import Match, constructs, matches, matches_in
from codeslm_lsp.syntax.tree import SyntaxTree


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition, in code points. ``signature`` is its header without the body, or its first line."""

    name: str
    kind: str
    start: int
    end: int
    name_start: int
    signature: str


def definitions(tree: SyntaxTree) -> tuple[Definition, ...]:
    """Every definition in document order, outer before inner."""
    return _definitions(tree, matches(tree, "definitions"))


def definitions_before(tree: SyntaxTree, offset: int) -> tuple[Definition, ...]:
    """Those that end at or before ``offset``, without looking at what begins behind it."""
    found = _definitions(tree, matches_in(tree, "definitions", 0, tree.source.to_byte(offset)))
    return tuple(each for each in found if each.end <= offset)


def _definitions(tree: SyntaxTree, found: Iterable[Match]) -> tuple[Definition, ...]:
    text = tree.text
    results = []
    for each in constructs(tree, found):
        end = each.header_end
        if end is None:
            end = min(each.end, line_end(text, each.name_start))
        signature = text[each.start : end].strip()
        results.append(Definition(each.name, each.kind, each.start, each.end, each.name_start, signature))
    return tuple(results)
