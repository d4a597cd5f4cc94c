"""Tree and cursor → whether the cursor stands in code, in a comment or in a string."""

from __future__ import annotations

import tree_sitter

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import inside_at_end
from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.syntax.tree import Kind, SyntaxTree

_LOOK_BACK = 20_000
"""Code points scanned before the cursor where the tree is damaged: some hundred lines, a few milliseconds."""


def kind_at(tree: SyntaxTree, cursor: int) -> Kind:
    """What a character typed at ``cursor`` would become. The edges of a string (outside its quotes) are code.

    Remembered by the tree: several ask at every key, and in a damaged tree finding out takes a millisecond or two.
    """
    cursor = max(0, min(cursor, len(tree.text)))
    if cursor not in tree.kinds:
        tree.kinds[cursor] = _found_kind(tree, cursor)
    return tree.kinds[cursor]


def _found_kind(tree: SyntaxTree, cursor: int) -> Kind:
    if tree.root is None:
        return _in_broken_text(tree, tree.finished, cursor) if tree.finished is not None else "code"
    byte = tree.source.to_byte(cursor)
    node = tree.root.descendant_for_byte_range(max(0, byte - 1), byte)
    damaged = False
    while node is not None:
        if node.is_error:
            damaged = True
        kind = _kind_of(tree, node, byte)
        if kind is not None:
            return kind
        node = node.parent
    return _by_scanning(tree, cursor) if damaged or _error_on_line(tree, cursor) else "code"


def _kind_of(tree: SyntaxTree, node: tree_sitter.Node, byte: int) -> Kind | None:
    """What this node says of the position; ``None`` when its parent must be asked."""
    language = tree.language
    if not node.start_byte < byte <= node.end_byte:
        return None
    if node.type in language.comment_nodes:
        if byte < node.end_byte:
            return "comment"
        # At the end of a comment: still in it when it ends with its line and not with a delimiter.
        return "comment" if _ends_with_line(tree, node) else None
    if byte == node.end_byte:
        return None
    if node.type in language.code_nodes:
        return "code"
    return "string" if node.type in language.string_nodes else None


def _ends_with_line(tree: SyntaxTree, node: tree_sitter.Node) -> bool:
    closing = tree.language.block_comment[1].encode() if tree.language.block_comment else b""
    opening = tree.language.block_comment[0].encode() if tree.language.block_comment else b""
    written = tree.source.data[node.start_byte : node.end_byte]
    if opening and written.startswith(opening):
        return not written.endswith(closing)
    return not written.endswith(b"\n")


def _error_on_line(tree: SyntaxTree, cursor: int) -> bool:
    """Whether an error node stands on the cursor's line before the cursor, such as a quote that is not closed."""
    if tree.root is None or not tree.root.has_error:
        return False
    start = tree.source.to_byte(line_start(tree.text, cursor))
    node = tree.root.descendant_for_byte_range(start, tree.source.to_byte(cursor))
    return node is not None and (node.has_error or (node.parent is not None and node.parent.has_error))


def _in_broken_text(tree: SyntaxTree, finished: SyntaxTree, cursor: int) -> Kind:
    """What the finished tree says as far as the texts are the same, and from there on what scanning finds."""
    start = line_start(tree.text, tree.same_until)
    if cursor <= start:
        return kind_at(finished, cursor)
    if cursor - start > _LOOK_BACK or kind_at(finished, start) != "code":
        return _by_scanning(tree, cursor)
    return _at_end(tree.text[start:cursor], tree.language)


def _by_scanning(tree: SyntaxTree, cursor: int) -> Kind:
    text = tree.text
    start = line_start(text, max(0, cursor - _LOOK_BACK))
    return _at_end(text[start:cursor], tree.language)


def _at_end(text: str, language: Language) -> Kind:
    inside = inside_at_end(text, language)
    return "comment" if inside == "comment" else "string" if inside == "string" else "code"
