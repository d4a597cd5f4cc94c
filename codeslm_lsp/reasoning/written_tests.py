"""A reply → the tests in it, each by itself: one that is cut off, or goes on for ever, costs the others nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from codeslm_lsp.reasoning.python_ast import function_node
from codeslm_lsp.reasoning.reply import is_import

MAX_TESTS = 8

MAX_ASSERTIONS = 8
"""Of one test. A model that writes more only counts on."""

MAX_LINES = 120
"""Of a reply."""

_BEGINS = re.compile(r"^(?=(?:@|(?:async )?def test))", re.MULTILINE)
_TEST = re.compile(r"^(?:async )?def test", re.MULTILINE)
_ASSERTION = re.compile(r"^[ \t]+assert\b", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class WrittenTests:
    """A test file in parts: what stands before the tests, and each of them by its name."""

    head: str
    by_name: Mapping[str, str]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.by_name)

    def only(self, names: frozenset[str]) -> WrittenTests:
        """Those tests, in the same order."""
        return WrittenTests(self.head, {name: text for name, text in self.by_name.items() if name in names})

    def text(self) -> str:
        """The file."""
        return self.head.strip() + "\n\n\n" + "\n\n\n".join(self.by_name.values()) + "\n"


def are_enough(reply: str) -> bool:
    """Whether a reply need not go on: there are tests enough, or it counts on in one of them."""
    parts = _TEST.split(reply)
    return len(parts) > MAX_TESTS + 1 or len(_ASSERTION.findall(parts[-1])) > MAX_ASSERTIONS


def parse_tests(code: str, imported: str) -> WrittenTests:
    """The test functions of a reply, each once, and its imports; what does not parse is left out.

    ``imported`` is the line that imports what is tested.
    """
    first, *pieces = _BEGINS.split("\n".join(code.split("\n")[:MAX_LINES]))
    found: dict[str, str] = {}
    decorators = ""
    for piece in pieces:
        if piece.startswith("@"):
            decorators += piece
            continue
        text, decorators = decorators + piece, ""
        whole = _whole(text)
        if (function := function_node(whole)) is not None:
            found.setdefault(function.name, whole)
    lines = [line for line in first.splitlines() if is_import(line)]
    head = [line for line in lines if line.strip() != imported and "your_module" not in line]
    if any("pytest." in text for text in found.values()) and "import pytest" not in head:
        head.insert(0, "import pytest")
    return WrittenTests("\n".join([*head, *([""] if head else []), imported]), found)


def _whole(text: str) -> str:
    """As many of a test's lines as parse, without assertions beyond ``MAX_ASSERTIONS``; ``""`` where none do."""
    lines = text.rstrip().split("\n")
    while lines:
        function = function_node("\n".join(lines))
        if function is None:
            lines.pop()
            continue
        assertions = [each for each in function.body if isinstance(each, ast.Assert)]
        if len(assertions) > MAX_ASSERTIONS:
            return "\n".join(lines[: assertions[MAX_ASSERTIONS - 1].end_lineno]).rstrip()
        return "\n".join(lines).rstrip()
    return ""
