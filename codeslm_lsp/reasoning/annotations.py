"""A Python function and another version of it → insertions of the annotations that only the other one has.

Nothing but annotations is taken over, so whatever else the other version does is lost.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codeslm_lsp.reasoning.passage import Passage
from codeslm_lsp.reasoning.python_ast import FunctionNode, offset_at, parameters_of, parse_python
from codeslm_lsp.reasoning.target import Target
from codeslm_lsp.reasoning.undefined import USUAL, import_statements, place_for_import
from codeslm_lsp.values import Edit
from codeslm_lsp.workspace.index import Index


@dataclass(frozen=True, slots=True)
class Annotated:
    """``edits`` lead to the annotated function; ``unknown`` are names in annotations that nothing defines.

    ``added`` are the annotations, by parameter, the result's as ``return``.
    """

    edits: tuple[Edit, ...]
    added: Mapping[str, str]
    unknown: tuple[str, ...]


def annotated(target: Target, version: FunctionNode, index: Index | None) -> Annotated:
    """The annotations of ``version`` that the target lacks, and imports for their names."""
    old = target.node
    assert old is not None, "the caller has looked whether it parses"
    wanted = {each.arg: each.annotation for each in parameters_of(version)}
    added: dict[str, ast.expr] = {}
    for each in _bare_parameters(old, is_method=bool(target.function.owner)):
        annotation = wanted.get(each.arg)
        if annotation is not None:
            added[each.arg] = annotation
    if old.returns is None and version.returns is not None:
        added["return"] = version.returns
    module = parse_python(target.document.text)
    known = _bound(module) if module is not None else {}
    is_lazy = "annotations" in known.get("__future__", ())
    shown: dict[str, str] = {}
    imports: dict[str, str] = {}
    unknown: list[str] = []
    for name, annotation in added.items():
        roots = set(_roots(annotation))
        for root in sorted(roots - known.keys() - set(dir(builtins))):
            statement = _import_of(root, target.passage, index)
            if statement is None:
                unknown.append(root)
            else:
                imports[root] = statement
        written = ast.unparse(annotation)
        later = any(root in known and root != "__future__" and _is_later(known[root], target) for root in roots)
        is_quoted = written.startswith(("'", '"'))
        shown[name] = f'"{written.replace(chr(34), chr(39))}"' if later and not is_lazy and not is_quoted else written
    edits = (*_imports(target, imports), *_insertions(target, old, shown))
    return Annotated(edits, shown, tuple(dict.fromkeys(unknown)))


def _bare_parameters(node: FunctionNode, *, is_method: bool) -> Iterator[ast.arg]:
    """Those without an annotation, but for the first of a method, which needs none."""
    for number, each in enumerate(parameters_of(node)):
        if each.annotation is None and not (is_method and number == 0 and each.arg in ("self", "cls")):
            yield each


def _insertions(target: Target, node: FunctionNode, shown: Mapping[str, str]) -> Iterator[Edit]:
    document, code = target.document, target.code
    shift = 1 if code[:1] in (" ", "\t") else 0  # ``function_node`` puts a line above what is indented.
    for each in parameters_of(node):
        if each.arg not in shown:
            continue
        offset = target.start + offset_at(code, (each.end_lineno or 1) - shift, each.end_col_offset or 0)
        default = re.match(r"\s*=\s*(?!=)", document.text[offset:])
        is_tight = default is not None and default[0] == "="
        text = f": {shown[each.arg]}" + (" = " if is_tight else "")
        yield Edit(document.uri, document.path, offset, offset + is_tight, text)
    if "return" in shown:
        colon = target.function.header_end - 1
        yield Edit(document.uri, document.path, colon, colon, f" -> {shown['return']}")


def _bound(module: ast.Module) -> dict[str, tuple[object, ...]]:
    """The names that a file binds at its top, each with the line where that is done (0 for an import)."""
    found: dict[str, tuple[object, ...]] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.asname or alias.name.partition(".")[0] for alias in node.names]
            found.update(dict.fromkeys(names, (0,)))
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                found["__future__"] = tuple(names)
    for statement in module.body:
        if isinstance(statement, ast.ClassDef):
            found[statement.name] = (statement.lineno, statement.end_lineno)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            found.update({each.id: (statement.lineno,) for each in targets if isinstance(each, ast.Name)})
    return found


def _is_later(lines: tuple[object, ...], target: Target) -> bool:
    """Whether a name does not exist yet where the function is defined: bound further down, or the class around it."""
    return any(isinstance(line, int) and line >= target.line for line in lines)


def _roots(annotation: ast.expr) -> Iterator[str]:
    """The names that an annotation begins with: ``collections.abc.Iterable["Box"]`` → collections, Box."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not _is_literal(annotation):
            inner = parse_python(node.value)
            for each in ast.walk(inner) if inner is not None else ():
                if isinstance(each, ast.Name):
                    yield each.id


def _is_literal(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "Literal" for node in ast.walk(annotation))


def _import_of(name: str, passage: Passage, index: Index | None) -> str | None:
    if name in collections.abc.__all__:
        return f"from collections.abc import {name}"
    if name in typing.__all__:
        return f"from typing import {name}"
    if name in USUAL:
        return None  # A package that the file does not use.
    return next(import_statements(name, passage.document.path, index), None)


def _imports(target: Target, statements: Mapping[str, str]) -> Iterator[Edit]:
    """One line for each module, among the other imports."""
    by_module: dict[str, list[str]] = {}
    lines: list[str] = []
    for name, statement in statements.items():
        module, _, imported = statement.partition(" import ")
        if imported == name:
            by_module.setdefault(module, []).append(name)
        else:
            lines.append(statement)
    lines += [f"{module} import {', '.join(sorted(names))}" for module, names in by_module.items()]
    document = target.document
    if lines:
        place = place_for_import(target.passage)
        yield Edit(document.uri, document.path, place, place, "".join(f"{line}\n" for line in sorted(lines)))
