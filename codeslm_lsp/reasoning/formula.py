"""A formula → Python that computes it, where it belongs. No model is asked; the code is read again and compared."""

from __future__ import annotations

import keyword
import re
import textwrap
from dataclasses import replace

from codeslm_lsp.mathematics.expressions import Expression
from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.mathematics.python_formulas import formula_in
from codeslm_lsp.mathematics.python_names import PythonNames, names_of
from codeslm_lsp.mathematics.python_writing import (
    Library,
    as_identifiers,
    math_as,
    numpy_as,
    python_expression,
    python_function,
)
from codeslm_lsp.mathematics.stated import Stated, find_stated, read_stated
from codeslm_lsp.reasoning.formula_of_code import PREMISE, function_of
from codeslm_lsp.reasoning.latex import BADGES
from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.solve import problem_of
from codeslm_lsp.reasoning.undefined import place_for_import
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.values import Answer, Badge, Check, Document, Edit, ExpressionError

UNNAMED = "formula"
"""The function of a formula that names none."""


async def formula(question: Question, means: Means) -> Answer:
    """Code for the formula that was typed, or that is selected. Raises ``InputError`` where there is none."""
    stated = _stated(question)
    document = question.document
    passage = passage_of(document, question.start, question.end) if document is not None and document.text else None
    library, is_imported = _library(passage)
    expression, names = as_identifiers(stated.expression, stated.variables)
    variables = tuple(names[each] for each in stated.variables)
    name = f"{stated.name}_" if keyword.iskeyword(stated.name) else stated.name or UNNAMED
    head = f"{name}({', '.join(variables)}) = {to_text(expression)}"
    statement = _statement(stated, question)
    if statement is None:
        code = read = python_function(name, variables, expression, library, head)
    else:
        value = python_expression(expression, library, variables)
        code, read = f"{statement} {value}\n", f"def {UNNAMED}({', '.join(variables)}):\n    return {value}\n"
    check, badge = await _read_back(read, expression, variables, stated.clause, library, means.mathematician)
    edits = _edits(code, question, passage, library, is_imported) if badge is not Badge.REFUTED else ()
    shown = fenced(code, "python")
    means.listen(shown)
    return Answer("formula", shown, badge, (check, Check("exact", True, PREMISE)), edits)


def _stated(question: Question) -> Stated:
    """The formula itself, or the first one in what is selected. Raises ``InputError``."""
    text = problem_of(question)
    try:
        return read_stated(text)
    except ExpressionError:
        found = next(find_stated(text), None)
        if found is None:
            raise
        return found


def _library(passage: Passage | None) -> tuple[Library, bool]:
    """numpy where the file imports it and not ``math``; and whether there is such an import already."""
    imported = dict[str, str]()
    if passage is not None and passage.tree is not None and passage.is_python:
        known = names_of(passage.tree)
        imported = {module: alias for alias, module in known.modules.items() if alias in known.others}
    if "math" in imported or "numpy" not in imported:
        return math_as(imported.get("math", "math")), "math" in imported
    return numpy_as(imported["numpy"]), True


def _statement(stated: Stated, question: Question) -> str | None:
    """What stands before the expression: an assignment within a function, ``return`` below its docstring.

    None where it is to be a function of its own.
    """
    found = function_of(question)
    if found is None or question.start < found[1].header_end:
        return None
    function = found[1]
    if stated.parameters is not None and function.name != stated.name:
        return None
    span = function.docstring
    is_in_docstring = span is not None and span[0] <= question.start <= span[1]
    return "return" if is_in_docstring else f"{stated.name or UNNAMED} ="


async def _read_back(
    code: str,
    wanted: Expression,
    variables: tuple[str, ...],
    clause: str,
    library: Library,
    mathematician: Mathematician,
) -> tuple[Check, Badge]:
    """Whether the code says what the formula does."""
    try:
        read = formula_in(code, names=PythonNames(modules={library.prefix: library.module}))
    except ExpressionError as error:
        return Check("read back", False, f"It cannot be read back to be compared: {error}"), Badge.UNVERIFIED
    verdict = await mathematician.agree(wanted, read.expression, (), variables, clause)
    detail = f"Read back and compared with `{to_text(wanted)}`: {verdict.detail}"
    return Check("read back", verdict.outcome == "proved", detail, verdict.statement), BADGES[verdict.outcome]


def _edits(
    code: str, question: Question, passage: Passage | None, library: Library, is_imported: bool
) -> tuple[Edit, ...]:
    """Below the formula, with its margin; in Markdown as a block of its own."""
    document = question.document
    if document is None or passage is None or passage.language is None:
        return ()
    last = max(question.start, question.end - (document.text[question.end - 1 : question.end] == "\n"))
    if passage.language.name == "markdown":
        return (_below(document, last, f"\n{fenced(code, 'python')}\n", ""),)
    if not passage.is_python:
        return ()
    found = function_of(question)
    span = found[1].docstring if found is not None else None
    if span is not None and span[0] <= question.start <= span[1]:
        last = span[1]
    line = document.text[line_start(document.text, question.start if span is None else span[0]) :]
    margin = re.match(r"[ \t]*", line)
    assert margin is not None
    edits = [_below(document, last, code, margin[0])]
    if f"{library.prefix}." in code and not is_imported:
        place = place_for_import(passage)
        apart = "" if document.text[place : place + 7].startswith(("import ", "from ", "\n", "\r")) else "\n"
        edits.insert(0, Edit(document.uri, document.path, place, place, f"import {library.module}\n{apart}"))
    is_crlf = "\r\n" in document.text
    return tuple(replace(each, text=each.text.replace("\n", "\r\n")) if is_crlf else each for each in edits)


def _below(document: Document, last: int, code: str, margin: str) -> Edit:
    place = line_end(document.text, last)
    is_end = place >= len(document.text)
    text = textwrap.indent(code, margin)
    place = len(document.text) if is_end else place + 1
    is_crowded = code.startswith("def ") and document.text[place : place + 1].strip() != ""
    behind = "\n\n" if is_crowded and not margin else "\n" if is_crowded else ""
    return Edit(document.uri, document.path, place, place, f"\n{text}" if is_end else f"{text}{behind}")
