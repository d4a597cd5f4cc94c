"""Variables of a Python function → how large their values are, as far as its syntax says."""

from __future__ import annotations

import ast
from fractions import Fraction

from codeslm_lsp.reasoning.growth import EXPONENTIAL, LOG, ONE, Growth, N
from codeslm_lsp.reasoning.python_ast import FunctionNode, parameters_of

_HASHED = ("set", "dict", "frozenset", "Counter", "defaultdict", "OrderedDict")


class Sizes:
    """``halves`` are variables that hold a half of something, such as the middle of a range."""

    def __init__(self, node: FunctionNode) -> None:
        self._sizes: dict[str, Growth] = {}
        self._hashed: set[str] = set()
        self.halves: set[str] = set()
        for each in parameters_of(node):
            annotation = ast.unparse(each.annotation) if each.annotation is not None else ""
            if each.arg not in ("self", "cls") and annotation not in ("bool", "None"):
                self._sizes[each.arg] = N
            if annotation.lower().startswith(("set", "dict", "frozenset", "mapping", "counter", "defaultdict")):
                self._hashed.add(each.arg)

    def bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for left, right in zip(target.elts, value.elts, strict=True):
                self.bind(left, right)
            return
        if isinstance(target, ast.Name):
            is_hashed = isinstance(value, ast.Set | ast.Dict | ast.SetComp | ast.DictComp)
            name = called(value)
            if is_hashed or name in ("set", "dict", "frozenset", "Counter", "defaultdict", "OrderedDict"):
                self._hashed.add(target.id)
            if is_halved(value, self.halves):
                self.halves.add(target.id)
        self.assign(target, self.of(value))

    def assign(self, target: ast.expr, size: Growth) -> None:
        """A variable takes a size; one that grows in a loop (``[]``, ``0``) is taken to become as large as n."""
        for each in ast.walk(target):
            if isinstance(each, ast.Name):
                known = self._sizes.get(each.id, ONE)
                self._sizes[each.id] = known | size

    def is_hashed(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._hashed
        return isinstance(node, ast.Set | ast.Dict) or called(node) in ("set", "frozenset", "keys")

    def length(self, node: ast.expr) -> Growth:
        """How many items iterating gives."""
        name = called(node)
        if isinstance(node, ast.Call):
            if name == "range":
                size = ONE
                for each in node.args:
                    size |= self.of(each)
                return size
            if name in ("combinations", "combinations_with_replacement") and len(node.args) == 2:
                r = node.args[1].value if isinstance(node.args[1], ast.Constant) else None
                return Growth(power=Fraction(r)) if isinstance(r, int) else EXPONENTIAL
            if name in ("permutations", "powerset"):
                return EXPONENTIAL
            if name == "product":
                repeat = next((each.value for each in node.keywords if each.arg == "repeat"), None)
                times = repeat.value if isinstance(repeat, ast.Constant) and isinstance(repeat.value, int) else 1
                return Growth(power=Fraction(len(node.args) * times)) if repeat is None or times > 1 else EXPONENTIAL
        return self.of(node)

    def of(self, node: ast.expr) -> Growth:
        """How large a value is: its length, or what a number comes to."""
        match node:
            case ast.Name(id=name):
                return self._sizes.get(name, ONE)
            case ast.Constant():
                return ONE
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self.of(left) * self.of(right)
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() | float() as power)):
                base = self.of(left)
                return Growth(power=base.power * Fraction(power).limit_denominator(4)) if base != ONE else ONE
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return EXPONENTIAL if self.of(right) != ONE else ONE
            case ast.BinOp(left=left, op=ast.FloorDiv() | ast.Div() | ast.RShift()):
                return self.of(left)
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return self.of(right)
            case ast.BinOp(left=left, right=right):
                return self.of(left) | self.of(right)
            case ast.UnaryOp(operand=operand):
                return self.of(operand)
            case ast.IfExp(body=body, orelse=orelse):
                return self.of(body) | self.of(orelse)
            case ast.Subscript(value=value, slice=ast.Slice() as cut):
                is_short = cut.upper is not None and self.of(cut.upper) == ONE and not _is_negative(cut.upper)
                return ONE if is_short else self.of(value)
            case ast.Subscript(value=value):
                return N if self.of(value) != ONE else ONE
            case ast.Attribute(value=value):
                return self.of(value)
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                times = ONE
                for each in node.generators:
                    times = times * self.length(each.iter)
                return times
            case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
                # What begins empty is mostly filled: with as many items as the loops around run.
                is_empty = not (node.keys if isinstance(node, ast.Dict) else node.elts)
                return N if is_empty else ONE
            case ast.Call():
                return self._result_size(node)
        return ONE

    def _result_size(self, node: ast.Call) -> Growth:
        name = called(node)
        size = ONE
        for each in node.args:
            size |= self.length(each)
        if name == "len" and node.args:
            return self.of(node.args[0])
        if name in ("isqrt", "sqrt"):
            return Growth(power=size.power / 2)
        if name in ("log", "log2", "bit_length", "log10"):
            return LOG if size != ONE or node.args == [] else ONE
        if name in ("set", "list", "dict", "deque", "defaultdict", "Counter") and not node.args:
            return N
        if isinstance(node.func, ast.Attribute):
            return self.of(node.func.value) | size
        return size


def is_halved(node: ast.expr, halves: set[str]) -> bool:
    """Whether an expression divides by a constant, or is made of a variable that does."""
    for each in ast.walk(node):
        match each:
            case ast.BinOp(op=ast.FloorDiv() | ast.RShift() | ast.Div(), right=ast.Constant()):
                return True
        if isinstance(each, ast.Name) and each.id in halves:
            return True
    return False


def name_of(node: ast.AST | None) -> str | None:
    return node.id if isinstance(node, ast.Name) else None


def called(node: ast.AST) -> str:
    """``heapq.heappush(…)`` → heappush."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else name_of(node.func) or ""


def _is_negative(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
