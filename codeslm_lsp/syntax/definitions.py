"""Tree → everything a file defines, with signatures; what a symbol index is made of."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.syntax.lines import line_end
from codeslm_lsp.syntax.queries import constructs, matches
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
    found = constructs(tree, matches(tree, "definitions"))
    text = tree.text
    results = []
    for each in found:
        end = each.header_end
        if end is None:
            end = min(each.end, line_end(text, each.name_start))
        signature = text[each.start : end].strip()
        results.append(Definition(each.name, each.kind, each.start, each.end, each.name_start, signature))
    return tuple(results)
