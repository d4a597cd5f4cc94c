"""Recent regions: adjacent edits are one, later ones come first, and lines move with what is edited above them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.workspace.recent import GAP_LINES, MAX_REGIONS, Recent, Touch, digest_of


class Text:
    """A document of numbered lines; edits change it and are told to ``Recent``."""

    def __init__(self, n_lines: int) -> None:
        self.lines = [f"line {n}" for n in range(n_lines)]
        self.recent = Recent()
        self.now_s = 0.0

    def between(self, first_line: int, end_line: int) -> str:
        return "\n".join(self.lines[first_line:end_line])

    def edit(self, first_line: int, end_line: int, new: Sequence[str], path: str = "a.py") -> None:
        self.lines[first_line:end_line] = new
        self.now_s += 1
        self.recent = self.recent.edited(path, first_line, end_line, first_line + len(new), self.between, self.now_s)

    def view(self, first_line: int, end_line: int) -> None:
        self.now_s += 1
        self.recent = self.recent.viewed("a.py", first_line, end_line, self.between, self.now_s)

    def edited(self) -> list[tuple[int, int]]:
        return [(each.first_line, each.end_line) for each in self.recent.of(Touch.EDITED)]


def test_later_edits_come_first_and_adjacent_ones_are_merged() -> None:
    text = Text(100)
    text.edit(10, 11, ["a"])
    text.edit(50, 51, ["b"])
    text.edit(11, 12, ["c"])
    assert text.edited() == [(10, 12), (50, 51)]
    text.edit(12 + GAP_LINES, 13 + GAP_LINES, ["d"])
    text.edit(60, 61, ["e"])
    assert text.edited() == [(60, 61), (10, 13 + GAP_LINES), (50, 51)]


def test_lines_move_with_what_is_edited_above() -> None:
    text = Text(100)
    text.edit(50, 51, ["x", "y"])
    text.edit(0, 0, ["new"] * 5)
    assert text.edited() == [(0, 5), (55, 57)]
    text.edit(20, 30, [])
    assert text.edited() == [(20, 21), (0, 5), (45, 47)]
    assert text.recent.of(Touch.EDITED)[2].digest == digest_of("x\ny") == digest_of(text.between(45, 47))


def test_a_deleted_region_is_forgotten() -> None:
    text = Text(100)
    text.edit(50, 52, ["x", "y"])
    text.edit(40, 60, [])
    assert text.edited() == [(40, 41)]


def test_views_and_edits_and_documents_are_kept_apart() -> None:
    text = Text(100)
    text.edit(10, 11, ["a"])
    text.view(10, 12)
    text.edit(10, 11, ["b"], path="b.py")
    assert [(each.path, each.touch) for each in text.recent.regions] == [
        ("b.py", Touch.EDITED),
        ("a.py", Touch.VIEWED),
        ("a.py", Touch.EDITED),
    ]
    assert [each.path for each in text.recent.without("a.py").regions] == ["b.py"]


def test_the_number_is_bounded_for_each_kind() -> None:
    text = Text(5000)
    text.view(4990, 4995)
    for n in range(MAX_REGIONS + 10):
        text.edit(n * 10, n * 10 + 1, ["x"])
    assert len(text.edited()) == MAX_REGIONS
    assert text.edited()[0] == ((MAX_REGIONS + 9) * 10, (MAX_REGIONS + 9) * 10 + 1)
    assert len(text.recent.of(Touch.VIEWED)) == 1


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 4), st.integers(0, 4)), max_size=30))
def test_regions_never_overlap_and_end_with_what_was_edited_last(edits: list[tuple[int, int, int]]) -> None:
    text = Text(40)
    for start, n_old, n_new in edits:
        first = min(start, len(text.lines))
        end = min(first + n_old, len(text.lines))
        text.edit(first, end, [f"edit {text.now_s}"] * n_new)
        assert text.edited()[0][0] <= first
        assert text.edited()[0][1] >= first + n_new
        latest = text.recent.regions[0]
        assert latest.digest == digest_of(text.between(latest.first_line, latest.end_line))
        in_order = sorted(text.edited())
        assert all(one[1] + GAP_LINES < other[0] for one, other in pairwise(in_order))
