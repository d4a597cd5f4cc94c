"""Two versions of a Python function → whether they do the same on inputs that Hypothesis makes, as one line of JSON.

A script that imports nothing of codeslm: it runs in the sandbox, in the copy of the project, beside two files that hold
one version each. Both get the names of the function's own module. What a function calls by ``self`` is the project's.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import importlib
import inspect
import io
import json
import math
import os
import resource
import signal
import sys
import time
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.machinery import SourceFileLoader
from itertools import islice
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, InvalidArgument, Unsatisfiable

CALL_S = 0.5
"""Processor time of one call. A function of which many inputs take longer is not simplified for its looks."""

SHRINK_S = 5.0
"""Processor time in which a smaller input is looked for that shows the difference too."""

MEMORY_BYTES = 1 << 30
"""What may be mapped, so that a list of a thousand million items is an error and not the end of the run."""

MAX_ITEMS = 200
"""Of what a generator yields."""

MAX_SHOWN = 300
"""Characters of a value that is reported."""

N_PROBES = 600
"""Inputs by which it is found out what kinds of values parameters without annotations take at all."""

TRIED_ANYWAY = 0.1
"""Share of inputs of any kinds beside those that were taken: there errors are compared."""

COMMON = ("ints", "int", "strs", "str", "rows", "floats", "float", "bool", "dict", "pairs", "none")
"""Kinds, what functions are mostly written for first: other languages need not take all that Python does."""

MISSING = object()
"""Stands for a parameter that is left to its default."""


class OutOfTimeError(BaseException):
    """A call took too long. No ``Exception``, so that a function does not catch it."""


class EnoughError(BaseException):
    """Nothing more is to be tried."""


class DifferenceError(Exception):
    """What Hypothesis is told to find, and to make small."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended: ``kind`` is "returns", "raises" or "skipped"; ``value`` what it gave, or the exception's type.

    ``arguments`` are those it was given, as they are afterwards; ``said`` what it printed.
    """

    kind: str
    value: Any
    arguments: Any = None
    said: str = ""

    def shown(self) -> str:
        """In a few words."""
        if self.kind == "skipped":
            return f"does not end within {CALL_S} s, or takes too much memory"
        what = self.value.__name__ if self.kind == "raises" else short(self.value)
        said = f" and prints {short(self.said)}" if self.said else ""
        return f"{self.kind} {what}{said}"


def main() -> None:
    """The job, as JSON in the first argument: module, owner, name, n_examples, max_skipped, small, whether to compare.

    Where nothing is to be compared, ``examples`` are arguments by position with what the function returns for them.
    """
    job = json.loads(sys.argv[1])
    report = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    signal.signal(signal.SIGPROF, _out_of_time)
    sys.path[:0] = [str(Path.cwd()), str(Path.cwd() / "src")]
    result = Comparison(job).result()
    print(json.dumps(result), file=report, flush=True)
    os._exit(0)  # Threads that the function has started are not waited for.


class Comparison:
    """One comparison, and what it has found so far."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self._job = job
        self._n = self._n_returned = self._n_skipped = 0
        self._raised: Counter[str] = Counter()
        self._difference: dict[str, str] | None = None
        self._unsteady = ""
        self._found_s = 0.0
        self._examples: list[dict[str, Any]] = []
        self._taken: list[tuple[str, ...]] = []

    def result(self) -> dict[str, Any]:
        """What is reported; ``error`` says why nothing could be compared."""
        error = ""
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                self._compare()
        except (DifferenceError, EnoughError):
            pass
        except Unsatisfiable:
            error = "no inputs could be made for its parameters"
        except BaseException as reason:
            error = f"{type(reason).__name__}: {str(reason)[:MAX_SHOWN]}"
        return {
            "n": self._n,
            "n_returned": self._n_returned,
            "n_skipped": self._n_skipped,
            "stopped": self._n_skipped > self._job["max_skipped"],
            "raised": dict(self._raised.most_common()),
            "difference": self._difference,
            "unsteady": self._unsteady,
            "examples": self._examples,
            "error": error if self._difference is None and not self._unsteady else "",
        }

    def _compare(self) -> None:
        job = self._job
        module = importlib.import_module(job["module"])
        before = load(module, "codeslm_before.py", job["owner"], job["name"])
        after = load(module, "codeslm_after.py", job["owner"], job["name"]) if job["compare"] else None
        makers = Inputs(before, module, job["owner"], small=job["small"])
        if makers.free:
            self._probe(before, makers)
            if after is None:
                self._taken = sorted(self._taken, key=lambda kinds: [COMMON.index(kind) for kind in kinds])[:1]

        @settings(max_examples=job["n_examples"], **QUIETLY)
        @given(st.data())
        def agree(data: st.DataObject) -> None:
            kinds = makers.kinds_among(self._taken, data, TRIED_ANYWAY if after is not None else 0.0)
            if (given_to := makers.draw(data, kinds)) is not None:
                if after is None:
                    self._remember(before, given_to, makers.signature)
                else:
                    self._try(before, after, given_to, makers.signature)

        agree()

    def _probe(self, before: Callable[..., Any], makers: Inputs) -> None:
        """Remember the kinds of values that the function takes."""
        taken: Counter[tuple[str, ...]] = Counter()

        @settings(max_examples=N_PROBES, **{**QUIETLY, "phases": [Phase.generate]})
        @given(st.data())
        def probe(data: st.DataObject) -> None:
            kinds = makers.kinds_among([], data, 0.0)
            given_to = makers.draw(data, kinds)
            if given_to is not None and call(before, given_to, makers.signature).kind == "returns":
                taken[kinds] += 1

        probe()
        self._taken = [kinds for kinds, _ in taken.most_common()]

    def _remember(self, before: Callable[..., Any], given_to: dict[str, Any], signature: Any) -> None:
        """Keep a call as an example, if JSON can say what goes in and comes out, and other languages count it alike."""
        outcome = call(before, given_to, signature)
        if outcome.kind != "returns" or any(each is MISSING for each in given_to.values()):
            return
        example = {"arguments": _call_with(given_to, signature)[0], "result": outcome.value}
        try:
            written = json.dumps(example, allow_nan=False, ensure_ascii=False)
        except (ValueError, TypeError):
            return
        if json.loads(written) == _listed(example) and max(written) <= "\uffff":
            self._examples.append(json.loads(written))

    def _try(
        self, before: Callable[..., Any], after: Callable[..., Any], given_to: dict[str, Any], signature: Any
    ) -> None:
        if self._difference is not None and time.process_time() - self._found_s > SHRINK_S:
            raise EnoughError
        old = call(before, given_to, signature)
        again = call(before, given_to, signature) if old.kind != "skipped" else old
        shown = ", ".join(f"{name}={short(value)}" for name, value in given_to.items() if value is not MISSING)
        if "skipped" in (old.kind, again.kind):
            self._n_skipped += 1
            if self._n_skipped > self._job["max_skipped"]:
                raise EnoughError
            return
        if not alike(old, again):
            self._unsteady = shown
            raise DifferenceError
        new = call(after, given_to, signature)
        is_first = self._difference is None
        if is_first:
            self._found_s = time.process_time()
            self._n += 1
            self._n_returned += old.kind == "returns"
            if old.kind == "raises":
                self._raised[old.value.__name__] += 1
        if not alike(old, new):
            before_is, after_is = old.shown(), new.shown()
            if before_is == after_is and not same(old.arguments, new.arguments):
                before_is = f"leaves its arguments as {short(old.arguments)}"
                after_is = f"leaves them as {short(new.arguments)}"
            elif before_is == after_is:
                before_is += f" ({type(old.value).__name__})"
                after_is += f" ({type(new.value).__name__})"
            self._difference = {"input": shown, "before": before_is, "after": after_is}
            if new.kind == "skipped":
                raise EnoughError  # Smaller inputs are not looked for: each would take as long.
            raise DifferenceError


