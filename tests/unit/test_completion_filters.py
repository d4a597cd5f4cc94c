"""What is shown of what a model wrote. The cases are data, ``tests/data/postprocess``, by the filter they are about."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.completion.postprocess.chain import CHAIN, chain, run
from codeslm_lsp.completion.postprocess.draft import Draft, new_draft
from codeslm_lsp.completion.postprocess.indentation import foreign_indentation, indented_twice
from codeslm_lsp.completion.stopping import line_end, suffix_start, wanted_end
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.values import Extent, Skip, SkipReason, StopReason

LINE, BLOCK, SPAN = Extent.LINE, Extent.BLOCK, Extent.SPAN
END, MAX_TOKENS = StopReason.END, StopReason.MAX_TOKENS

DATA = Path(__file__).parents[1] / "data" / "postprocess"

Tables = Mapping[str, Mapping[str, list[dict[str, Any]]]]


def read_cases() -> dict[str, Tables]:
    """By module: for each filter the cases in which it ``acts``, and those that it ``leaves`` alone."""
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(DATA.glob("*.toml"))}


CASES = [
    pytest.param(name, kind == "acts", case, id=f"{name} {kind}: {case['name']}")
    for tables in read_cases().values()
    for name, kinds in tables.items()
    for kind, cases in kinds.items()
    for case in cases
]


def draft_of(name: str, extent: Extent, stop: StopReason, marked: str) -> Draft:
    prefix, _, rest = marked.partition("‸")
    generated, _, suffix = rest.partition("⟧")
    return new_draft(generated, prefix, suffix, extent, stop, languages()[name] if name else None)


@pytest.mark.parametrize(("name", "acts", "case"), CASES)
def test_golden(name: str, acts: bool, case: Mapping[str, Any]) -> None:
    known = {"name", "language", "extent", "stop", "also", "code", "shown", "skip"}
    assert case.keys() <= known
    language = case.get("language", "python")
    draft = draft_of(language, Extent(case.get("extent", "line")), StopReason(case.get("stop", "end")), case["code"])
    shown, changed = chain(draft)
    assert (shown.reason.value if isinstance(shown, Skip) else shown) == case.get("shown", case.get("skip"))
    assert set(changed) == {*case.get("also", ()), *([name] if acts else [])}
    if isinstance(shown, Skip):
        assert shown.detail.endswith(".")


def test_every_filter_has_its_cases() -> None:
    """One at least in which it acts, and two in which it must not."""
    cases = {name: (module, kinds) for module, tables in read_cases().items() for name, kinds in tables.items()}
    assert cases.keys() == {each.__name__ for each in CHAIN}
    for each in CHAIN:
        module, kinds = cases[each.__name__]
        assert each.__module__.endswith(f".{module}")
        assert len(kinds["acts"]) >= 1
        assert len(kinds["leaves"]) >= 2


@pytest.mark.parametrize(
    ("extent", "stop", "marked"), [(BLOCK, END, "def f():‸\nx = 1\n⟧"), (LINE, MAX_TOKENS, "x = ‸(⟧\n")]
)
def test_what_is_removed_for_another_reason_is_not_called_a_repetition(
    extent: Extent, stop: StopReason, marked: str
) -> None:
    shown, _ = chain(draft_of("python", extent, stop, marked))
    assert isinstance(shown, Skip)
    assert shown.reason is SkipReason.BLANK


def test_a_line_of_its_own_ends_as_the_files_lines_do() -> None:
    shown, _ = chain(draft_of("python", SPAN, MAX_TOKENS, "import os\r\n‸import re\r\nimport sy⟧import abc\r\n"))
    assert shown == "import re\r\n"


PIECES = [
    "def f(x):",
    "    return x",
    "\t",
    "  ",
    "\n",
    "\r\n",
    "a(b)",
    ")",
    "}",
    "{",
    "]",
    '"',
    "'",
    "x = 1",
    ";",
    "é😀",
    "\\",
]
LEAKS = ["```", "<|endoftext|>", "\ufffd", "This code ", "# a/b.py", '"""', "```python\n"]
CODE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
RAW = st.lists(st.sampled_from(PIECES + LEAKS), max_size=16).map("".join)
NAMES = st.sampled_from(["", "python", "javascript", "bash", "markdown", "yaml", "ruby"])
DRAFTS = st.builds(
    lambda name, extent, stop, prefix, text, suffix: new_draft(
        text, prefix, suffix, extent, stop, languages()[name] if name else None
    ),
    NAMES,
    st.sampled_from(list(Extent)),
    st.sampled_from(list(StopReason)),
    CODE,
    RAW,
    CODE,
)


@given(DRAFTS)
def test_what_is_shown_is_what_the_model_began_with(draft: Draft) -> None:
    shown, changed = chain(draft)
    if isinstance(shown, Skip):
        assert shown.reason in (
            SkipReason.BLANK,
            SkipReason.NOT_CODE,
            SkipReason.REPEATS_PREFIX,
            SkipReason.REPEATS_SUFFIX,
        )
        return
    assert shown.strip()
    assert (shown == draft.text) == (not changed)
    rewriting = {foreign_indentation.__name__, indented_twice.__name__, "markdown_fence", "span_without_an_end"}
    if not rewriting.intersection(changed):
        assert draft.text.startswith(shown)
    # Only white space is ever written that the model did not write.
    assert "".join(shown.split()) in "".join(draft.text.split())
    if draft.extent is LINE:
        assert "\n" not in shown.strip()


@given(DRAFTS)
def test_the_chain_has_nothing_left_to_remove(draft: Draft) -> None:
    filtered, _ = run(draft)
    again, changed = run(filtered)
    assert (again, changed) == (filtered, ())


@given(DRAFTS)
def test_every_filter_takes_any_text(draft: Draft) -> None:
    for remove in CHAIN:
        filtered = remove(draft)
        assert (filtered.prefix, filtered.suffix, filtered.extent) == (draft.prefix, draft.suffix, draft.extent)


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
