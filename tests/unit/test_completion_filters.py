"""What is shown of what a model wrote: the text between ``‸`` and ``⟧`` is the model's, ``‸`` being the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.completion.postprocess.draft import Draft
from codeslm_lsp.completion.postprocess.filters import CHAIN, chain
from codeslm_lsp.completion.stopping import line_end, suffix_start, wanted_end
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.values import Extent, Skip, SkipReason, StopReason

LINE, BLOCK, SPAN = Extent.LINE, Extent.BLOCK, Extent.SPAN
END, MAX_TOKENS = StopReason.END, StopReason.MAX_TOKENS
BLANK, REPEATS = SkipReason.BLANK, SkipReason.REPEATS_SUFFIX

Golden = tuple[str | None, Extent, StopReason, str, str | SkipReason, tuple[str, ...]]
"""Language, what was asked for, why the model stopped, the code, what is shown, and the filters that changed it."""

GOLDEN: dict[str, Golden] = {
    # Nothing to remove.
    "a line": ("python", LINE, END, "x = ‸1 + 2⟧\n", "1 + 2", ()),
    "a block": ("python", BLOCK, END, "def f(x):‸\n    return x⟧\n", "\n    return x", ()),
    "a span": ("python", SPAN, END, "x = f(‸a, ⟧b)\n", "a, ", ()),
    "no language": (None, LINE, END, "key = ‸value⟧\nother", "value", ()),
    # More than was asked for.
    "a second line": ("python", LINE, END, "x = ‸1\ny = 2⟧\n", "1", ("runs_past_its_extent",)),
    "a line after a blank one": (
        "python",
        LINE,
        END,
        "a = 1\n‸\nx = 1\ny = 2⟧\nb = 2\n",
        "\nx = 1",
        ("runs_past_its_extent",),
    ),
    "a second line after a carriage return": ("python", LINE, END, "x = ‸1\r\ny⟧\r\n", "1", ("runs_past_its_extent",)),
    "a second function": (
        "python",
        BLOCK,
        MAX_TOKENS,
        "def f(x):‸\n    return x\n\ndef g(x):\n    re⟧\n",
        "\n    return x",
        ("runs_past_its_extent",),
    ),
    "an unfinished last line of a block": (
        "python",
        BLOCK,
        MAX_TOKENS,
        "def f(x):‸\n    y = x\n    ret⟧\n",
        "\n    y = x",
        ("cut_off_by_a_budget",),
    ),
    "a brace that stands below": (
        "javascript",
        BLOCK,
        END,
        "function f() {‸\n  return 1;\n}\nf();\n⟧\n}\n",
        "\n  return 1;",
        ("runs_past_its_extent",),
    ),
    "a brace that is missing below": (
        "javascript",
        BLOCK,
        END,
        "function f() {‸\n  return 1;\n}\nf();\n⟧\n",
        "\n  return 1;\n}",
        ("runs_past_its_extent",),
    ),
    # The suffix again.
    "a block and then the suffix": (
        "python",
        BLOCK,
        MAX_TOKENS,
        "def f(x):\n    ‸y = x\n    return other(y)⟧\n    return other(y)\n",
        "y = x",
        ("runs_past_its_extent",),
    ),
    "a span and then the suffix": (
        "python",
        SPAN,
        MAX_TOKENS,
        "x = f(‸a, b, key=value)\nprint(x)⟧, key=value)\nprint(x)\n",
        "a, b",
        ("runs_past_its_extent",),
    ),
    "only the suffix": (
        "python",
        LINE,
        END,
        "x = ‸compute(a, b)⟧compute(a, b)\n",
        REPEATS,
        ("runs_past_its_extent",),
    ),
    "a suffix too short to be no accident": ("python", SPAN, END, "x = ‸a + b⟧ + c\ny = 1\n", "a + b", ()),
    "the end of the file again": (
        "javascript",
        BLOCK,
        MAX_TOKENS,
        "f(() => {\n  ‸a();\n});\nend;⟧\n});\nend;",
        "a();",
        ("runs_past_its_extent",),
    ),
    # A span that does not arrive.
    "a span cut off": (
        "python",
        SPAN,
        MAX_TOKENS,
        "x = ‸a +\n    b +⟧ c\n",
        "a +",
        ("span_without_an_end",),
    ),
    "a header as the first line of a span cut off": (
        "python",
        SPAN,
        MAX_TOKENS,
        "if ‸done:\n    ret⟧ x = 1\n",
        "done:",
        ("span_without_an_end",),
    ),
    "a span cut off at the start of a line": (
        "python",
        SPAN,
        MAX_TOKENS,
        "import os\n‸import re\nimport sy⟧import abc\n",
        "import re\n",
        ("span_without_an_end",),
    ),
    "a span cut off at the start of the file": (
        "python",
        SPAN,
        StopReason.TIME_BUDGET,
        "‸import re\nimport sy⟧import abc\n",
        "import re\n",
        ("span_without_an_end",),
    ),
    "a span cut off on its first line": (
        "python",
        SPAN,
        MAX_TOKENS,
        "x = ‸a + b +⟧ c\n",
        "a + b",
        ("cut_off_by_a_budget",),
    ),
    "a span of several lines that arrives": (
        "python",
        SPAN,
        END,
        "x = f(‸a,\n      ⟧b)\n",
        "a,\n      ",
        (),
    ),
    # Cut off in mid-air.
    "a line without its last operand": ("python", LINE, MAX_TOKENS, "x = ‸a + ⟧\n", "a", ("cut_off_by_a_budget",)),
    "a line that was cut off at a good place": ("python", LINE, MAX_TOKENS, "x = ‸a + b⟧\n", "a + b", ()),
    "a line that the model ended in mid-air": ("python", LINE, END, "x = ‸a +⟧\n", "a +", ()),
    "a block of one line, cut off": (
        "python",
        BLOCK,
        StopReason.TIME_BUDGET,
        "def f(x):‸\n    return x.⟧\n",
        "\n    return x",
        ("cut_off_by_a_budget",),
    ),
    "a whole line, and then the budget ended": (
        "python",
        LINE,
        MAX_TOKENS,
        "a = 1\n‸if a:\n    b⟧\n",
        "if a:",
        ("runs_past_its_extent",),
    ),
    "a whole block, and then the budget ended": (
        "python",
        BLOCK,
        MAX_TOKENS,
        "def f(x):‸\n    y = x\n    return y\n\ndef g(x):\n    re⟧\n",
        "\n    y = x\n    return y",
        ("runs_past_its_extent",),
    ),
    # White space.
    "spaces at the end": ("python", LINE, END, "x = ‸1  ⟧\n", "1", ("trailing_blanks",)),
    "lines at the end of a block": (
        "python",
        BLOCK,
        END,
        "def f():‸\n    a()\n\n  ⟧\n",
        "\n    a()",
        ("trailing_blanks",),
    ),
    "nothing at all": ("python", LINE, END, "x = 1‸⟧\n", BLANK, ()),
    "nothing but white space": ("python", BLOCK, END, "def f():‸\n    \n⟧\n", BLANK, ("trailing_blanks",)),
    "a span of white space": ("python", SPAN, END, "x =‸ ⟧1\n", BLANK, ()),
    # The rest of the line again.
    "a bracket that is there": ("python", LINE, END, "print(‸area)⟧)\n", "area", ("repeats_rest_of_line",)),
    "a bracket that is there, and a semicolon": (
        "javascript",
        LINE,
        END,
        "log(‸area);⟧);\n",
        "area",
        ("repeats_rest_of_line",),
    ),
    "only the bracket that is there": ("python", LINE, END, "print(area‸)⟧)\n", REPEATS, ("repeats_rest_of_line",)),
    "a bracket of its own": ("python", LINE, END, "print(‸f(x)⟧)\n", "f(x)", ()),
    "a bracket of its own and one too many": (
        "python",
        LINE,
        END,
        "print(‸f(x))⟧)\n",
        "f(x)",
        ("repeats_rest_of_line",),
    ),
    "a closed pair before a closer": ("python", LINE, END, "x = [‸()⟧]\n", "()", ()),
    "a semicolon that is there": ("javascript", LINE, END, "x = ‸1;⟧;\n", "1", ("repeats_rest_of_line",)),
    "a brace in curly text": ("javascript", LINE, END, "x = {a: ‸{b: 1}}⟧}\n", "{b: 1}", ("repeats_rest_of_line",)),
    # FIXME: one bracket too many is shown; only a text on one line is looked at.
    "brackets over lines": ("python", SPAN, END, "x = f(‸a,\n  g(b))⟧)\n", "a,\n  g(b))", ()),
    # The next line again.
    "the next line as second line": (
        "python",
        BLOCK,
        END,
        "def f():\n    ‸a()\n    b()⟧\n    b()\n",
        "a()",
        ("repeats_next_line",),
    ),
    "the next line as only line": ("python", LINE, END, "a()\n‸b()⟧\nb()\n", REPEATS, ("repeats_next_line",)),
    "the next line, indented otherwise": (
        "python",
        BLOCK,
        END,
        "if a:\n    ‸b()\n  else:⟧\nelse:\n    c()\n",
        "b()",
        ("repeats_next_line",),
    ),
    "a short next line": ("javascript", BLOCK, END, "{\n  ‸a()\n  )⟧\n)\n", "a()\n  )", ()),
    "the next line but text follows on this one": ("python", LINE, END, "a(‸b()⟧)\nb()\n", "b()", ()),
    "the line after blank ones": ("python", LINE, END, "‸b = 1⟧\n\n\nb = 1\n", REPEATS, ("repeats_next_line",)),
}


def draft_of(name: str | None, extent: Extent, stop: StopReason, marked: str) -> Draft:
    prefix, _, rest = marked.partition("‸")
    generated, _, suffix = rest.partition("⟧")
    return Draft(generated, prefix, suffix, extent, stop, languages()[name] if name else None)


@pytest.mark.parametrize(
    ("name", "extent", "stop", "marked", "expected", "filters"), GOLDEN.values(), ids=GOLDEN.keys()
)
def test_golden(
    name: str | None,
    extent: Extent,
    stop: StopReason,
    marked: str,
    expected: str | SkipReason,
    filters: tuple[str, ...],
) -> None:
    shown, changed = chain(draft_of(name, extent, stop, marked))
    assert (shown.reason if isinstance(shown, Skip) else shown, changed) == (expected, filters)
    if isinstance(shown, Skip):
        assert shown.detail.endswith(".")


def test_every_filter_is_in_the_golden_cases() -> None:
    assert {name for *_, filters in GOLDEN.values() for name in filters} == {each.__name__ for each in CHAIN}


@pytest.mark.parametrize(
    ("extent", "stop", "marked"), [(BLOCK, END, "def f():‸\nx = 1\n⟧"), (LINE, MAX_TOKENS, "x = ‸(⟧\n")]
)
def test_what_is_removed_for_another_reason_is_not_called_a_repetition(
    extent: Extent, stop: StopReason, marked: str
) -> None:
    shown, _ = chain(draft_of("python", extent, stop, marked))
    assert isinstance(shown, Skip)
    assert shown.reason is BLANK


def test_a_line_of_its_own_ends_as_the_files_lines_do() -> None:
    shown, _ = chain(draft_of("python", SPAN, MAX_TOKENS, "import os\r\n‸import re\r\nimport sy⟧import abc\r\n"))
    assert shown == "import re\r\n"


CODE = st.text(st.sampled_from("a b():;{}\n\r\té😀"), max_size=25)


@given(
    st.sampled_from([None, "python", "javascript"]),
    st.sampled_from(list(Extent)),
    st.sampled_from([END, MAX_TOKENS]),
    CODE,
    CODE,
    CODE,
)
def test_what_is_shown_begins_as_the_model_began(
    name: str | None, extent: Extent, stop: StopReason, prefix: str, generated: str, suffix: str
) -> None:
    draft = Draft(generated, prefix, suffix, extent, stop, languages()[name] if name else None)
    shown, changed = chain(draft)
    if isinstance(shown, Skip):
        assert shown.reason in (BLANK, REPEATS)
        return
    assert shown.strip()
    assert generated.startswith(shown) or (extent is SPAN and generated.startswith(shown.removesuffix("\n")))
    assert (shown == generated) == (not changed)
    if extent is LINE:
        assert "\n" not in shown.strip()
    if extent is not SPAN:
        # White space at the end only where the model wrote it before what stands behind the cursor already.
        assert shown == shown.rstrip() or (suffix[:1].strip() and generated.startswith(shown + suffix[0]))


# --- Where it ends -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("abc", None),
        ("abc\n", 3),
        ("abc\r\ndef\r\n", 3),
        ("\n\n", None),
        ("\n  \n  abc", None),
        ("\n  \n  abc\nd\n", 9),
        ("\r\n\r\nabc\r\n", 7),
        ("a\rb\n", 3),
    ],
)
def test_line_end(text: str, expected: int | None) -> None:
    assert line_end(text) == expected


@pytest.mark.parametrize(
    ("text", "suffix", "expected"),
    [
        ("a + compute(b)", "compute(b)\n", None),  # In mid-line one line proves nothing.
        ("a +\ncompute(b)\n", "\ncompute(b)\n", 3),  # The line end belongs to the suffix.
        ("a + compute(b)", "\ncompute(b)\n", None),  # Without it, this is another place.
        ("a + compute(b) + compute(b)\nc", "compute(b)\nc\n", 17),
        ("compute(b)\n  compute(b)", "\n  compute(b)\n", 10),  # The first one stands elsewhere.
        ("a)\nb()\nreturn", ")\nb()\nreturn x\n", None),  # The suffix's third line goes on.
        ("a)\nb()\nreturn x", ")\nb()\nreturn x\n", 1),
        ("x = 1\nend", "\nend", None),
        ("x = 1\nend;", "\nend;", 5),  # Short, but all there is.
        ("x = 1\nend;", "\nend;\nx\ny", None),
        ("anything", "", None),
        ("any\n\nthing", "\n\n", None),
        ("", "compute(b)", None),
    ],
)
def test_suffix_start(text: str, suffix: str, expected: int | None) -> None:
    assert suffix_start(text, suffix) == expected


@given(st.sampled_from(list(Extent)), CODE, CODE, CODE)
def test_the_end_lies_in_the_text(extent: Extent, prefix: str, text: str, suffix: str) -> None:
    end = wanted_end(extent, prefix, text, suffix, languages()["python"])
    assert end is None or 0 <= end <= len(text)