QUIETLY: dict[str, Any] = {
    "derandomize": True,
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "verbosity": Verbosity.quiet,
    "phases": [Phase.generate, Phase.shrink],
    "report_multiple_bugs": False,
    "print_blob": False,
}
"""The same inputs every time, nothing kept, nothing said."""


def load(module: types.ModuleType, file: str, owner: str, name: str) -> Callable[..., Any]:
    """The version of the function in ``file``, in a copy of its module's names."""
    copied = types.ModuleType(module.__name__)
    vars(copied).update(vars(module))
    SourceFileLoader(module.__name__, str(Path(file).absolute())).exec_module(copied)
    if not owner:
        found = vars(copied)[name]
    else:
        found = vars(vars(copied)[owner])[name]
        vars(copied)[owner] = vars(module)[owner]
    if isinstance(found, property):
        found = found.fget
    found = getattr(found, "__func__", found)
    if not callable(found):
        raise TypeError(f"{name} is not called like a function")
    return typing.cast("Callable[..., Any]", found)


class Inputs:
    """A function's signature → strategies for its arguments; ``free`` are the parameters that say nothing of theirs."""

    def __init__(self, function: Callable[..., Any], module: types.ModuleType, owner: str, *, small: bool) -> None:
        self.signature = inspect.signature(function)
        own = inspect.unwrap(function)
        constants = set(_constants(own.__code__, own.__doc__)) if inspect.isfunction(own) else set()
        self._kinds = kinds_of_values(constants, small=small)
        for kind, its_type in (("int", int), ("float", float), ("str", str)):
            # Only when it is asked for: the characters of text take a second to list, which numbers do not need.
            st.register_type_strategy(its_type, partial(_always, self._kinds[kind]))
        hints = _hints(own, module)
        self._strategies: dict[str, st.SearchStrategy[Any] | None] = {}
        for number, name in enumerate(self.signature.parameters):
            if owner and number == 0 and name in ("self", "cls"):
                its_class = vars(module)[owner]
                self._strategies[name] = st.from_type(its_class) if name == "self" else st.just(its_class)
            else:
                self._strategies[name] = _strategy(hints.get(name, object))
        self.free = [name for name, strategy in self._strategies.items() if strategy is None]

    def kinds_among(self, taken: list[tuple[str, ...]], data: st.DataObject, share: float) -> tuple[str, ...]:
        """A kind of value for each free parameter: such as were taken before, but for a ``share``; else often alike."""
        if not self.free:
            return ()
        if taken and data.draw(st.floats(0, 1)) >= share:
            return data.draw(st.sampled_from(taken))
        one = st.sampled_from(list(self._kinds))
        alike = one.map(lambda kind: (kind,) * len(self.free))
        return data.draw(st.one_of(alike, st.tuples(*[one] * len(self.free))))

    def draw(self, data: st.DataObject, kinds: tuple[str, ...]) -> dict[str, Any] | None:
        """Arguments by the parameters' names, some left to their defaults; ``None`` where they cannot be made."""
        kind_of = dict(zip(self.free, kinds, strict=True))
        drawn: dict[str, Any] = {}
        for name, parameter in self.signature.parameters.items():
            strategy = self._strategies[name] or self._kinds[kind_of[name]]
            if parameter.kind is parameter.VAR_POSITIONAL:
                strategy = st.lists(strategy, max_size=3)
            elif parameter.kind is parameter.VAR_KEYWORD:
                named = st.dictionaries(st.sampled_from(["alpha", "zeta", "key"]), strategy, max_size=2)
                strategy = st.one_of(st.just({}), named)
            elif parameter.default is not parameter.empty:
                strategy = st.one_of(st.just(MISSING), strategy)
            try:
                drawn[name] = data.draw(strategy)
            except HypothesisException:
                raise
            except Exception:
                return None  # A class that does not take what its annotations promise.
        return drawn


