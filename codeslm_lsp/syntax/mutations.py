"""A Python function's tree → small changes of its code that a good test should notice (mutation operators)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter

from codeslm_lsp.syntax.tree import SyntaxTree, text_of

_SWAPPED = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-", "-": "+", "*": "+", "/": "*",
    "//": "/", "%": "+", "**": "*", "and": "or", "or": "and", "in": "not in", "not in": "in",
    "is": "is not", "is not": "is",
}  # fmt: skip
"""The usual replacements of operators (R. A. DeMillo and others, 1978): the least change that matters."""

_TRUTH = frozenset({"identifier", "attribute", "call", "subscript"})
"""Conditions without an operator that could be replaced."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """Replace ``[start, end)`` (code points) by ``text``. ``what`` says so in words, ``line`` counts from 1."""

    start: int
    end: int
    text: str
    what: str
    line: int


def mutations(tree: SyntaxTree, start: int, end: int) -> Iterator[Mutation]:
    """All changes within ``[start, end)``, in the order of the text; a docstring and annotations are left alone."""
    if tree.root is None:
        return
    low, high = tree.source.to_byte(start), tree.source.to_byte(end)
    waiting = [tree.root]
    while waiting:
        node = waiting.pop()
        if node.end_byte <= low or node.start_byte >= high or node.type in ("type", "string", "comment"):
            continue
        if node.start_byte >= low and (found := _mutated(tree, node)) is not None:
            where, text = found
            old = text_of(tree, where)
            first, last = tree.source.to_offset(where.start_byte), tree.source.to_offset(where.end_byte)
            yield Mutation(first, last, text, f"{old} → {text}", where.start_point[0] + 1)
        waiting += reversed(node.children)


def _mutated(tree: SyntaxTree, node: tree_sitter.Node) -> tuple[tree_sitter.Node, str] | None:
    """What to replace for one node, and by what."""
    written = text_of(tree, node)
    parent = node.parent.type if node.parent is not None else ""
    if not node.is_named and written in _SWAPPED and parent in (
        "binary_operator", "comparison_operator", "boolean_operator", "augmented_assignment",
    ):  # fmt: skip
        return node, _SWAPPED[written]
    if node.type == "integer" and written.isdigit():
        return node, str(int(written) + 1)
    if node.type in ("true", "false"):
        return node, "False" if node.type == "true" else "True"
    if node.type == "not_operator" and (argument := node.child_by_field_name("argument")) is not None:
        return node, text_of(tree, argument)
    if node.type in ("if_statement", "elif_clause", "conditional_expression"):
        is_expression = node.type == "conditional_expression"  # Whose parts have no names: ``a if condition else b``.
        condition = node.named_children[1] if is_expression else node.child_by_field_name("condition")
        if condition is not None and condition.type in _TRUTH:
            return condition, f"not {text_of(tree, condition)}"
    if node.type == "return_statement" and node.named_children:
        value = node.named_children[0]
        return (value, "None") if value.type not in ("none", "integer", "true", "false") else None
    return None
