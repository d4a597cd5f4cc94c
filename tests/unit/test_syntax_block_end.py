"""Where a streamed block ends: the text between ``‸`` and ``⟧`` is what a model wrote, ``¦`` the end to be found."""

from __future__ import annotations

import pytest

from codeslm_lsp.syntax.block_end import block_end
from codeslm_lsp.syntax.languages import languages

CASES = {
    "body below its header": ("python", "def f(x):‸\n    return x¦\n\ndef g():\n⟧"),
    "not complete": ("python", "def f(x):‸\n    if x:\n        return x\n⟧"),
    "last line not ended": ("python", "def f(x):‸\n    return x\ndef g():⟧"),
    "blank line inside": ("python", "def f(x):‸\n    y = x\n\n    return y¦\nz = 1\n⟧"),
    "cursor on an indented line": ("python", "def f(x):\n    ‸y = x\n    return y¦\n\ndef g():\n⟧"),
    "cursor on an unindented line": ("python", "def f(x):\n‸    y = x\n    return y¦\n\ndef g():\n⟧"),
    "model indents deeper than the cursor": (
        "python",
        "class A:\n    def f(self):\n    ‸    return 1¦\n\n    def g(self):\n⟧",
    ),
    "else of another block": ("python", "if a:\n    ‸b()¦\nelse:\n    c()\n⟧"),
    "else inside": ("python", "def f():\n    ‸if a:\n        b()\n    else:\n        c()¦\nx = 1\n⟧"),
    "docstring at the left edge": ("python", 'def f():‸\n    """\nText\n    """\n    return 1¦\nx = 1\n⟧'),
    "brackets at the left edge": ("python", "def f():‸\n    return g(\n1,\n)¦\nx = 1\n⟧"),
    "empty block": ("python", "def f():‸¦\nx = 1\n⟧"),
    "two blank lines at the left edge": ("python", "# constants\n‸A = 1\nB = 2¦\n\n\nC = 3\n⟧"),
    "one definition at the left edge": ("python", "# double\n‸def f(x):\n    return x¦\n\ndef g(x):\n⟧"),
    "continues a line": ("python", "def f():\n    x = ‸1\n    return x¦\ny\n⟧"),
    "closer is missing below": ("javascript", "function f() {‸\n  return 1;\n}¦\n\nf();\n⟧"),
    "closer stands below": ("javascript", "function f() {‸\n  return 1;¦\n}\n\nf();\n⟧\n}\n"),
    "closer with punctuation": ("javascript", "app.get('/', () => {‸\n  ok();\n});¦\nnext();\n⟧"),
    "closer of an enclosing block stands below": ("javascript", "function f() {\n  ‸a();\n  b();¦\n}\n⟧\n}\n"),
    "inner braces": ("javascript", "function f() {\n  ‸if (a) {\n    b();\n  }\n  c();\n}¦\n\nd();\n⟧"),
    "template over lines": ("javascript", "function f() {‸\n  return `\na\n`;\n}¦\n⟧"),
    "brace in a string": ("javascript", "function f() {‸\n  return '{';\n}¦\n⟧"),
    "body below the cursor's own": (
        "javascript",
        "function f() {\n  if (a) {‸\n    b();\n  }¦\n  c();\n⟧\n  d();\n}\n",
    ),
    "preprocessor line": ("c", "int f(void) {‸\n    a();\n#ifdef X\n    b();\n#endif\n    return 0;\n}¦\n⟧"),
    "go": ("go", "func f() {‸\n\tx := 1\n\tg(x)\n}¦\n\nfunc g() {\n⟧"),
    "rust character": ("rust", "fn f() {‸\n    let c = '\"';\n    g(c)\n}¦\n\nfn g() {\n⟧"),
    "ruby end": ("ruby", "def f(x)‸\n  x * 2\nend¦\n\ndef g\n⟧"),
    "ruby end below": ("ruby", "def f(x)\n  ‸x * 2¦\nend\n⟧\nend\n"),
    "name that starts like a closer": ("ruby", "if x\n  ‸y¦\nending = 1\n⟧"),
    "bash fi": ("bash", "if true; then‸\n  echo a\nfi¦\necho b\n⟧"),
    "lua end": ("lua", "function f()‸\n  return 1\nend¦\n\nf()\n⟧"),
    "html": ("html", "<ul>‸\n  <li>a</li>\n</ul>¦\n<p>\n⟧"),
    "yaml": ("yaml", "a:\n  ‸b: 1\n  c: 2¦\nd: 3\n⟧"),
    "no language": (None, "section\n  ‸a\n  b¦\nc\n⟧"),
    "no language, braces": (None, "f {‸\n  a\n}¦\ng\n⟧"),
    "carriage returns": ("python", "def f():‸\r\n    return 1¦\r\nx = 1\r\n⟧"),
    "nothing": ("python", "def f():‸⟧"),
}


def _parts(marked: str) -> tuple[str, str, str, int | None]:
    prefix, _, rest = marked.partition("‸")
    generated, _, suffix = rest.partition("⟧")
    end = generated.find("¦")
    return prefix, generated.replace("¦", ""), suffix, end if end >= 0 else None


@pytest.mark.parametrize(("name", "marked"), CASES.values(), ids=CASES.keys())
def test_block_end(name: str | None, marked: str) -> None:
    prefix, generated, suffix, expected = _parts(marked)
    assert block_end(prefix, generated, suffix, languages()[name] if name else None) == expected


@pytest.mark.parametrize(("name", "marked"), CASES.values(), ids=CASES.keys())
def test_streaming_finds_the_same_end_and_never_an_earlier_one(name: str | None, marked: str) -> None:
    prefix, generated, suffix, expected = _parts(marked)
    language = languages()[name] if name else None
    found = None
    for end in [i + 1 for i, character in enumerate(generated) if character == "\n"]:
        found = block_end(prefix, generated[:end], suffix, language)
        if found is not None:
            break
    assert found == expected
