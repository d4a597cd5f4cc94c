"""How fills are scored and compared, and that bad benchmark files end in a sentence."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.evaluation.arms import Fill
from codeslm_lsp.evaluation.cases import Case, read_cases, read_repositories
from codeslm_lsp.evaluation.execute import passes
from codeslm_lsp.evaluation.levenshtein import distance, similarity
from codeslm_lsp.evaluation.score import Scored, score, scored_again
from codeslm_lsp.evaluation.statistics import mean_interval, paired_difference
from codeslm_lsp.evaluation.summary import summary
from codeslm_lsp.values import InputError

CASE = Case(
    "1", "single_line", "python", "def f(a):\n", "    return a\n", "", "def check(f):\n    assert f(2) == 2\n", "f"
)


def fill(text: str) -> Fill:
    return Fill(text, 1.0, 1)


@pytest.mark.parametrize(
    ("text", "exact", "first_line", "passed"),
    [
        ("    return a", True, True, True),
        ("    return a\n    x = 1", False, True, True),
        ("    return  a", False, False, True),
        ("    return a + 1", False, False, False),
        ("", False, False, False),
    ],
)
def test_scores(text: str, exact: bool, first_line: bool, passed: bool) -> None:
    scored = score(CASE, fill(text), execute=True)
    assert (scored.exact, scored.exact_first_line, scored.passed) == (exact, first_line, passed)


def test_nothing_is_run_unless_asked() -> None:
    assert score(CASE, fill("    return a"), execute=False).passed is None


def test_a_program_that_writes_too_much_fails(tmp_path: Path) -> None:
    program = "def f(a):\n    open('big', 'wb').write(b'x' * (1 << 24))\n    return a\n"
    assert not passes(program, CASE.test, "f")
    assert passes("def f(a):\n    return a\n", CASE.test, "f")


def test_the_difference_is_paired() -> None:
    same = paired_difference([True, False] * 50, [True, False] * 50)
    assert (same.points, same.low, same.high, same.n) == (0, 0, 0, 100)
    better = paired_difference([False] * 100, [True] * 30 + [False] * 70)
    assert better.points == 30
    assert 15 < better.low < 30 < better.high < 45


def test_repositories_are_drawn_whole() -> None:
    a, b = [False] * 100, [True] * 50 + [False] * 50
    by_case = paired_difference(a, b)
    assert (by_case.low, by_case.high) == pytest.approx((40, 60), abs=3)
    # Two repositories, one all right and one all wrong: nothing is known about a third.
    clustered = paired_difference(a, b, ["x"] * 50 + ["y"] * 50)
    assert (clustered.points, clustered.low, clustered.high) == (50, 0, 100)
    assert paired_difference(a, b, ["x"] * 100) == by_case
    # One that is larger weighs more.
    means = {mean_interval([1, 1, 1, 0], ["x", "x", "x", "y"], seed=seed).high for seed in range(5)}
    assert means == {100}


def test_the_interval_of_a_mean() -> None:
    interval = mean_interval([1] * 30 + [0] * 70)
    assert 20 < interval.low < 30 < interval.high < 40


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_the_distance_is_that_of_the_textbook(a: str, b: str) -> None:
    row = list(range(len(b) + 1))
    for at, x in enumerate(a, start=1):
        before, row = row, [at]
        for place, y in enumerate(b, start=1):
            row.append(min(row[-1] + 1, before[place] + 1, before[place - 1] + (x != y)))
    assert distance(a, b) == row[-1]


def test_similarity() -> None:
    assert (similarity("", ""), similarity("abc", ""), similarity("kitten", "kitten")) == (1, 0, 1)
    assert similarity("kitten", "sitting") == pytest.approx(1 - 3 / 7)


@pytest.mark.parametrize(
    ("text", "keeps_parsing"),
    [("    return a", True), ("    return (a", False), ("    other = 1", True), ("", None)],
)
def test_what_a_fill_does_to_the_tree(text: str, keeps_parsing: bool | None) -> None:
    assert score(CASE, fill(text), execute=False).keeps_parsing is keeps_parsing


def test_a_language_without_a_grammar_has_no_tree() -> None:
    case = Case("1", "line", "unknown", "", "a", "")
    assert score(case, fill("a"), execute=False).keeps_parsing is None


def test_what_was_filled_before_is_measured_anew() -> None:
    old = Scored("1", fill("    return a"), False, False, True)
    again = scored_again(CASE, old)
    assert (again.exact, again.passed, again.edit_similarity, again.keeps_parsing) == (True, True, 1, True)


def test_the_summary_of_what_is_shown() -> None:
    texts = [("a", 1.0), ("a", 2.0), ("b", 3.0), ("", 4.0)]
    arm = [
        Scored(str(n), Fill(text, ms, 1, "" if text else "blank"), text == "a", text == "a", None, 0.5, n < 1)
        for n, (text, ms) in enumerate(texts)
    ]
    numbers = summary({"ours": arm})["ours"]
    assert (numbers["shown"], numbers["exact_match"], numbers["edit_similarity"]) == (75, 50, 50)
    assert numbers["precision"] == pytest.approx(200 / 3)
    assert numbers["parse_valid_gain"] == pytest.approx(100 / 3)
    assert (numbers["median_ms"], numbers["p95_ms"]) == (2.5, 4)
    assert numbers["exact_match_interval"]["low"] < 50 < numbers["exact_match_interval"]["high"]


def test_nothing_shown_has_no_precision() -> None:
    numbers = summary({"ours": [Scored("1", Fill("", 1.0, 1, "blank"), False, False, None)]})["ours"]
    assert (numbers["precision"], numbers["parse_valid_gain"], numbers["shown"]) == (None, None, 0)


def test_the_summary_draws_repositories() -> None:
    def arm(exact: list[bool]) -> list[Scored]:
        return [Scored(str(n), fill("a"), right, right, None, repository="xy"[n // 2]) for n, right in enumerate(exact)]

    numbers = summary({"bare": arm([False] * 4), "ours": arm([True, True, False, False])})
    assert numbers["ours"]["n_groups"] == 2
    difference = numbers["ours"]["exact_match_difference"]
    assert (difference["points"], difference["low"], difference["high"]) == (50, 0, 100)


def test_the_summary_compares_with_the_first_arm() -> None:
    first = [Scored("1", fill("a"), True, True, None), Scored("2", fill("b"), False, False, None)]
    second = [Scored("1", fill("a"), True, True, None), Scored("2", fill("c"), True, True, None)]
    numbers = summary({"bare": first, "ours": second})
    assert numbers["bare"]["exact_match"] == 50
    assert "exact_match_difference" not in numbers["bare"]
    assert numbers["ours"]["exact_match_difference"]["points"] == 50
    assert "pass_at_1" not in numbers["ours"]


def write(path: Path, *rows: object) -> Path:
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    return path


ROW = {"id": "1", "kind": "line", "language": "python", "prefix": "a", "middle": "b", "suffix": "c", "other": 1}


def test_cases_are_read_by_kind_and_chosen_the_same_every_time(tmp_path: Path) -> None:
    rows = [{**ROW, "id": str(n), "kind": "line" if n % 2 else "span"} for n in range(20)]
    path = write(tmp_path / "set.gz", *rows)
    assert {case.kind for case in read_cases(path, "line", 0)} == {"line"}
    assert len(read_cases(path, "", 0)) == 20
    assert read_cases(path, "line", 4) == read_cases(path, "line", 0)[:4]


@pytest.mark.parametrize(
    "content",
    [b"", b"plain text", gzip.compress(b"{", mtime=0), gzip.compress(b"[1]\n", mtime=0), gzip.compress(b"{}", mtime=0)],
)
def test_a_bad_file_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "set.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"set\.gz"):
        read_cases(path, "", 0)


def test_a_missing_file_or_kind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_cases(tmp_path / "none.gz", "", 0)
    with pytest.raises(InputError, match="no cases of the kind 'x'"):
        read_cases(write(tmp_path / "set.gz", ROW), "x", 0)


def test_a_hole_in_a_repository_gets_its_text(tmp_path: Path) -> None:
    path = tmp_path / "repositories.gz"
    path.write_bytes(gzip.compress(json.dumps({"shop": {"shop/cart.py": "total = price * n\n"}}).encode()))
    hole = {"id": "1", "kind": "xfile", "language": "python", "package": "shop", "path": "shop/cart.py"}
    rows = [{**hole, "offset": 8, "middle": "price"}, {**hole, "offset": 9, "middle": "price"}]
    [case] = read_cases(write(tmp_path / "set.gz", *rows), "", 0, repositories=read_repositories(path))
    assert (case.prefix, case.middle, case.suffix) == ("total = ", "price", " * n\n")
    assert (case.repository, case.path) == ("shop", "shop/cart.py")


@pytest.mark.parametrize("content", [b"", gzip.compress(b"[]", mtime=0), gzip.compress(b'{"a": 1}', mtime=0)])
def test_a_bad_file_of_repositories_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "repositories.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"repositories\.gz"):
        read_repositories(path)
