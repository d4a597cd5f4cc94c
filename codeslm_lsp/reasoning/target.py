"""A question → the Python function that is meant; what the model said → another version of just that function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from codeslm_lsp.reasoning.edits import applied, line_edits
from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.python_ast import FunctionNode, function_node
from codeslm_lsp.reasoning.question import Question
from codeslm_lsp.reasoning.reply import code_in, fenced, indented_like
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.syntax.python_function import Function, function_at, functions
from codeslm_lsp.syntax.tree import SyntaxTree, parse
from codeslm_lsp.values import Document, Edit, InputError


@dataclass(frozen=True, slots=True)
class Target:
    """A function of a document. ``start`` is the beginning of its first line, decorators included."""

    document: Document
    passage: Passage
    tree: SyntaxTree
    function: Function
    start: int

    @property
    def code(self) -> str:
        """Its source from the margin on."""
        return self.document.text[self.start : self.function.end]

    @property
    def around(self) -> str:
        """Imports and classes of the file, on one line. Small models copy signatures that they are shown besides."""
        lines = self.passage.outline.split("\n")
        kept = [line.strip() for line in lines if line.startswith(("import ", "from ", "class "))]
        return "; ".join(f"`{line}`" for line in kept) or "nothing else that matters"

    @property
    def line(self) -> int:
        """That of ``def``, counted from 1."""
        return self.document.text.count("\n", 0, self.function.def_start) + 1

    @property
    def is_alone_on_its_lines(self) -> bool:
        """Whether it can be replaced by whole lines: nothing stands before it on the first."""
        return not self.document.text[self.start : self.function.start].strip()

    @property
    def node(self) -> FunctionNode | None:
        """Its abstract syntax; ``None`` while it does not parse."""
        return function_node(self.code)

    def parsed(self) -> FunctionNode:
        """Its abstract syntax. Raises ``InputError`` while it does not parse."""
        if (node := self.node) is None:
            raise InputError(f"'{self.function.name}' does not parse; repair it first (codeslm fix).")
        return node

    def values(self, remark: str) -> dict[str, str]:
        """What templates say of it; ``remark`` is what was wrong with the attempt before."""
        return {
            "path": self.document.path,
            "around": self.around,
            "name": self.function.name,
            "code": fenced(self.code, "python"),
            "remark": remark,
        }

    def edits(self, code: str) -> tuple[Edit, ...]:
        """What has to change so that ``code`` stands in its place."""
        has_more = self.document.text[self.function.end : self.function.end + 1] == "\n"
        end = self.function.end + has_more
        return line_edits(self.document, self.start, end, code.rstrip() + ("\n" if has_more else ""))

    def with_code(self, code: str) -> str:
        """The document's text with ``code`` in its place."""
        return applied(self.document.text, self.edits(code))


def target_of(question: Question, doing: str) -> Target:
    """The Python function at the cursor. Raises ``InputError``, which says what it would be good for (``doing``)."""
    document = question.document
    if document is None:
        raise InputError(f"Name the function to {doing}, as FILE:LINE.")
    passage = passage_of(document, question.start, question.end)
    function = function_at(passage.tree, question.start, question.end) if passage.tree is not None else None
    if function is None or passage.tree is None:
        raise InputError(f"There is no Python function here; put the cursor into the one to {doing}.")
    start = line_start(document.text, function.start)
    target = Target(document, passage, passage.tree, function, start)
    if not target.is_alone_on_its_lines:
        raise InputError(f"Other code stands on the line of '{function.name}'; give the function lines of its own.")
    return target


def version_in(reply: str, target: Target) -> str | None:
    """The function of the target's name in a reply, at the target's margin. All else that was said is left out."""
    code = code_in(reply)
    for each in _functions(code):
        if each.name == target.function.name:
            start = line_start(code, each.start)
            if not code[start : each.start].strip():
                return indented_like(code[start : each.end].rstrip(), target.code)
    return None


def with_docstring(code: str, target: Target) -> str:
    """A version with the docstring that the function has, where the model has left it out."""
    span = target.function.docstring
    new = next(_functions(code), None)
    if span is None or new is None or new.docstring is not None:
        return code
    written = target.document.text[span[0] : span[1]]
    margin = code[line_start(code, new.body_start) : new.body_start]
    if margin.strip() or not margin:
        return code
    return f"{code[: new.body_start]}{written}\n{margin}{code[new.body_start :]}"


def _functions(code: str) -> Iterator[Function]:
    language = language_of("python", "")
    assert language is not None, "Python is in the registry"
    return functions(parse(code, language))
