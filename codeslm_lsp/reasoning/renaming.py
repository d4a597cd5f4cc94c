"""A Python file before and after one variable got another name → whether that is all that has happened.

Asked of Python's own parser and symbol tables, which know nothing of the rules by which the places were found.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator

from codeslm_lsp.reasoning.python_ast import parse_python

_IDENTIFIERS = {
    "Name": ("id",),
    "arg": ("arg",),
    "keyword": ("arg",),
    "FunctionDef": ("name",),
    "AsyncFunctionDef": ("name",),
    "ClassDef": ("name",),
    "alias": ("asname",),
    "ExceptHandler": ("name",),
    "MatchAs": ("name",),
    "MatchStar": ("name",),
    "MatchMapping": ("rest",),
    "Global": ("names",),
    "Nonlocal": ("names",),
}
"""Where the abstract grammar (of ``ast``) holds names of variables. An attribute is none."""

_Symbols = dict[str, tuple[bool, ...]]


def wrong_with_renaming(before: str, after: str, old: str, new: str) -> str:
    """A sentence on what else has changed, or ``""``."""
    trees = parse_python(before), parse_python(after)
    if trees[0] is None or trees[1] is None:
        return "The file does not parse."
    if _modulo(trees[0], old, new) != _modulo(trees[1], old, new):
        return "More than the name would change."
    try:
        tables = [list(_tables(symtable.symtable(text, "file", "exec"))) for text in (before, after)]
    except (SyntaxError, ValueError, RecursionError):
        return "Python does not accept the names."
    was, now = ([_symbols(each) for each in found] for found in tables)
    if len(was) != len(now) or not all(_same(left, right, old, new) for left, right in zip(was, now, strict=True)):
        return f"'{new}' would mean something else somewhere, or '{old}' is left over."
    for left, right in zip(was, now, strict=True):
        for name in (old, new):
            if _is_global(right.get(name)) and _binds(was[0], name) != _binds(now[0], name) and name in left:
                return f"'{name}' would mean something else somewhere."
    return ""


def _modulo(tree: ast.Module, old: str, new: str) -> str:
    """The tree in which both names are the same."""
    for node in ast.walk(tree):
        for field in _IDENTIFIERS.get(type(node).__name__, ()):
            value = getattr(node, field)
            if isinstance(value, list):
                setattr(node, field, [old if each == new else each for each in value])
            elif value == new:
                setattr(node, field, old)
    return ast.dump(tree)


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """A table and those inside it, outer before inner, in the order of the file."""
    yield table
    for each in table.get_children():
        yield from _tables(each)


def _symbols(table: symtable.SymbolTable) -> _Symbols:
    return {
        each.get_name(): (
            *(each.is_global(), each.is_declared_global(), each.is_local(), each.is_free(), each.is_nonlocal()),
            *(each.is_parameter(), each.is_imported(), each.is_assigned()),
        )
        for each in table.get_symbols()
    }


def _same(was: _Symbols, now: _Symbols, old: str, new: str) -> bool:
    """Whether one table says the same of all names, the renamed one perhaps under its new name."""
    both = {old, new}
    if {k: v for k, v in was.items() if k not in both} != {k: v for k, v in now.items() if k not in both}:
        return False
    is_unchanged = (was.get(old), was.get(new)) == (now.get(old), now.get(new))
    return is_unchanged or (new not in was and old not in now and was.get(old) == now.get(new))


def _is_global(symbol: tuple[bool, ...] | None) -> bool:
    return symbol is not None and symbol[0]


def _binds(module: _Symbols, name: str) -> bool:
    """Whether the file itself gives the name a meaning."""
    symbol = module.get(name)
    return symbol is not None and any(symbol[5:])