def kinds_of_values(constants: set[Any], *, small: bool) -> dict[str, st.SearchStrategy[Any]]:
    """Plain values by kind. What stands as a constant in the function, and beside it, is likelier to matter."""
    whole_ones = [each for each in constants if type(each) is int and (abs(each) < 10**6 or not small)]
    near = [each + step for each in whole_ones for step in (-1, 0, 1)]
    words = [each for each in constants if isinstance(each, str) and len(each) < 50]
    numbers = [float(each) for each in constants if type(each) in (int, float) and abs(each) < 1e300]
    ints = [st.integers(-10, 10), st.integers(-1000, 1000), *([] if small else [st.integers()])]
    texts = [st.text(max_size=12), st.text("abcABC019 .,-_/\n\t", max_size=12)]
    whole = st.one_of(*ints, *([st.sampled_from(sorted(near))] if near else []))
    real = st.one_of(st.floats(), st.floats(-100, 100), *([st.sampled_from(sorted(numbers))] if numbers else []))
    parts = [st.sampled_from(sorted(words))] if words else []
    text = st.one_of(*texts, *parts, *([st.lists(st.one_of(*parts, *texts), max_size=4).map("".join)] if parts else []))
    return {
        "int": whole,
        "str": text,
        "float": real,
        "ints": st.lists(whole, max_size=6),
        "strs": st.lists(text, max_size=6),
        "floats": st.lists(real, max_size=6),
        "dict": st.dictionaries(text, st.one_of(whole, text), max_size=4),
        "pairs": st.lists(st.tuples(text, whole), max_size=4),
        "rows": st.lists(st.lists(whole, max_size=4), max_size=4),
        "bool": st.booleans(),
        "none": st.none(),
    }


