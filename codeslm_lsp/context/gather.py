"""Document + anchor + cursor → ``Context``: everything the model might be shown; ``prompt`` decides what fits."""

from __future__ import annotations

from codeslm_lsp.syntax.imports import import_ranges
from codeslm_lsp.syntax.scopes import enclosing_scopes
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Context, Document, KeptLines


def gather(document: Document, anchor: int, cursor: int, tree: SyntaxTree | None) -> Context:
    """The text around the cursor, and the lines before it that are worth more than their distance.

    ``anchor <= cursor`` are code-point offsets. Without a tree (a language without grammar) no lines are kept.
    """
    text = document.text
    return Context(
        path=document.path,
        language_id=document.language_id,
        prefix=text[:anchor],
        prefix_start=0,
        typed=text[anchor:cursor],
        suffix=text[cursor:],
        kept=_kept_lines(text, anchor, tree) if tree is not None else (),
    )


def _kept_lines(text: str, anchor: int, tree: SyntaxTree) -> tuple[KeptLines, ...]:
    """Imports and headers of enclosing scopes before the anchor, in document order, each once."""
    ranges = {(start, end) for start, end in import_ranges(tree) if end <= anchor}
    for scope in enclosing_scopes(tree, anchor):
        start = text.rfind("\n", 0, scope.header_start) + 1
        end = text.find("\n", max(scope.header_end - 1, start)) + 1
        if 0 < end <= anchor:
            ranges.add((start, end))
    return tuple(KeptLines(start, end, text[start:end]) for start, end in sorted(ranges))
