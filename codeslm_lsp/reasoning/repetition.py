"""A while loop or a recursive call of Python → how often it comes again, by how its variables change."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from codeslm_lsp.reasoning.growth import LOG, ROOT, UNKNOWN, Growth, N
from codeslm_lsp.reasoning.sizes import Sizes, is_halved, name_of

Shrinking = Literal["half", "one", "unknown"]

_DIVIDES = ast.FloorDiv | ast.Div | ast.RShift | ast.Mult | ast.LShift


def repetitions(node: ast.While, values: Sizes) -> tuple[Growth, str]:
    """How often a while loop runs, and the end of a sentence that says why."""
    names = {each.id for each in ast.walk(node.test) if isinstance(each, ast.Name)}
    parts = [part for statement in node.body for part in ast.walk(statement)]
    for each in _augmented(parts, names):
        if isinstance(each.op, _DIVIDES):
            return LOG, f", since {name_of(each.target)} is multiplied or divided"
    for value in _assigned(parts, names):
        if is_halved(value, values.halves) or any(isinstance(part, ast.Mod) for part in ast.walk(value)):
            return LOG, ", since its range is divided each time"
        if any(isinstance(each, ast.Assign) and is_halved(each.value, set()) for each in parts):
            return LOG, ", since it halves a range"
    if any(isinstance(each.op, ast.Add | ast.Sub) for each in _augmented(parts, names)):
        return (ROOT, ", since a square is compared") if _has_square(node.test) else (N, "")
    for part in parts:
        match part:
            case ast.Call(func=ast.Attribute(attr="pop" | "popleft" | "popitem", value=ast.Name(id=taken_from))):
                if taken_from in names:
                    return N, ", if each item is put there once"
    return UNKNOWN, ""


def shrinking(call: ast.Call, values: Sizes) -> Shrinking:
    """How much smaller than its own the input is that a function calls itself with."""
    kinds: set[Shrinking] = set()
    for each in (*call.args, *(keyword.value for keyword in call.keywords)):
        cut = each.slice if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Slice) else None
        ends = [end for end in (cut.lower, cut.upper) if end is not None] if cut is not None else [each]
        if any(is_halved(end, values.halves) for end in ends):
            kinds.add("half")
        elif cut is not None or any(isinstance(part, ast.Sub) for part in ast.walk(each)):
            kinds.add("one")
    return "half" if "half" in kinds else "one" if kinds else "unknown"


def _augmented(parts: list[ast.AST], names: set[str]) -> Iterator[ast.AugAssign]:
    for each in parts:
        if isinstance(each, ast.AugAssign) and name_of(each.target) in names:
            yield each


def _assigned(parts: list[ast.AST], names: set[str]) -> Iterator[ast.expr]:
    """Values that variables of the loop's condition get."""
    for each in parts:
        if isinstance(each, ast.Assign):
            targets = [part for target in each.targets for part in ast.walk(target)]
            if names & {name_of(target) for target in targets}:
                yield each.value


def _has_square(test: ast.expr) -> bool:
    for each in ast.walk(test):
        match each:
            case ast.BinOp(left=ast.Name(id=left), op=ast.Mult(), right=ast.Name(id=right)) if left == right:
                return True
    return False
