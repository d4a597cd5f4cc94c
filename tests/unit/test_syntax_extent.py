"""How much is asked for at ``‸``."""

from __future__ import annotations

import pytest

from codeslm_lsp.syntax.extent import wanted_extent
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import Extent

CASES = [
    # Something follows on the line.
    ("python", "x = foo(‸) + 1", "span"),
    ("python", "x = ‸y", "span"),
    ("python", "print('a‸b')", "span"),
    ("python", "x = foo(‸)", "statement"),
    ("python", "x = {'a': [‸]};", "statement"),
    ("python", "x = foo(‸)\r\n", "statement"),
    ("javascript", "function f() {‸}", "statement"),
    # A body is wanted.
    ("python", "def f(x):‸", "block"),
    ("python", "def f(x):  ‸\nx = 1\n", "block"),
    ("python", "def f(x):\n    ‸", "block"),
    ("python", "def f(x):\n\n    ‸\n\ny = 1\n", "block"),
    ("python", "def f(\n    x,\n):\n    ‸\ny = 1\n", "block"),
    ("python", "def f(x):\n    ‸\n    return x\n", "statement"),
    ("python", "def f(x):‸\n    return x\n", "statement"),
    ("python", "x = {'a':‸", "statement"),
    ("python", "if x:\n    ‸\nelse:\n    pass\n", "block"),
    ("javascript", "function f() {\n  ‸\n}\n", "block"),
    ("javascript", "function f() {‸\n}\n", "block"),
    ("javascript", "function f() {‸\n", "block"),
    ("javascript", "function f() {\n  ‸\n  return 1;\n}\n", "statement"),
    ("go", "func f() {\n\t‸\n}\n", "block"),
    ("bash", "if true; then\n  ‸\nfi\n", "block"),
    ("ruby", "def f(x)\n  ‸\nend\n", "block"),
    ("lua", "function f(x)\n  ‸\nend\n", "block"),
    ("c", "int f(void)\n{\n    ‸\n}\n", "block"),
    ("yaml", "a:\n  ‸", "block"),
    ("css", "a {\n  ‸\n}\n", "block"),
    # Docstrings and comments that are the only body.
    ("python", 'def f(x):\n    """Double x."""\n    ‸\n\ny = 1\n', "block"),
    ("python", 'def f(x):\n    """Double x.\n\n    More.\n    """\n    ‸\ny = 1\n', "block"),
    ("python", "def f(x):\n    # Double x.\n    ‸\ny = 1\n", "block"),
    # Blank lines.
    ("python", "x = 1\n\n# Read the file.\n‸\ny = 2\n", "block"),
    ("python", "x = 1\n‸\ny = 2\n", "statement"),
    ("python", "x = 1\n‸", "block"),
    ("python", "def f():\n    x = 1\n    ‸\n\ndef g():\n    pass\n", "block"),
    ("python", "def f():\n    x = 1\n    ‸\n    return x\n", "statement"),
    ("javascript", "function f() {\n  a();\n  ‸\n}\n", "block"),
    ("javascript", "function f() {\n  a();\n  ‸\n  b();\n}\n", "statement"),
    # Comments and strings.
    ("python", "# Read ‸", "line"),
    ("python", "# def f():‸", "line"),
    ("python", '"""\nText:\n‸\n"""\n', "line"),
    ("javascript", "/* if (x) {\n‸", "line"),
    # Within a line.
    ("python", "return ‸", "statement"),
    ("python", "x = foo(‸", "statement"),
    ("python", "‸", "block"),
    # Without a language.
    (None, "while x do\n  ‸\n", "block"),
    (None, "procedure {\n  ‸\n}\n", "block"),
    (None, "if x:\n    ‸\n    y\n", "statement"),
    (None, "some ‸text", "span"),
    (None, "# What follows\n‸\nx\n", "block"),
    (None, "a = ‸", "statement"),
]


@pytest.mark.parametrize(("name", "marked", "expected"), CASES)
def test_wanted_extent(name: str | None, marked: str, expected: str) -> None:
    before, _, after = marked.partition("‸")
    text = before + after
    tree = parse(text, languages()[name]) if name else None
    assert wanted_extent(text, len(before), tree) == Extent(expected)
