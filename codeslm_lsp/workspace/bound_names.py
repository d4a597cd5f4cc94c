"""Source of a Python module, or of its stub → the names that it binds at its top. Runs nothing of it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_WRITES_NAMES = re.compile(
    r"\b(?:globals|vars|locals)\(\s*\)|\bmodules\[|\bexec\(|\b_convert_\(|\bglobal_enum\b|\b__dict__\b"
)
"""What a module that gives itself names by other means than binding them contains; ``enum`` has two such ways."""

_Star = tuple[str, int]


@dataclass(frozen=True, slots=True)
class BoundNames:
    """What the top of one file binds, in whatever branch: what another platform or version has is not made up either.

    ``stars`` are the modules whose names it all takes, and how many dots stand before them. ``is_dynamic``: it may have
    other names as well, likely such as it has as strings, which are among ``names`` then.
    """

    names: frozenset[str]
    stars: frozenset[_Star]
    is_dynamic: bool


def bound_names(source: bytes) -> BoundNames | None:
    """``import a.b; from c import *; def d(): ...`` → names a and d, stars c; None for what does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names: set[str] = set()
    stars: set[_Star] = set()
    is_dynamic = _WRITES_NAMES.search(source.decode("utf-8", errors="replace")) is not None
    left: list[ast.AST] = [tree]
    while left:
        match node := left.pop():
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
                names.update(name for each in ast.walk(node) if isinstance(each, ast.Global) for name in each.names)
                continue
            case ast.Import():
                names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.ImportFrom() if node.names[0].name == "*":
                stars.add((node.module or "", node.level))
            case ast.ImportFrom():
                names.update(alias.asname or alias.name for alias in node.names)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Call(func=ast.Name(id="setattr")):
                is_dynamic = True
        left.extend(ast.iter_child_nodes(node))
    is_dynamic = is_dynamic or "__getattr__" in names
    if is_dynamic:
        names.update(text for text in _strings(tree) if text.isidentifier())
    return BoundNames(frozenset(names), frozenset(stars), is_dynamic)


def _strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                yield text
