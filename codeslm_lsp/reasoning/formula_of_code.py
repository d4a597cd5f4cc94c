"""A question about a document → the formula of the code that is meant: a selection, or the function at the cursor."""

from __future__ import annotations

import textwrap

from codeslm_lsp.mathematics.python_formulas import Formula, formula_at, formula_in
from codeslm_lsp.mathematics.python_names import names_of
from codeslm_lsp.reasoning.passage import passage_of
from codeslm_lsp.reasoning.question import Question
from codeslm_lsp.syntax.python_function import Function, function_at
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import InputError

PREMISE = "Numbers are taken exactly, not rounded as floating-point numbers are."
"""Holds of every formula that is read from code."""


def function_of(question: Question) -> tuple[SyntaxTree, Function] | None:
    """The Python function at the cursor, or that is selected as a whole."""
    if question.document is None or not question.document.text.strip():
        return None
    tree = passage_of(question.document, question.start, question.end).tree
    start, end = question.start, question.end
    if tree is None:
        return None
    selected = question.document.text[start:end]
    start += len(selected) - len(selected.lstrip())
    function = function_at(tree, start, max(start, question.start + len(selected.rstrip())))
    return (tree, function) if function is not None else None


def formula_of_code(question: Question) -> Formula:
    """Typed code, the code that is selected, or the function at the cursor. Raises ``InputError``."""
    if question.words.strip():
        return formula_in(question.words.strip())
    document = question.document
    if document is None:
        raise InputError("There is no code; type an expression, or name a function as FILE:LINE.")
    found = function_of(question)
    selected = document.text[question.start : question.end].strip()
    if found is not None and (not selected or is_whole(selected, *found)):
        return formula_at(found[0], found[1].def_start, names_of(found[0]).with_symbols())
    if not selected:
        raise InputError("There is no Python function here; put the cursor into one, or select an expression.")
    tree = found[0] if found is not None else passage_of(document, question.start, question.end).tree
    first_line = document.text.count("\n", 0, question.start) + 1
    text = _dedented(document.text, question.start, question.end)
    if tree is None or tree.language.name != "python":
        return formula_in(text, first_line)
    return formula_in(text, first_line, names_of(tree).with_symbols())


def is_whole(selected: str, tree: SyntaxTree, function: Function) -> bool:
    """Whether all of the function is selected, not a part of its body."""
    return tree.text[function.def_start : function.header_end].strip() in selected


def _dedented(text: str, start: int, end: int) -> str:
    """What is selected, without the margin that its first line has."""
    margin = text[text.rfind("\n", 0, start) + 1 : start]
    selected = text[start:end]
    return textwrap.dedent(margin + selected if not margin.strip() else selected).strip()
