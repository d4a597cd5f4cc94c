"""A function → a docstring in the file's own style, held against the syntax tree before it is offered."""

from __future__ import annotations

import re
import textwrap

from codeslm_lsp.reasoning.docstrings import disagreements, formatted, read_docstring, style_of
from codeslm_lsp.reasoning.passage import passage_of
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.speaker import Style as Saying
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.syntax.parses import error_count, tree_error_count
from codeslm_lsp.syntax.python_function import Function, function_at
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Answer, Badge, Check, Edit, InputError

ATTEMPTS = 2
"""The second is told what was wrong with the first. A third is rarely better."""

MAX_WIDTH = 100
"""Columns to which prose is wrapped."""

NAMES = {
    "google": "Google",
    "numpy": "numpy",
    "sphinx": "Sphinx (reST fields)",
    "plain": "plain prose, without sections,",
}


async def document(question: Question, means: Means) -> Answer:
    """A docstring for the Python function at the cursor, in place of the one it has.

    Raises ``InputError`` where there is no function.
    """
    if question.document is None:
        raise InputError("Name the function to document, as FILE:LINE.")
    passage = passage_of(question.document, question.start, question.end)
    tree = passage.tree
    function = function_at(tree, question.start, question.end) if tree is not None else None
    if tree is None or function is None or passage.language is None:
        raise InputError("There is no Python function here; put the cursor into the one to document.")
    style = style_of(tree)
    code = tree.text[function.start : function.end]
    n_errors = tree_error_count(tree)
    remark = ""
    wrong: tuple[str, ...] = ()
    edit: Edit | None = None
    for _ in range(ATTEMPTS):
        messages = conversation(
            "document",
            {
                "style": NAMES[style],
                "parameters": ", ".join(each.name for each in function.documented_parameters) or "none",
                "result": _result(function),
                "raises": ", ".join(function.raises) or "none",
                "code": fenced(textwrap.dedent(code), "python"),
                "remark": remark,
            },
        )
        said = await means.speaker.say(messages, Saying(max_tokens=400))
        text = formatted(_text_of(said))
        wrong = disagreements(read_docstring(text), function)
        if not text:
            wrong = ("It is empty.",)
        edit = _edit(tree, function, text, question.document.uri, question.document.path)
        after = tree.text[: edit.start] + edit.text + tree.text[edit.end :]
        if not wrong and error_count(after, passage.language) > n_errors:
            wrong = ("With it the file does not parse.",)
        if not wrong:
            break
        remark = "\nYour last docstring was wrong: " + " ".join(wrong)
    assert edit is not None
    shown = fenced(edit.text.strip(), "python")
    means.listen(shown)
    replay = f"codeslm document {question.document.path}:{passage.first_line}"
    if wrong:
        return Answer("document", shown, Badge.REFUTED, (Check("signature", False, " ".join(wrong), replay),))
    detail = f"Its parameters, result and exceptions are those of '{function.name}' in the syntax tree."
    kind = read_docstring(edit.text).style
    if kind == "plain":
        parses = Check("parses", True, "The file parses with it; it names no parameters to check.", replay)
        return Answer("document", shown, Badge.UNVERIFIED, (parses,), (edit,))
    checks = (Check("signature", True, detail, replay), Check("parses", True, "The file parses with it.", replay))
    return Answer("document", shown, Badge.CROSS_CHECKED, checks, (edit,))


def _result(function: Function) -> str:
    if function.yields:
        return "yields values"
    return "returns a value" if function.gives_value else "returns nothing"


def _text_of(reply: str) -> str:
    """The docstring's text, whatever the model has put around it."""
    text = reply.strip()
    if fence := re.fullmatch(r"`{3,}\w*\n(.*?)\n?`{3,}", text, re.S):
        text = fence[1].strip()
    if quoted := re.search(r"(\"\"\"|''')(.*?)\1", text, re.S):
        text = quoted[2]
    return textwrap.dedent("\n".join(line.rstrip() for line in text.split("\n"))).strip().strip("\"'").strip()


def _edit(tree: SyntaxTree, function: Function, text: str, uri: str, path: str) -> Edit:
    """The docstring as the function's first statement, indented as its body is, instead of the one it has."""
    header = tree.text[line_start(tree.text, function.def_start) : function.def_start]
    margin = header[: len(header) - len(header.lstrip())] + _indent(tree, function)
    raw = "r" if "\\" in text else ""
    safe = text.replace('"""', "'''")
    lines = [line for part in safe.split("\n") for line in _wrapped(part)]
    if len(lines) == 1 and not lines[0].endswith('"'):
        written = f'{raw}"""{lines[0]}"""'
    else:
        rest = "\n".join(f"{margin}{line}" if line else "" for line in lines[1:])
        written = f'{raw}"""{lines[0]}\n' + (rest + "\n" if rest else "") + f'{margin}"""'
    if function.docstring is not None:
        return Edit(uri, path, function.docstring[0], function.docstring[1], written)
    is_on_header_line = "\n" not in tree.text[function.header_end : function.body_start]
    if is_on_header_line:  # def f(): return 1
        return Edit(uri, path, function.header_end, function.body_start, f"\n{margin}{written}\n{margin}")
    return Edit(uri, path, function.header_end, function.header_end, f"\n{margin}{written}")


def _indent(tree: SyntaxTree, function: Function) -> str:
    """One step of indentation as the function's body has it."""
    first = tree.text[line_start(tree.text, function.body_start) : function.body_start]
    own = tree.text[line_start(tree.text, function.def_start) : function.def_start]
    deeper = first.removeprefix(own)
    return deeper if deeper and not deeper.strip() and first != own else "    "


def _wrapped(line: str) -> list[str]:
    """Prose that is too long, wrapped; its own indentation is kept."""
    if len(line) <= MAX_WIDTH:
        return [line]
    margin = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line.strip(), MAX_WIDTH, initial_indent=margin, subsequent_indent=f"{margin}    ")
