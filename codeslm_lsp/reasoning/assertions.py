"""Tests that a model wrote → each assertion tried by itself: one wrong value costs a test that assertion, not its life.

Small models know how to call a function and what to look at, and are often wrong about what it gives. Where it gives
something that can be written down, that takes the place of what was expected, and is told: such a test says what the
function does today, and notices when that changes.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from codeslm_lsp.reasoning.python_ast import function_node, span_of
from codeslm_lsp.reasoning.room import Room
from codeslm_lsp.reasoning.testing import run_tests
from codeslm_lsp.reasoning.written_tests import WrittenTests
from codeslm_lsp.syntax.lines import line_start

TRIAL = "test_codeslm_trial.py"

TODAY = "  # what it gives today"

MAX_VALUE = 160
"""Characters of a value that is written down. More says little to whoever reads it."""

_MARK = "codeslm-assertion "

_HELPER = f"""

def codeslm_assertion(test, number, holds, left):
    import json

    told = {{"test": test, "number": number, "holds": False, "value": None}}
    try:
        told["holds"] = bool(holds())
        if not told["holds"] and left is not None:
            told["value"] = repr(left())
    except Exception:
        pass
    print("\\n{_MARK}" + json.dumps(told), flush=True)


"""


@dataclass(frozen=True, slots=True)
class Tried:
    """``tests`` with the assertions that hold; ``corrected`` are tests by name with what was expected wrongly."""

    tests: WrittenTests
    corrected: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Assertion:
    """A statement ``text[start:end]`` of a test, and where the value is in it that is expected of ``left``."""

    start: int
    end: int
    condition: str
    left: str = ""
    expected: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class _Told:
    """What a trial said of one assertion; ``value`` is how Python writes what was looked at, if it can be told."""

    holds: bool = False
    value: str | None = None


async def try_assertions(tests: WrittenTests, room: Room) -> Tried:
    """Run all tests once with their assertions reported instead of made."""
    assertions = {name: list(_assertions(text)) for name, text in tests.by_name.items()}
    trials = [_trial(name, text, assertions[name]) for name, text in tests.by_name.items()]
    ran = await run_tests(
        room.with_files({TRIAL: tests.head.strip() + _HELPER + "\n\n\n".join(trials) + "\n"}), [TRIAL], options=("-s",)
    )
    told = _read(ran.said)
    kept: dict[str, str] = {}
    corrected: dict[str, tuple[str, ...]] = {}
    for name, text in tests.by_name.items():
        if name not in ran.passed_functions:
            continue  # What it does to get there fails.
        changed = text
        for number, each in reversed([*enumerate(assertions[name])]):
            said = told.get((name, number), _Told())
            if said.holds:
                continue
            written = _corrected(text, each, said)
            if written is None:
                changed = _without(changed, each)
                continue
            changed = changed[: each.start] + written + changed[each.end :]
            if written.endswith(TODAY):
                wrong = f"{each.left} gives {said.value}, not {_expected(text, each)}"
                corrected[name] = (wrong, *corrected.get(name, ()))
        if _checks_something(changed):
            kept[name] = changed
    head = tests.head
    if any("pytest.approx" in text for text in kept.values()) and "import pytest" not in head:
        head = f"import pytest\n\n{head}"
    return Tried(WrittenTests(head, kept), corrected)


def _assertions(text: str) -> Iterator[_Assertion]:
    """Those that stand by themselves in a test without parameters for its values."""
    function = function_node(text)
    if function is None or function.decorator_list or isinstance(function, ast.AsyncFunctionDef):
        return
    for node in function.body:
        if not isinstance(node, ast.Assert):
            continue
        start, end = span_of(text, node)
        alone = not text[line_start(text, start) : start].strip() and text[end : end + 1] in ("", "\n")
        if not alone or any(isinstance(each, ast.Await | ast.NamedExpr | ast.Yield) for each in ast.walk(node)):
            continue
        condition = text[slice(*span_of(text, node.test))]
        match node.test:
            case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[expected]) if _calls(left):
                yield _Assertion(start, end, condition, text[slice(*span_of(text, left))], span_of(text, expected))
            case _:
                yield _Assertion(start, end, condition)


def _calls(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(node))


def _trial(name: str, text: str, assertions: list[_Assertion]) -> str:
    for number, each in reversed([*enumerate(assertions)]):
        left = f"lambda: ({each.left})" if each.left else "None"
        call = f"codeslm_assertion({name!r}, {number}, lambda: ({each.condition}), {left})"
        text = text[: each.start] + call + text[each.end :]
    return text


def _read(said: str) -> Mapping[tuple[str, int], _Told]:
    found: dict[tuple[str, int], _Told] = {}
    for line in said.split("\n"):
        if not line.startswith(_MARK):
            continue
        try:
            told = json.loads(line.removeprefix(_MARK))
            value = told["value"]
            found[str(told["test"]), int(told["number"])] = _Told(
                told["holds"] is True, None if value is None else str(value)
            )
        except (ValueError, TypeError, KeyError):
            continue  # What is tested may print what it likes.
    return found


def _corrected(text: str, assertion: _Assertion, told: _Told) -> str | None:
    """The assertion with what was given in place of what was expected, if that can be written down."""
    if assertion.expected is None or told.value is None or len(told.value) > MAX_VALUE:
        return None
    try:
        value = ast.literal_eval(told.value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    first, last = assertion.expected
    expected, is_rounded = text[first:last], False
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        try:
            is_rounded = math.isclose(value, float(ast.literal_eval(expected)), rel_tol=1e-6)
        except (ValueError, SyntaxError, TypeError):
            is_rounded = False
        shown = f"pytest.approx({expected if is_rounded else told.value})"
    else:
        shown = told.value
    statement = text[assertion.start : first] + shown + text[last : assertion.end]
    return statement if is_rounded else statement + TODAY


def _without(text: str, assertion: _Assertion) -> str:
    """The text without the lines of a statement that stands alone in them; ``pass`` where nothing would be left."""
    rest = text[: line_start(text, assertion.start)] + text[assertion.end + 1 :]
    return (
        rest.rstrip() if function_node(rest) is not None else text[: assertion.start] + "pass" + text[assertion.end :]
    )


def _expected(text: str, assertion: _Assertion) -> str:
    return text[slice(*assertion.expected)] if assertion.expected is not None else ""


def _checks_something(text: str) -> bool:
    function = function_node(text)
    return function is not None and any(
        isinstance(each, ast.Assert) or (isinstance(each, ast.Attribute) and each.attr in ("raises", "warns"))
        for each in ast.walk(function)
    )
