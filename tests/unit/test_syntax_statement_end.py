"""Where a streamed statement ends: between ``‸`` and ``⟧`` is what a model wrote, ``¦`` the end to be found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.statement_end import statement_end

CASES = {
    "one line": ("python", "area = ‸w * h¦\nprint(area)\n⟧\nprint(area)\n"),
    "not ended yet": ("python", "area = ‸w * h⟧\nprint(area)\n"),
    "nothing but a line end": ("python", "area = w‸\n⟧\nprint(area)\n"),
    "a carriage return": ("python", "area = ‸w * h¦\r\nx⟧\r\n"),
    "blank lines first": ("python", "a = 1\n‸\n\nb = 2¦\nc = 3\n⟧\nd = 4\n"),
    "no language": (None, "- ‸milk¦\n- eggs⟧\n"),
    # Brackets and strings that the text opens.
    "an open bracket": ("python", "area = ‸max(\n    a,\n    b,\n)¦\nx\n⟧\nprint(area)\n"),
    "an open bracket of the typed text": ("python", "area = max(‸a,\n    b)¦\nx\n⟧\nprint(area)\n"),
    "an open brace": ("javascript", "const size = ‸{\n  w: 1,\n};¦\nx\n⟧\nlog(size);\n"),
    "an open bracket that is closed below": ("python", "area = ‸max(¦\n    a,\n⟧\n    b,\n)\n"),
    "an open brace that is closed below": ("javascript", "‸if (a) {¦\n  b();\n⟧\n  c();\n}\n"),
    "an argument among others": ("python", "f(\n    a,\n    ‸b,¦\n    c,\n⟧\n    d,\n)\n"),
    "a bracket in a string": ("python", "x = ‸'('¦\ny\n⟧\nz\n"),
    "a docstring": ("python", 'def f():\n    ‸"""Add.\n\n    More.\n    """¦\n    x\n⟧\n    return 1\n'),
    "a backslash": ("python", "x = ‸a + \\\n    b¦\ny\n⟧\nz\n"),
    # A closer behind the cursor.
    "the closer of this line": ("python", "print(‸w * h¦\nx\n⟧)\n"),
    "the closer of this line, written again": ("python", "print(‸w * h)¦\nx\n⟧)\n"),
    "the closer of a line above": ("python", "print(\n    ‸w * h¦\nx\n⟧)\n"),
    "a closer without a partner": ("python", "‸n = 0\nfor x in xs:\n    n += len(x¦\ny\n⟧)\nprint(n)\n"),
    "a closer of another kind": ("python", "‸print(n)\ny = xs[n¦\n⟧]\n"),
    "a colon that is there": ("python", "‸for x in xs:¦\n    y\n⟧:\n    z\n"),
    "a closer whose partner stands below the end of a docstring": (
        "python",
        '"""\n' + "text [\n" * 58 + '"""\nprint(\n    ‸w¦\nx\n⟧)\n',
    ),
    # Headers, and lines below that need one.
    "a header over its body": ("python", "‸for x in xs:¦\n    y\n⟧\n    print(x)\n"),
    "a header without a body": ("python", "‸for x in xs:\n    a(x)\n    b(x)¦\nc()\n⟧\nprint(n)\n"),
    "a header with its body still being written": ("python", "‸for x in xs:\n    a(x)\n    b⟧\nprint(n)\n"),
    "a header without a body, and a line not ended": ("python", "‸for x in xs:\n    a(x)¦\nc⟧\nprint(n)\n"),
    "a header in a header": ("python", "‸for x in xs:\n    if x:\n        a(x)¦\nc\n⟧\nprint(n)\n"),
    "a line below that needs a header": ("python", "n = ‸0\nfor x in xs:¦\n    y\n⟧\n    n += x\n"),
    "braces show their body": ("javascript", "‸for (const x of xs) {\n  a(x);\n}¦\nb();\n⟧\nlog(n);\n"),
}


@pytest.mark.parametrize(("name", "marked"), CASES.values(), ids=CASES.keys())
def test_statement_end(name: str | None, marked: str) -> None:
    prefix, _, rest = marked.partition("‸")
    generated, _, suffix = rest.partition("⟧")
    expected = generated.index("¦") if "¦" in generated else None
    language = languages()[name] if name else None
    assert statement_end(prefix, generated.replace("¦", ""), suffix, language) == expected


CODE = st.text(st.sampled_from("a b():[]{}\"'\\#\n\r\té😀"), max_size=40)


@given(st.sampled_from([None, "python", "javascript", "bash"]), CODE, CODE, CODE)
def test_the_end_is_that_of_a_line_with_something_on_it(
    name: str | None, prefix: str, generated: str, suffix: str
) -> None:
    end = statement_end(prefix, generated, suffix, languages()[name] if name else None)
    if end is not None:
        assert generated[end:].lstrip("\r").startswith("\n")
        assert generated[:end].strip()
