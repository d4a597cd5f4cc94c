"""A document and a cursor → the place where code is missing: a function without a body, or below a comment.

A gap is filled with a part of what the model said; everything around it, headers and docstrings too, stays the user's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from codeslm_lsp.reasoning.passage import Passage
from codeslm_lsp.reasoning.python_ast import function_node, is_stub, parameter_names
from codeslm_lsp.reasoning.reply import code_in, indented_like
from codeslm_lsp.syntax.definitions import Definition, definitions
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.syntax.python_function import Function, function_at, functions
from codeslm_lsp.syntax.tree import SyntaxTree, parse

_EMPTY = re.compile(
    r"(?:todo!\(.*\)|unimplemented!\(.*\)|throw new \w*(?:Error|Exception)\(.*\)|panic\(.*\)"
    r"|raise \w*Error\b.*|end|;)*",
    re.DOTALL,
)
"""What stands in a body that is still to be written, without braces, comments and white space, in common languages."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Replace ``[start, end)`` of the document. ``function`` is a Python function whose body it is.

    ``definition`` is a function of another language; where both are ``None`` it is what ``comment`` asks for.
    """

    start: int
    end: int
    comment: str = ""
    function: Function | None = None
    definition: Definition | None = None

    @property
    def wanted(self) -> str:
        """What the model is asked for, as the object of a sentence."""
        if self.function is not None or self.definition is not None:
            name = self.function.name if self.function is not None else self.definition.name if self.definition else ""
            return f"the whole function {name}, with its body"
        return f"only the lines that belong below this comment: {self.comment}"


def gap_at(passage: Passage, start: int, end: int) -> Gap | None:
    """The gap at the cursor: first a function that is none yet, then the comment on its line."""
    tree, language = passage.tree, passage.language
    if tree is None or language is None:
        return None
    if (function := function_at(tree, start, end)) is not None:
        node = function_node(tree.text[line_start(tree.text, function.start) : function.end])
        if node is not None and is_stub(node):
            after = function.docstring[1] if function.docstring is not None else function.header_end
            return Gap(after, function.end, function=function)
    elif language.name != "python":
        for each in reversed(_around(tree, start, end)):
            body = tree.text[_body_start(each) : each.end]
            if each.kind in ("function", "method") and _EMPTY.fullmatch(_bare(body, language)):
                return Gap(_body_start(each), each.end, definition=each)
    return _below_comment(tree.text, start, language)


def filling(gap: Gap, reply: str, passage: Passage) -> str | None:
    """What a reply puts into the gap; ``None`` where it has nothing for it."""
    code = code_in(reply)
    text, language = passage.document.text, passage.language
    if language is None or not code.strip():
        return None
    if gap.function is not None:
        return _python_body(gap.function, code, text, language)
    if gap.definition is not None:
        original = text[line_start(text, gap.definition.start) : gap.definition.end]
        for each in definitions(parse(code, language)):
            if each.name == gap.definition.name and each.kind in ("function", "method"):
                moved = indented_like(code[line_start(code, each.start) : each.end], original)
                found = next(d for d in definitions(parse(moved, language)) if d.name == each.name)
                return moved[_body_start(found) : found.end]
        return None
    return _below(gap, code, text)


def _python_body(function: Function, code: str, text: str, language: Language) -> str | None:
    original = text[line_start(text, function.start) : function.end]
    for each in functions(parse(code, language)):
        start = line_start(code, each.start)
        if each.name != function.name or code[start : each.start].strip():
            continue
        moved = indented_like(code[start : each.end].rstrip(), original)
        old, new = function_node(original), function_node(moved)
        if old is None or new is None or is_stub(new) or parameter_names(old) != parameter_names(new):
            continue
        found = next(functions(parse(moved, language)))
        body = moved[found.docstring[1] if found.docstring is not None else found.header_end :]
        if body.lstrip(" \t").startswith(("\n", "#")):
            return body.rstrip()
        margin = original[: len(original) - len(original.lstrip())]
        return f"\n{margin}    {body.strip()}"
    return None


def _below(gap: Gap, code: str, text: str) -> str | None:
    """The lines of a reply without those that stand in the document around the gap already."""
    comment_lines = {line.strip() for line in gap.comment.split("\n")}
    following = next((line.strip() for line in text[gap.end :].split("\n")[1:] if line.strip()), None)
    lines = code.rstrip().split("\n")
    echoed = [number for number, line in enumerate(lines) if line.strip() in comment_lines]
    if echoed:
        lines = lines[echoed[-1] + 1 :]
    own = [line.strip() for line in lines]
    if following is not None and following in own[1:]:
        lines = lines[: own.index(following, 1)]
    body = "\n".join(lines).rstrip()
    if not body.strip():
        return None
    comment = text[line_start(text, gap.start) : gap.start]
    return "\n" + indented_like(body.strip("\n"), comment).rstrip()


def _below_comment(text: str, cursor: int, language: Language) -> Gap | None:
    """The end of the lines of comment around the cursor."""
    mark = language.line_comment
    if mark is None or language.prose:
        return None

    def is_comment(offset: int) -> bool:
        line = text[line_start(text, offset) : line_end(text, offset)].strip()
        return line.startswith(mark) and bool(line.strip(mark + " "))

    if not is_comment(cursor):
        return None
    first, last = line_start(text, cursor), line_end(text, cursor)
    while first > 0 and is_comment(first - 1):
        first = line_start(text, first - 1)
    while last + 1 < len(text) and is_comment(last + 1):
        last = line_end(text, last + 1)
    return Gap(last, last, comment=text[first:last].strip())


def _around(tree: SyntaxTree, start: int, end: int) -> list[Definition]:
    return [each for each in definitions(tree) if each.start <= line_end(tree.text, start) and end <= each.end]


def _body_start(definition: Definition) -> int:
    return definition.start + len(definition.signature)


def _bare(body: str, language: Language) -> str:
    """A body without braces, comments and white space around it."""
    return "".join(line.strip() for line in _code_lines(body, language)).strip("{}: \t")


def _code_lines(body: str, language: Language) -> Iterator[str]:
    for line in re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL).split("\n"):
        yield line.partition(language.line_comment)[0] if language.line_comment else line
