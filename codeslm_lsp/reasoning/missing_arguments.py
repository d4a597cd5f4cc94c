"""Calls in tests that leave out what has to be given → the same with plain values for it, as annotations ask for them.

Small models name the arguments that a test is about, and forget the others.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from codeslm_lsp.reasoning.needed import Definitions
from codeslm_lsp.reasoning.python_ast import FunctionNode, parse_python, span_of

MAX_DEPTH = 3
"""Of objects that are made of objects."""

_PLAIN = {"int": "1", "float": "1.0", "bool": "True", "None": "None", "Any": "None", "object": "None"}
_EMPTY = {
    **dict.fromkeys(("list", "List", "Sequence", "Iterable", "Collection"), "[]"),
    **dict.fromkeys(("dict", "Dict", "Mapping", "MutableMapping"), "{}"),
    **dict.fromkeys(("set", "Set", "frozenset", "FrozenSet"), "set()"),
    **dict.fromkeys(("tuple", "Tuple"), "()"),
}


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    annotation: ast.expr | None
    is_required: bool
    by_place: bool = True


def with_missing_arguments(text: str, known: Definitions) -> str:
    """Calls of what the project defines once, at the top of a file; others are left as they are.

    So are those that are expected to raise something.
    """
    tree = parse_python(text)
    if tree is None:
        return text
    raising = [each for each in ast.walk(tree) if isinstance(each, ast.With) and "raises" in ast.unparse(each.items[0])]
    left = {id(each) for block in raising for each in ast.walk(block)}
    insertions = []
    for node in ast.walk(tree):
        if id(node) not in left and isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            added = _missing(node, node.func.id, known)
            if added:
                insertions.append((span_of(text, node)[1] - 1, added))
    for place, added in sorted(insertions, reverse=True):
        before = text[:place].rstrip()
        comma = "" if before.endswith(("(", ",")) else ","
        text = f"{before}{comma}{'' if before.endswith('(') else ' '}{added}{text[place:]}"
    return text


def _missing(call: ast.Call, name: str, known: Definitions) -> str:
    """``b=1, c=[]``: what is to be added, or ``""`` where nothing is missing or a value cannot be thought up."""
    if any(isinstance(each, ast.Starred) for each in call.args) or any(each.arg is None for each in call.keywords):
        return ""
    return _arguments(name, known, {each.arg for each in call.keywords if each.arg}, len(call.args), 0) or ""


def _arguments(name: str, known: Definitions, given: set[str], n_placed: int, depth: int) -> str | None:
    """``None`` where a value cannot be thought up."""
    parameters = list(_parameters(name, known))
    placed = {each.name for each in [each for each in parameters if each.by_place][:n_placed]}
    added = []
    for each in parameters:
        if not each.is_required or each.name in given or each.name in placed:
            continue
        value = _value(each.annotation, each.name, known, depth)
        if value is None:
            return None
        added.append(f"{each.name}={value}")
    return ", ".join(added)


def _parameters(name: str, known: Definitions) -> Iterator[_Parameter]:
    found = known.of(name)
    if isinstance(found, ast.ClassDef):
        made = [each for each in found.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        if made:
            yield from [*_of_function(made[0])][1:]
        elif _has_fields(found):
            for each in found.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    yield _Parameter(each.target.id, each.annotation, each.value is None)
    elif found is not None:
        yield from _of_function(found)


def _of_function(node: FunctionNode) -> Iterator[_Parameter]:
    placed = [*node.args.posonlyargs, *node.args.args]
    n_required = len(placed) - len(node.args.defaults)
    for number, each in enumerate(placed):
        yield _Parameter(each.arg, each.annotation, number < n_required)
    for each, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        yield _Parameter(each.arg, each.annotation, default is None, by_place=False)


def _has_fields(node: ast.ClassDef) -> bool:
    """Whether its annotated names are what it is made of: a dataclass, a ``NamedTuple``, a model of pydantic."""
    marks = [*node.decorator_list, *node.bases]
    return any(mark in ast.unparse(each) for each in marks for mark in ("dataclass", "NamedTuple", "BaseModel"))


def _value(annotation: ast.expr | None, name: str, known: Definitions, depth: int) -> str | None:
    """Something plain of that type, in Python; ``None`` where that is not known."""
    match annotation:
        case ast.Constant(value=None):
            return "None"
        case ast.Constant(value=str(text)):
            quoted = parse_python(text)
            inner = quoted.body[0] if quoted is not None and quoted.body else None
            return _value(inner.value, name, known, depth) if isinstance(inner, ast.Expr) else None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            options = [_value(each, name, known, depth) for each in (right, left)]
            return "None" if "None" in options else next((each for each in options if each is not None), None)
        case ast.Subscript(value=ast.Name(id="Optional")):
            return "None"
        case ast.Subscript(value=value):
            return _EMPTY.get(ast.unparse(value).rpartition(".")[2])
        case ast.Name(id="str"):
            return repr(name)
        case ast.Name(id="bytes"):
            return repr(name.encode())
        case ast.Name(id=kind):
            return _PLAIN.get(kind) or _EMPTY.get(kind) or _made(kind, known, depth)
        case _:
            return None


def _made(kind: str, known: Definitions, depth: int) -> str | None:
    """An object of a class of the project."""
    found = known.of(kind)
    if not isinstance(found, ast.ClassDef) or depth >= MAX_DEPTH:
        return None
    if any("Enum" in ast.unparse(base) for base in found.bases):
        targets = [target for each in found.body if isinstance(each, ast.Assign) for target in each.targets]
        members = [target.id for target in targets if isinstance(target, ast.Name)]
        return f"{kind}.{members[0]}" if members else None
    arguments = _arguments(kind, known, set(), 0, depth + 1)
    return f"{kind}({arguments})" if arguments is not None else None
