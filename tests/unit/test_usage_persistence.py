"""How much of what was accepted is still there."""

from __future__ import annotations

import pytest

from codeslm_lsp.usage.persistence import AROUND, n_kept, placed

BEFORE = "import math\n\n\ndef area(radius):\n    ret"
AFTER = "\n\n\nprint(area(2))\n"
TAKEN = "urn math.pi * radius**2"
FAR = "other = 1\n" * AROUND


@pytest.mark.parametrize(
    ("now", "kept"),
    [
        (BEFORE + TAKEN + AFTER, len(TAKEN)),
        (BEFORE + TAKEN + " * 1.0" + AFTER, len(TAKEN)),
        ("import sys\n" * 20 + BEFORE + TAKEN + AFTER, len(TAKEN)),
        ((BEFORE + TAKEN + AFTER).replace("\n", "\r\n"), len(TAKEN)),
        (FAR + BEFORE + TAKEN + AFTER, 0),
        (BEFORE + AFTER, 0),
        (BEFORE + "ry: pass" + AFTER, 0),
        ("", 0),
        (BEFORE + TAKEN.replace("radius", "r") + AFTER, len("urn math.pi * r") + len("**2")),
        (BEFORE + "urn math.pi" + AFTER, len("urn math.pi")),
        (BEFORE + TAKEN.replace("radius**2", "radius_of_it**2") + AFTER, len(TAKEN)),
    ],
    ids=[
        *("untouched", "written on", "moved down", "other line ends", "too far away", "undone", "something else"),
        *("emptied", "a name changed", "its end deleted", "something put into it"),
    ],
)
def test_characters_that_are_still_there(now: str, kept: int) -> None:
    text = BEFORE + AFTER
    assert n_kept(placed(text, len(BEFORE), len(BEFORE), TAKEN), now) == kept


def test_a_text_that_was_there_before_is_not_the_accepted_one() -> None:
    before = "close(a)\nclose(b)\n"
    there = placed(before, len(before), len(before), "close(a)\n")
    assert n_kept(there, before) == 0
    assert n_kept(there, before + "close(a)\n") == len("close(a)\n")


def test_lines_of_a_block_count_by_themselves() -> None:
    text = "def f():\n    x = 1\n"
    there = placed(text, len(text), len(text), "    first = x + 1\n    second = x + 2\n    return second\n")
    assert n_kept(there, text + "    second = x + 2\n    return second\n") == len(
        "    second = x + 2\n    return second\n"
    )


def test_what_replaces_a_range_and_parts_of_it() -> None:
    there = placed("x = foo", 4, 7, "foobar(1)")
    assert (there.before, there.after) == ("x = ", "")
    assert n_kept(there.part(6), "x = foobar") == 6
    assert n_kept(there.part(0), "x = foobar") == 0
