"""What a type checker says of a call, an attribute or an operand → edits that may be meant, without the model.

The messages are mypy's and pyright's. Whether an edit serves is for the checker to say.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator

from codeslm_lsp.reasoning.code_line import CodeLine
from codeslm_lsp.reasoning.python_ast import parse_python
from codeslm_lsp.reasoning.question import Complaint
from codeslm_lsp.values import Document, Edit

MOST = 6
"""Edits that are tried: each takes the checker a third of a second or more."""

_SUGGESTION = re.compile(r"(?:maybe|did you mean) \"(\w+)\"", re.IGNORECASE)
_MISSING = re.compile(
    r"^(?:Missing (?P<kind>positional|named) arguments?|Arguments? missing for parameters?)"
    r" (?P<names>\"\w+\"(?:, \"\w+\")*)"
)
_TOO_MANY = re.compile(r"^(?:Too many (?:positional )?arguments|Expected \d+ positional arguments?)")
_OPERANDS = re.compile(r"^(?:Unsupported operand types|Operator \"[^\"]+\" not supported)")
_UNFIT = re.compile(r"incompatible type|cannot be assigned|is not assignable")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def misfits(document: Document, complaint: Complaint) -> Iterator[tuple[Edit, ...]]:
    """What may be meant on the line of the complaint, the likeliest first; at most ``MOST``."""
    module = parse_python(document.text)
    if module is None:
        return
    seen: set[Change] = set()
    for change in _changes(CodeLine(document.text, module, complaint.start), complaint.message):
        if change not in seen and len(seen) < MOST:
            seen.add(change)
            yield (Edit(document.uri, document.path, *change),)


Change = tuple[int, int, str]
"""Start and end in the text, and what is to stand there."""


def _changes(line: CodeLine, message: str) -> Iterator[Change]:
    if (found := _SUGGESTION.search(message)) is not None:
        yield from _renamed(line, message, found[1])
    elif (found := _MISSING.search(message)) is not None:
        names = re.findall(r"\w+", found["names"])
        for call in _called(line, message):
            if found["kind"] != "named":
                yield from _completed(line, call, names, by_keyword=False)
            if found["kind"] != "positional":  # pyright does not say which.
                yield from _completed(line, call, names, by_keyword=True)
    elif _TOO_MANY.search(message) is not None:
        for call in _called(line, message):
            yield from _without_last(line, call)
    elif _OPERANDS.search(message) is not None or _UNFIT.search(message) is not None:
        yield from _as_numbers(line)
        yield from _as_text(line)


def _renamed(line: CodeLine, message: str, meant: str) -> Iterator[Change]:
    """Another name for an attribute, an argument or a key, where the checker knows one."""
    quoted = [name for name in re.findall(r"\"(\w+)\"", message) if name != meant]
    for name in difflib.get_close_matches(meant, quoted, 1, 0.0):
        for match in re.finditer(rf"\b{re.escape(name)}\b", line.source):
            yield line.start + match.start(), line.start + match.end(), meant


def _called(line: CodeLine, message: str) -> list[ast.Call]:
    """The calls that may be meant: of what the message names at its end, if there are any."""
    names = re.findall(r"\"([\w.]+)\"", message)
    named = [call for call in line.calls() if names and _name_of(call.func) == names[-1].rpartition(".")[2]]
    return named or line.calls()


def _completed(line: CodeLine, call: ast.Call, names: list[str], *, by_keyword: bool) -> Iterator[Change]:
    """With the arguments that are missing: what is called like the parameter, or nearly."""
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        return
    values = [_values(line, name) for name in names]
    if not all(values):
        return
    keyword = by_keyword or bool(call.keywords)
    for number in range(max(map(len, values))):
        given = [each[min(number, len(each) - 1)] for each in values]
        said = ", ".join(f"{name}={value}" if keyword else value for name, value in zip(names, given, strict=True))
        last = [*call.args, *(each.value for each in call.keywords)][-1:]
        place = line.span(last[0])[1] if last else line.span(call)[1] - 1
        yield place, place, f", {said}" if last else said


def _values(line: CodeLine, name: str) -> list[str]:
    """What may be given for a parameter of this name."""
    same = [name] if name in line.bound else []
    field = [f"self.{each}" for each in line.fields if each.lstrip("_") == name]
    near = [each for each in line.bound if each != name and (each.endswith(f"_{name}") or name.endswith(f"_{each}"))]
    return list(dict.fromkeys([*same, *field, *near]))[:3]


def _without_last(line: CodeLine, call: ast.Call) -> Iterator[Change]:
    if not call.args:
        return
    end = line.span(call.args[-1])[1]
    start = line.span(call.args[-2])[1] if len(call.args) > 1 else line.span(call.args[-1])[0]
    yield start, end, ""


def _as_numbers(line: CodeLine) -> Iterator[Change]:
    """Numbers in quotes without them."""
    for node in line.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NUMBER.fullmatch(node.value):
            yield *line.span(node), node.value


def _as_text(line: CodeLine) -> Iterator[Change]:
    """What is added to text as text."""
    for node in line.nodes:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            for side, other in ((node.right, node.left), (node.left, node.right)):
                if not _is_text(side) and _is_text(_last_of(other)):
                    start, end = line.span(side)
                    yield start, end, f"str({line.text[start:end]})"


def _last_of(node: ast.expr) -> ast.expr:
    """Of a sum, its last term."""
    return node.right if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) else node


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _name_of(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""
