"""What a character typed at ``‸`` would be: code, comment or string."""

from __future__ import annotations

import pytest

from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.position import kind_at
from codeslm_lsp.syntax.tree import parse

CASES = [
    ("python", "x = ‸'a'", "code"),
    ("python", "x = '‸'", "string"),
    ("python", "x = 'a'‸", "code"),
    ("python", "x = 'a‸", "string"),
    ("python", "x = 'it\\'s‸", "string"),
    ("python", "x = 1  #‸", "comment"),
    ("python", "x = 1  ‸# a", "code"),
    ("python", "# a\n‸", "code"),
    ("python", "x = '#‸'", "string"),
    ("python", "x = '#' + ‸", "code"),
    ("python", 'def f():\n    """Say‸', "string"),
    ("python", 'def f():\n    """Say\n\n    ‸\n\nx = 1\n', "string"),
    ("python", "f'{x‸}'", "code"),
    ("python", "f'{x}‸'", "string"),
    ("python", "‸", "code"),
    ("javascript", "/* a\n‸", "comment"),
    ("javascript", "/* a */‸", "code"),
    ("javascript", "const x = `a ${‸b}`", "code"),
    ("javascript", 'const x = "a‸\nlet y;', "string"),
    ("javascript", "foo(a, // b‸\n", "comment"),
    ("rust", "fn f<'a>(x: &'a str) { ‸ }", "code"),
    ("rust", "/// a\n‸fn f() {}", "code"),
    ("go", "x := `a\n‸", "string"),
    ("c", "#include <a‸.h>", "string"),
    ("bash", "x=${#a} ‸", "code"),
    ("bash", "x=1 # a‸", "comment"),
    ("html", "<!-- ‸ -->", "comment"),
]


@pytest.mark.parametrize(("name", "marked", "expected"), CASES)
def test_kind_at(name: str, marked: str, expected: str) -> None:
    before, _, after = marked.partition("‸")
    assert kind_at(parse(before + after, languages()[name]), len(before)) == expected
