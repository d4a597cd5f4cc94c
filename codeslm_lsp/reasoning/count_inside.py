"""A function of a module → how many instructions it takes for inputs of several sizes, as one line of JSON.

A script that imports nothing of codeslm; it runs in the sandbox. Python's instructions are counted, in the function and
in all that it calls. What C does, such as sorting, is counted by what it does with the items: they are numbers whose
comparisons, hashes and sums are Python functions.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import operator
import os
import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

MAX_INSTRUCTIONS = 3_000_000
"""Of one call: some seconds while each is counted."""

MAX_S = 20.0
"""Of processor time, for all calls."""

MAX_ITEMS = 200_000
"""Of one input, the items of its items included."""

SIZES = [2**power for power in range(2, 17)]
SMALL_SIZES = list(range(2, 30))
"""For what grows so fast that few sizes of the others can be run."""

LEAST_SIZES, LEAST_TOP = 4, 32

FIRST_SIZE = 8
"""At which it is tried which kinds of values a function takes."""

MAX_TRIED = 400

GOLDEN = 0.618
"""Numbers in this ratio are the worst for Euclid's algorithm (G. Lamé, 1844)."""


class TooMuchError(BaseException):
    """A call took more instructions than are counted."""


class Counted(int):
    """A number whose use costs instructions that are seen, also where C uses it."""

    def __hash__(self) -> int:
        return int.__hash__(self)


def _make(name: str) -> Callable[..., Any]:
    plain = getattr(int, name)
    gives_number = name not in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")

    def counted(self: Counted, other: Any) -> Any:
        result = plain(self, other)
        return Counted(result) if gives_number and type(result) is int else result

    return counted


for _each in ("lt", "le", "gt", "ge", "eq", "ne", "add", "radd", "sub", "rsub", "mul", "rmul", "floordiv", "mod"):
    setattr(Counted, f"__{_each}__", _make(f"__{_each}__"))


def main() -> None:
    """Module, owner and name are the arguments."""
    report = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.path[:0] = [str(Path.cwd()), str(Path.cwd() / "src")]
    sys.setrecursionlimit(20_000)
    try:
        result = measured(*sys.argv[1:])
    except BaseException as error:
        result = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(result), file=report, flush=True)
    os._exit(0)


def measured(module_name: str, owner: str, name: str) -> dict[str, Any]:
    """Sizes, and the most instructions that an input of each took."""
    module = importlib.import_module(module_name)
    if owner:
        found = inspect.getattr_static(vars(module)[owner], name)
        function = getattr(
            vars(module)[owner] if isinstance(found, (staticmethod, classmethod)) else vars(module)[owner](), name
        )
    else:
        function = vars(module)[name]
    kinds = kinds_for(function)
    if kinds is None:
        return {"error": "no inputs were found that it takes"}
    deadline = time.process_time() + MAX_S
    counts = counted(function, kinds, SIZES, deadline)
    if len(counts) < LEAST_SIZES or max(counts) < LEAST_TOP:
        counts = counted(function, kinds, SMALL_SIZES, deadline)
    return {"sizes": list(counts), "counts": list(counts.values()), "kinds": kinds}


def kinds_for(function: Callable[..., Any]) -> dict[str, str] | None:
    """A kind of value for each parameter that needs one, so that the function returns."""
    required = [
        each for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]  # fmt: skip
    if not required:
        optional = list(inspect.signature(function).parameters.values())
        required = [each for each in optional if each.kind is each.POSITIONAL_OR_KEYWORD]
    choices = [_kinds_of(each) for each in required]
    for chosen in islice(itertools.product(*choices), MAX_TRIED):
        kinds = {each.name: kind for each, kind in zip(required, chosen, strict=True)}
        try:
            instructions(function, next(iter(inputs(kinds, FIRST_SIZE))))
        except (Exception, TooMuchError):
            continue
        return kinds
    return None


