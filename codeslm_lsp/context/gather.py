"""Document + anchor + cursor → ``Context``: everything the model might be shown; ``prompt`` decides what fits."""

from __future__ import annotations

from codeslm_lsp.context.near import names_near
from codeslm_lsp.syntax.definitions import definitions_before
from codeslm_lsp.syntax.imports import import_ranges
from codeslm_lsp.syntax.scopes import enclosing_scopes
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Context, Document, KeptLines

MAX_SEARCHED_CHARS = 100_000
"""Definitions are looked for down to here: some 2,500 lines, which takes 6 ms."""


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
        kept=_kept_lines(text, anchor, cursor, tree) if tree is not None else (),
    )


def _kept_lines(text: str, anchor: int, cursor: int, tree: SyntaxTree) -> tuple[KeptLines, ...]:
    """Imports, headers of enclosing scopes and of what is named near the cursor; in document order, each once."""
    ranks = {(start, end): 0 for start, end in import_ranges(tree) if end <= anchor}
    for scope in enclosing_scopes(tree, anchor):
        _add(ranks, text, anchor, scope.header_start, scope.header_end, rank=0)
    if anchor <= MAX_SEARCHED_CHARS:
        near = names_near(text, cursor)
        for each in definitions_before(tree, anchor):
            if each.name in near:
                _add(ranks, text, anchor, each.start, each.start + len(each.signature), rank=1)
    return tuple(KeptLines(start, end, text[start:end], rank) for (start, end), rank in sorted(ranks.items()))


def _add(ranks: dict[tuple[int, int], int], text: str, anchor: int, start: int, end: int, *, rank: int) -> None:
    """The whole lines of a header, if they stand before the anchor and are not kept already."""
    start = text.rfind("\n", 0, start) + 1
    end = text.find("\n", max(end - 1, start)) + 1
    if 0 < end <= anchor and not any(other[0] <= start and end <= other[1] for other in ranks):
        ranks[start, end] = rank
