"""A Python function's syntax → how its work grows with the size of what it is given, and the places that say so.

An upper estimate by the shape of loops, recursion and calls of known cost. n is the length of parameters that are
collections or text, the value of those that are numbers, and the size of their items; all are taken to grow together.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from codeslm_lsp.reasoning.growth import EXPONENTIAL, LOG, ONE, UNKNOWN, Growth, N
from codeslm_lsp.reasoning.python_ast import FunctionNode
from codeslm_lsp.reasoning.repetition import repetitions, shrinking
from codeslm_lsp.reasoning.sizes import Sizes, called, name_of

MAX_DEPTH = 4
"""Functions of the file that call each other are followed so far."""

LINEAR = frozenset(
    {"sum", "min", "max", "any", "all", "list", "tuple", "set", "frozenset", "dict", "Counter", "deque", "heapify"}
    | {"deepcopy", "copy", "fsum", "prod", "join", "bytes", "bytearray", "accumulate", "gcd"}
)
"""Functions that look at each item of what they are given (https://wiki.python.org/moin/TimeComplexity)."""

LINEAR_METHODS = frozenset(
    {"count", "index", "remove", "insert", "copy", "extend", "reverse", "split", "replace", "strip", "find", "lower"}
    | {"upper", "join", "startswith", "translate", "update", "union", "intersection", "difference", "encode", "decode"}
)
LOGARITHMIC = frozenset({"heappush", "heappop", "heappushpop", "heapreplace", "bisect", "bisect_left", "bisect_right"})
SAME_SIZE = frozenset(
    {"sorted", "reversed", "enumerate", "zip", "map", "filter", "list", "set", "tuple", "iter", "abs"}
)
CACHES = frozenset({"cache", "lru_cache"})


@dataclass
class Estimate:
    """``growth`` in all, and the ``facts`` it comes from: a line, counted from the function's first, and a sentence."""

    growth: Growth = ONE
    facts: list[tuple[int, str]] = field(default_factory=list)


def estimate(node: FunctionNode, others: Mapping[str, FunctionNode]) -> Estimate:
    """How a function grows; ``others`` are functions of its file by their names."""
    return _Reader(node, others, MAX_DEPTH).read()


class _Reader:
    """Reads one function, statement by statement."""

    def __init__(self, node: FunctionNode, others: Mapping[str, FunctionNode], depth: int) -> None:
        self._node = node
        self._others = others
        self._depth = depth
        self._values = Sizes(node)
        self._n_calls = 0
        self._smaller: list[str] = []
        self.found = Estimate()

    def read(self) -> Estimate:
        work = self._block(self._node.body)
        self.found.growth = self._with_recursion(work)
        return self.found

    def _with_recursion(self, work: Growth) -> Growth:
        if not self._n_calls:
            return work
        decorators = {ast.unparse(each).partition("(")[0].rpartition(".")[2] for each in self._node.decorator_list}
        halves = self._smaller.count("half") == len(self._smaller)
        if self._smaller.count("unknown"):
            self._note(self._node, "It calls itself; how much smaller its input gets could not be told.")
            return work * UNKNOWN
        if decorators & CACHES:
            self._note(self._node, "It calls itself and remembers results, so each size is computed once.")
            return work * N
        if self._n_calls == 1:
            self._note(self._node, f"It calls itself once, with {'half the size' if halves else 'a size one smaller'}.")
            return (work if work.power else work * LOG) if halves else work * N
        if halves and self._n_calls == 2:
            self._note(self._node, "It calls itself twice with half the size.")
            return work * LOG if work.power == 1 else work if work.power > 1 else N
        self._note(self._node, f"It calls itself at {self._n_calls} places with sizes that are hardly smaller.")
        return EXPONENTIAL if not halves else UNKNOWN

    def _note(self, node: ast.AST, sentence: str) -> None:
        line = getattr(node, "lineno", self._node.lineno) - self._node.lineno + 1
        if (line, sentence) not in self.found.facts:
            self.found.facts.append((line, sentence))

    def _block(self, statements: Iterable[ast.stmt]) -> Growth:
        work = ONE
        for each in statements:
            work |= self._statement(each)
        return work

    def _statement(self, node: ast.stmt) -> Growth:
        match node:
            case ast.For() | ast.AsyncFor():
                once = self._work(node.iter)
                times = self._values.length(node.iter)
                self._values.assign(node.target, N if times != ONE else ONE)
                if times != ONE:
                    self._note(node, f"The loop over {_short(node.iter)} runs {_times(times)}.")
                return once | times * (self._block(node.body) | ONE) | self._block(node.orelse)
            case ast.While():
                times, why = repetitions(node, self._values)
                self._note(node, f"The loop while {_short(node.test)} runs {_times(times)}{why}.")
                return times * (self._block(node.body) | self._work(node.test)) | self._block(node.orelse)
            case ast.If():
                return self._work(node.test) | self._block(node.body) | self._block(node.orelse)
            case ast.Try():
                handlers = [statement for handler in node.handlers for statement in handler.body]
                return self._block([*node.body, *handlers, *node.orelse, *node.finalbody])
            case ast.With() | ast.AsyncWith():
                work = ONE
                for each in node.items:
                    work |= self._work(each.context_expr)
                return work | self._block(node.body)
            case ast.Match():
                return self._work(node.subject) | self._block([each for case in node.cases for each in case.body])
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._others = {**self._others, node.name: node}
                return ONE
            case ast.ClassDef():
                return ONE
            case ast.Assign(targets=targets, value=value):
                work = self._work(value)
                for target in targets:
                    self._values.bind(target, value)
                return work
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._values.bind(target, value)
                return self._work(value)
        work = ONE
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                work |= self._work(child)
        return work

    def _work(self, node: ast.expr | None) -> Growth:
        """What evaluating an expression once costs."""
        if node is None or isinstance(node, ast.Lambda):
            return ONE
        if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            return self._comprehension(node)
        work = ONE
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                work |= self._work(child)
            elif isinstance(child, ast.keyword):
                work |= self._work(child.value)
        if isinstance(node, ast.Compare):
            for operator, right in zip(node.ops, node.comparators, strict=True):
                if isinstance(operator, ast.In | ast.NotIn) and not self._values.is_hashed(right):
                    work |= self._told(node, f"'in {_short(right)}' looks at its items", self._values.length(right))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            work |= self._told(node, f"the slice {_short(node)} is a copy", self._values.of(node))
        elif isinstance(node, ast.Call):
            work |= self._call(node)
        return work

    def _told(self, node: ast.AST, what: str, growth: Growth) -> Growth:
        if growth != ONE:
            self._note(node, f"{what[:1].upper()}{what[1:]}: {growth}.")
        return growth

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Growth:
        times, once = ONE, ONE
        for each in node.generators:
            once |= times * self._work(each.iter)
            times = times * self._values.length(each.iter)
            self._values.assign(each.target, N if times != ONE else ONE)
            for test in each.ifs:
                once |= times * self._work(test)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._told(node, f"the comprehension over {_short(node.generators[0].iter)} runs", times)
        inner = ONE
        for part in parts:
            inner |= self._work(part)
        return once | times * inner

    def _call(self, node: ast.Call) -> Growth:
        name = called(node)
        size = ONE
        for each in node.args:
            size |= self._values.length(each)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name == self._node.name and (owner is None or name_of(owner) in ("self", "cls")):
            self._n_calls += 1
            self._smaller.append(shrinking(node, self._values))
            return ONE
        if name == "sorted" or (name == "sort" and owner is not None):
            items = node.args[0] if name == "sorted" and node.args else owner
            length = self._values.length(items) if items is not None else ONE
            return self._told(node, f"{name} sorts", length * LOG if length != ONE else ONE)
        if name in LOGARITHMIC:
            return self._told(node, f"{name} halves", LOG)
        is_lazy = any(isinstance(each, ast.GeneratorExp) for each in node.args)
        if name in LINEAR and not is_lazy and (owner is None or name == "join" or name_of(owner) is not None):
            if name == "gcd":
                return self._told(node, "gcd divides", LOG)
            return self._told(node, f"{name} looks at all items", size)
        if owner is not None and (name in LINEAR_METHODS or (name == "pop" and node.args and _is_zero(node.args[0]))):
            is_set = self._values.is_hashed(owner)
            length = ONE if is_set and name in ("remove", "pop") else self._values.length(owner) | size
            return self._told(node, f".{name} may go through all of {_short(owner)}", length)
        if owner is None and name in self._others and self._depth:
            inner = _Reader(self._others[name], self._others, self._depth - 1).read()
            return self._told(node, f"{name} is called", inner.growth) if size != ONE else ONE
        return ONE


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


def _times(growth: Growth) -> str:
    return "a number of times that could not be told" if growth.unknown else f"{str(growth)[2:-1]} times"


def _short(node: ast.AST) -> str:
    shown = ast.unparse(node)
    return f"`{shown if len(shown) <= 40 else shown[:39] + '…'}`"
