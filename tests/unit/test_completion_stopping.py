"""Where a completion ends while it is being produced, and what is left of one that a budget cut off."""

from __future__ import annotations

import pytest

from codeslm_lsp.completion.postprocess.chain import chain
from codeslm_lsp.completion.postprocess.draft import new_draft
from codeslm_lsp.completion.stopping import line_end, suffix_start
from codeslm_lsp.values import Extent, StopReason


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("x = 1", None),
        ("x = 1\n", 5),
        ("x = 1\r\ny", 5),
        ("\n\n  x = 1\ny", 9),
        ("\n\n", None),
        ("", None),
    ],
)
def test_a_line_ends_behind_its_first_content(text: str, end: int | None) -> None:
    assert line_end(text) == end


@pytest.mark.parametrize(
    ("marked", "suffix"),
    [
        ("    i += 1\n‸    if end - start > 2:\n        x", "    if end - start > 2:\n        new_text += '-'\n"),
        ("a + b‸\n    return total\n\n\nprint", "\n    return total\n\n\nprint(add(1, 2))\n"),
        ("urn x + ‸very_long_name(y)\n\nnext_line()\n", "very_long_name(y)\n\nnext_line()\n"),
        ("‸next_statement()", "next_statement()\n"),
        ("s += 1\n    return n_vow‸els\n\n\ndef test", "els\n"),
        ("return levels * 2 + n_vow‸els\n", "els"),
    ],
)
def test_the_text_ends_where_it_goes_on_as_the_suffix_does(marked: str, suffix: str) -> None:
    assert suffix_start(marked.replace("‸", ""), suffix) == marked.index("‸")


@pytest.mark.parametrize(
    ("text", "suffix"),
    [
        ("foo(a)", ")\n"),  # Too little to mean anything.
        ("x = 1\n}", "}\n}\n"),
        ("anything", ""),
        ("return n_vowels", "els\n"),  # It may go on.
        ("return n.els\n", "els\n"),  # A word of its own.
        ("anything", "\n\n   "),
        (" len(numbers)\n    return 1 / ", "len(numbers)\n"),  # In mid-line one line proves nothing.
        ("opening_bracket_index.append(i)\n", "_bracket_index.append(i)\n    closing_bracket_index.reverse()\n"),
        ("return totals", "\n    return total\n"),  # The white space before it is missing.
        ("  if end - start > 2", "    if end - start > 2:\n"),
    ],
)
def test_chance_is_no_repetition(text: str, suffix: str) -> None:
    assert suffix_start(text, suffix) is None


@pytest.mark.parametrize(
    ("extent", "stop", "text", "shown"),
    [
        (Extent.LINE, StopReason.TIME_BUDGET, "urn (4 / 3) * math.pi * ", "urn (4 / 3) * math.pi"),
        (Extent.LINE, StopReason.MAX_TOKENS, "call(a, b, ", "call(a, b"),
        (Extent.LINE, StopReason.END, "x = [", "x = ["),
        (Extent.BLOCK, StopReason.TIME_BUDGET, "    a = 1\n    b = 2\n    c = a +", "    a = 1\n    b = 2"),
        (Extent.BLOCK, StopReason.TIME_BUDGET, "    a = 1 +", "    a = 1"),
    ],
)
def test_nothing_is_left_hanging_in_mid_air(extent: Extent, stop: StopReason, text: str, shown: str) -> None:
    outcome, _ = chain(new_draft(text, "def f():\n", "\n", extent, stop, None))
    assert outcome == shown