def call(function: Callable[..., Any], given_to: Mapping[str, Any], signature: inspect.Signature) -> Outcome:
    """Call it with a copy of these arguments."""
    try:
        arguments = copy.deepcopy({name: value for name, value in given_to.items() if value is not MISSING})
    except Exception:
        return Outcome("skipped", None)
    positional, named = _call_with(arguments, signature)
    said = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, CALL_S)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            # A copy, since a later call may change what this one has returned.
            value = _copied(_all_of(function(*positional, **named)))
        return Outcome("returns", value, arguments, said.getvalue())
    except (OutOfTimeError, MemoryError, RecursionError):
        return Outcome("skipped", None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Outcome("raises", type(error), arguments, said.getvalue())
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _call_with(arguments: Mapping[str, Any], signature: inspect.Signature) -> tuple[list[Any], dict[str, Any]]:
    """As many by position as come before the first that is left out."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    by_position = True
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional += arguments[name] if by_position else []
            by_position = False
        elif parameter.kind is parameter.VAR_KEYWORD:
            named.update({key: value for key, value in arguments[name].items() if key not in signature.parameters})
        elif name not in arguments:
            by_position = False
        elif by_position and parameter.kind is not parameter.KEYWORD_ONLY:
            positional.append(arguments[name])
        elif parameter.kind is not parameter.POSITIONAL_ONLY:
            named[name] = arguments[name]
    return positional, named


def _all_of(value: Any) -> Any:
    """A coroutine's result, and what a generator yields."""
    if inspect.iscoroutine(value):
        return _all_of(asyncio.run(value))
    if inspect.isgenerator(value):
        return ("yields", *islice(value, MAX_ITEMS))
    if isinstance(value, Iterator) and not isinstance(value, io.IOBase):
        return (type(value).__name__, *islice(value, MAX_ITEMS))
    return value


def _copied(value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception:
        return value  # A generator, a lock: compared as it is.


def alike(old: Outcome, new: Outcome) -> bool:
    """Whether two calls did the same."""
    ended = old.kind == new.kind and old.said == new.said and same(old.arguments, new.arguments)
    return ended and (old.value is new.value if old.kind == "raises" else same(old.value, new.value))


def same(left: Any, right: Any, depth: int = 0) -> bool:
    """Equal and of the same types all the way down; NaN equals NaN, as 0.0 does -0.0."""
    if type(left) is not type(right) or depth > 50:
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(lambda a, b: same(a, b, depth + 1), left, right))
    if isinstance(left, dict):
        return same(list(left.items()), list(right.items()), depth + 1)
    if left is right:
        return True
    equals: Any = type(left).__eq__
    if equals is not object.__eq__:
        return bool(left == right)
    if isinstance(left, types.FunctionType) or not hasattr(left, "__dict__"):
        raise TypeError(f"nothing tells whether two values of the type {type(left).__name__} are the same")
    return same(vars(left), vars(right), depth + 1)


def _listed(value: Any) -> Any:
    """The same with lists for tuples."""
    if isinstance(value, (list, tuple)):
        return [_listed(each) for each in value]
    return {key: _listed(each) for key, each in value.items()} if isinstance(value, dict) else value


def short(value: Any) -> str:
    """A value as source, or the beginning of that."""
    try:
        shown = value if isinstance(value, str) and "\n" not in value and len(value) > MAX_SHOWN else repr(value)
    except Exception:
        shown = f"<{type(value).__name__}>"
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"


def _constants(code: types.CodeType, docstring: str | None) -> Iterator[Any]:
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _constants(each, None)
        elif isinstance(each, (tuple, frozenset)):
            yield from (part for part in each if isinstance(part, (int, float, str)))
        elif isinstance(each, (int, float)) or (isinstance(each, str) and each != docstring):
            yield each


def _hints(function: Callable[..., Any], module: types.ModuleType) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function, {**vars(module)})
    except Exception:
        return {}


def _strategy(hint: Any) -> st.SearchStrategy[Any] | None:
    """Of an annotation; ``None`` for one that says nothing, or that Hypothesis has no values for."""
    if hint in (object, Any, None, type(None)):
        return None
    try:
        strategy = st.from_type(hint)
        strategy.validate()
    except (HypothesisException, InvalidArgument, TypeError, NameError, AttributeError):
        return None
    return strategy


def _always(strategy: st.SearchStrategy[Any], _type: type) -> st.SearchStrategy[Any]:
    return strategy


def _out_of_time(*_: Any) -> None:
    raise OutOfTimeError


if __name__ == "__main__":
    main()
