"""Tree → the names a file uses: what is called, and the types that are named."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.syntax.queries import matches
from codeslm_lsp.syntax.tree import SyntaxTree


@dataclass(frozen=True, slots=True)
class Reference:
    """One use of a name, in code points. ``kind`` is ``"call"``, ``"type"``, or what the language's query says."""

    name: str
    kind: str
    start: int


def references(tree: SyntaxTree) -> tuple[Reference, ...]:
    """Every reference in document order."""
    found: dict[int, Reference] = {}
    for _, captures in matches(tree, "references"):
        for kind, nodes in captures.items():
            if kind.startswith("_"):
                continue
            for node in nodes:
                start = tree.source.to_offset(node.start_byte)
                name = tree.text[start : tree.source.to_offset(node.end_byte)]
                found.setdefault(start, Reference(name, kind, start))
    return tuple(found[start] for start in sorted(found))
