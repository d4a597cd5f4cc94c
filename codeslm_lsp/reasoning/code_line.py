"""A line of a Python program → the nodes of its syntax that begin on it, and the names that are bound around it."""

from __future__ import annotations

import ast

from codeslm_lsp.reasoning.python_ast import FunctionNode, span_of
from codeslm_lsp.syntax.lines import line_end, line_start

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class CodeLine:
    """The line at ``offset``. ``bound`` are variables, the nearest first; ``fields`` those of the class around it."""

    def __init__(self, text: str, module: ast.Module, offset: int) -> None:
        self.text = text
        self.row = text.count("\n", 0, offset) + 1
        self.start = line_start(text, offset)
        self.source = text[self.start : line_end(text, offset)]
        self.nodes = [node for node in ast.walk(module) if getattr(node, "lineno", 0) == self.row]
        scopes = [node for node in ast.walk(module) if isinstance(node, _SCOPES)]
        around = [node for node in scopes if node.lineno < self.row <= _end(node)]
        functions = [node for node in around if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        self.bound = [name for node in reversed(functions) for name in _bound_in(node, self.row)]
        self.bound += _bound_by(module.body)
        self.fields = [field for node in around if isinstance(node, ast.ClassDef) for field in _fields(node)]

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Where it stands in the text."""
        return span_of(self.text, node)

    def calls(self) -> list[ast.Call]:
        """The innermost last: what they are arguments of is the likelier culprit."""
        return [node for node in self.nodes if isinstance(node, ast.Call)]


def _end(node: ast.AST) -> int:
    return int(getattr(node, "end_lineno", 0) or 0)


def _bound_in(function: FunctionNode, row: int) -> list[str]:
    """Its parameters, and what is assigned in it above ``row``."""
    parameters = function.args
    given = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
    names = [each.arg for each in given if each.arg not in ("self", "cls")]
    names += [
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.lineno < row
    ]
    return list(dict.fromkeys(names))


def _bound_by(body: list[ast.stmt]) -> list[str]:
    """Constants and variables of a module."""
    return list(
        dict.fromkeys(
            node.id
            for statement in body
            if isinstance(statement, ast.Assign | ast.AnnAssign)
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
    )


def _fields(node: ast.ClassDef) -> list[str]:
    """What is assigned to ``self`` in its methods, and declared in its body."""
    assigned = [
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    ]
    declared = [
        each.target.id for each in node.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    ]
    return list(dict.fromkeys([*declared, *assigned]))