def _kinds_of(parameter: inspect.Parameter) -> list[str]:
    """What an annotation asks for; without one, everything in turn."""
    given = parameter.annotation
    if given is parameter.empty:
        return ["items", "number", "text", "texts", "rows", "graph", "items_by_number", "set"]
    written = given if isinstance(given, str) else inspect.formatannotation(given)
    written = written.lower().rpartition("typing.")[2] if written.count("[") == 0 else written.lower()
    if written in ("int", "float", "str", "bool"):
        return [{"int": "number", "float": "number", "str": "text", "bool": "yes"}[written]]
    if "dict" in written or "mapping" in written:
        return ["graph" if written.count("[") > 1 else "items_by_number", "items_by_number", "graph"]
    if "set" in written and "[" in written:
        return ["set"]
    inner = written.partition("[")[2]
    if inner:
        return ["texts" if "str" in inner else "rows" if "[" in inner else "items"]
    return ["items", "text", "number", "rows"]


def inputs(kinds: Mapping[str, str], n: int, *, exact: bool = False) -> Iterator[dict[str, Any]]:
    """Several inputs of one size: some functions take long only for sorted items, or for primes near n."""
    for shape in range(4):
        stream = random.Random(shape)
        numbers = 0
        made: dict[str, Any] = {}
        for name, kind in kinds.items():
            if kind == "number":
                value = n if exact else (n, n + 1, _prime(n), n - 1)[shape]
                made[name] = max(1, int(value * GOLDEN**numbers))
                numbers += 1
            else:
                made[name] = _value(kind, n, shape, stream)
        yield made


def _value(kind: str, n: int, shape: int, stream: random.Random) -> Any:
    items = list(range(n))
    if shape < 2:
        stream.shuffle(items)
    if shape == 3:
        items.reverse()
    letters = "abcdefgh" if shape < 3 else "a"
    match kind:
        case "text":
            return "".join(stream.choice(letters) for _ in range(n))
        case "texts":
            return ["".join(stream.choice(letters) for _ in range(n)) for _ in range(n)]
        case "rows":
            return [[Counted(each) for each in items] for _ in range(n)]
        case "graph":
            return {Counted(each): [Counted(other) for other in items] for each in items}
        case "items_by_number":
            return {Counted(each): Counted(each) for each in items}
        case "set":
            return set(map(Counted, items))
        case "yes":
            return shape % 2 == 0
    return [Counted(each) for each in items]


def _prime(n: int) -> int:
    while any(n % each == 0 for each in range(2, int(n**0.5) + 1)):
        n += 1
    return n


def counted(
    function: Callable[..., Any], kinds: Mapping[str, str], sizes: list[int], deadline: float
) -> dict[int, int]:
    """The most instructions for each size, as far as can be run."""
    found: dict[int, int] = {}
    is_square = any(kind in ("texts", "rows", "graph") for kind in kinds.values())
    for n in sizes:
        if time.process_time() > deadline or (n * n if is_square else n) > MAX_ITEMS:
            break
        try:
            counts = [each for each in _counts(function, kinds, n, exact=sizes is SMALL_SIZES) if each]
        except (TooMuchError, RecursionError, MemoryError):
            break
        if not counts:
            break
        found[n] = max(counts)
    return found


def _counts(function: Callable[..., Any], kinds: Mapping[str, str], n: int, *, exact: bool) -> Iterator[int]:
    """For each input of a size; 0 for one that the function does not take."""
    for each in inputs(kinds, n, exact=exact):
        try:
            yield instructions(function, each)
        except (RecursionError, MemoryError):
            raise
        except Exception:
            yield 0


def instructions(function: Callable[..., Any], arguments: Mapping[str, Any]) -> int:
    """How many a call takes, until what it gives has been gone through. Raises ``TooMuchError``."""
    n = 0

    def trace(frame: types.FrameType, event: str, _argument: Any) -> Any:
        nonlocal n
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            n += 1
            if n > MAX_INSTRUCTIONS:
                sys.settrace(None)
                raise TooMuchError
        return trace

    forget = getattr(function, "cache_clear", None)
    if forget is not None:
        forget()
    sys.settrace(trace)
    try:
        value = function(**arguments)
        if isinstance(value, Iterator):
            for _ in islice(value, MAX_ITEMS):
                operator.truth(value)
    finally:
        sys.settrace(None)
    return n


if __name__ == "__main__":
    main()
