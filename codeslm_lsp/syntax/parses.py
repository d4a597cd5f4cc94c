"""Text → how broken it is, for judging whether a change makes it better or worse."""

from __future__ import annotations

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.tree import SyntaxTree, parse


def error_count(text: str, language: Language) -> int:
    """How many error and missing nodes the tree of ``text`` has; 0 for text that is too long to be parsed."""
    return tree_error_count(parse(text, language))


def tree_error_count(tree: SyntaxTree) -> int:
    """How many error and missing nodes a tree has. Only looks into nodes that contain one."""
    if tree.root is None:
        return 0
    count = 0
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        if node.is_error or node.is_missing:
            count += 1
        if node.has_error:
            waiting.extend(node.children)
    return count
