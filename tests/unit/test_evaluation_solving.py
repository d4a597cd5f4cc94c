"""Problems read from a benchmark, what the server said of them, and the figures made of that."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from codeslm_lsp.cli.output import print_tables
from codeslm_lsp.evaluation.problems import Problem, holds_problems, read_problems
from codeslm_lsp.evaluation.record import Record
from codeslm_lsp.evaluation.solving import Derived, Solved, derivations_of, known_again
from codeslm_lsp.evaluation.solving_tables import solving_markdown, solving_summary, solving_tables
from codeslm_lsp.values import InputError


def benchmark(folder: Path, *rows: object) -> Path:
    path = folder / "problems.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)
    return path


WORDS = {"question": "How many?", "answer": "2 + 2 = <<2+2=4>>4\n#### 1,004"}
LATEX = {"problem": "Find $x$.", "answer": "\\frac12", "subject": "Algebra", "unique_id": "a/1"}
HOLE = {"id": "1", "kind": "line", "prefix": "", "middle": "x", "suffix": ""}


def test_both_kinds_of_problems_are_read(tmp_path: Path) -> None:
    path = benchmark(tmp_path, WORDS, LATEX)
    assert holds_problems(path)
    assert sorted(read_problems(path, 0), key=lambda each: each.id) == [
        Problem("0", "How many?", "1,004"),
        Problem("a/1", "Find $x$.", "\\frac12", "Algebra"),
    ]
    assert len(read_problems(path, 1)) == 1


@pytest.mark.parametrize("row", [HOLE, [], "text", 3])
def test_what_holds_no_problems(tmp_path: Path, row: object) -> None:
    path = benchmark(tmp_path, row)
    assert not holds_problems(path)
    with pytest.raises(InputError, match="cannot be read as gzip JSON lines of problems"):
        read_problems(path, 0)


def test_a_file_that_is_missing_holds_none(tmp_path: Path) -> None:
    assert not holds_problems(tmp_path / "none.gz")


def test_derivations_are_found_among_the_evidence() -> None:
    said = {
        "evidence": [
            {"kind": "derivation", "detail": "reasoning in words: 3:4", "replay": "so 3:4", "value": "3:4"},
            {
                "kind": "derivation",
                "detail": "calculated (x: y is not defined.): no answer",
                "replay": "x",
                "value": "",
            },
            {"kind": "derivations", "detail": "None came to an answer.", "replay": ""},
        ]
    }
    assert [tuple(each.values()) for each in derivations_of(said)] == [
        ("reasoning in words", "3:4", "so 3:4"),
        ("calculated (x: y is not defined.)", "", "x"),
    ]


def solved(number: int, *, plain: bool, right: bool, badge: str, subject: str = "") -> Solved:
    derived = (Derived("reasoning in words", "4", plain, "so 4"),)
    return Solved(str(number), subject, "4", right, badge, 1000.0 * number, 100, plain, derived)


ALL = [
    *(solved(n, plain=n < 4, right=n < 6, badge="cross-checked", subject="Algebra") for n in range(1, 7)),
    *(solved(n, plain=True, right=n == 7, badge="unverified", subject="Geometry") for n in range(7, 9)),
]


def test_figures_are_paired_and_grouped() -> None:
    numbers = solving_summary(ALL)
    assert (numbers["plain"]["right"], numbers["solve"]["right"]) == (62.5, 75.0)
    assert numbers["difference"]["points"] == 12.5
    assert numbers["badges"]["cross-checked"]["n"] == 6
    assert numbers["badges"]["unverified"]["solve"]["right"] == 50.0
    assert [*numbers["subjects"]] == ["Algebra", "Geometry"]
    assert numbers["median_ms"] == 4500


def test_tables_fit_the_terminal_and_say_what_they_mean(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = solving_summary(ALL)
    print_tables(solving_tables(numbers), "problems, a model")
    shown = capsys.readouterr().out
    assert "…" not in shown
    assert all(len(line) <= 100 for line in shown.splitlines())
    text = solving_markdown(numbers, "problems, a model")
    assert "| cross-checked | 6 | 75 | 50.0 | 83.3" in text
    assert "the difference is paired" in text


def test_a_run_that_was_ended_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    Record(path, {"model": "m"}, known_again).add("solve", ALL[0])
    assert Record(path, {"model": "m"}, known_again).known("solve") == {"1": ALL[0]}
