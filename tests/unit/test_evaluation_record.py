"""What an evaluation has found, kept in a file and read again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codeslm_lsp.evaluation.arms import Fill
from codeslm_lsp.evaluation.record import Record, scored_from
from codeslm_lsp.evaluation.score import Scored
from codeslm_lsp.values import InputError

SUBJECT = {"model": "m", "set": "s", "settings": {"languages": ("a", "b")}}


def scored(case: str) -> Scored:
    fill = Fill("x = 1\n", 12.5, 40, stop="end", features=[{"sum_logprob": -0.5}], filters=("stutters",))
    return Scored(case, fill, exact=True, exact_first_line=True, passed=None, edit_similarity=0.5, repository="shop")


def test_what_was_added_is_known_again(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    record = Record(path, SUBJECT, scored_from)
    record.add("ours", scored("1"))
    record.add("bare", scored("2"))
    again = Record(path, SUBJECT, scored_from)
    assert again.known("ours") == {"1": scored("1")}
    assert again.known("bare") == {"2": scored("2")}
    again.add("ours", scored("3"))
    assert set(Record(path, SUBJECT, scored_from).known("ours")) == {"1", "3"}


def test_without_a_file_nothing_is_kept() -> None:
    record = Record(None, SUBJECT, scored_from)
    record.add("ours", scored("1"))
    assert record.known("ours") == {"1": scored("1")}


def test_a_line_that_was_cut_off_is_filled_again(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    record = Record(path, SUBJECT, scored_from)
    record.add("ours", scored("1"))
    record.add("ours", scored("2"))
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    again = Record(path, SUBJECT, scored_from)
    assert set(again.known("ours")) == {"1"}
    again.add("ours", scored("2"))
    assert set(Record(path, SUBJECT, scored_from).known("ours")) == {"1", "2"}


@pytest.mark.parametrize("text", ["# notes\n", "{}\n", "[]\n", '{"subject": 1}\n{"arm": "ours"}\n'])
def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="name another file for --record"):
        Record(path, SUBJECT, scored_from)
    assert path.read_text(encoding="utf-8") == text


def test_the_record_of_another_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl"
    Record(path, SUBJECT, scored_from).add("ours", scored("1"))
    with pytest.raises(InputError, match="another model, benchmark or setting"):
        Record(path, {**SUBJECT, "model": "n"}, scored_from)


def test_a_folder_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be used"):
        Record(tmp_path, SUBJECT, scored_from)


def test_a_record_of_an_earlier_codeslm_is_read(tmp_path: Path) -> None:
    fill = {"text": "a", "ms": 1.0, "n_prefill": 2, "skip": "", "stop": "end", "features": None}
    row = {"arm": "ours", "id": "1", "fill": fill, "exact": True, "exact_first_line": True, "passed": None}
    path = tmp_path / "record.jsonl"
    path.write_text(f"{json.dumps({'subject': SUBJECT})}\n{json.dumps(row)}\n", encoding="utf-8")
    known = Record(path, SUBJECT, scored_from).known("ours")
    assert known == {"1": Scored("1", Fill("a", 1.0, 2, "", "end"), True, True, None)}


@pytest.mark.parametrize("row", [{"arm": "ours", "id": "1"}, {"arm": "ours", "id": "1", "fill": {"words": 1}}])
def test_a_case_without_a_fill_is_told_in_a_sentence(tmp_path: Path, row: object) -> None:
    path = tmp_path / "record.jsonl"
    path.write_text(f"{json.dumps({'subject': SUBJECT})}\n{json.dumps(row)}\n", encoding="utf-8")
    with pytest.raises(InputError, match="not the record of an evaluation"):
        Record(path, SUBJECT, scored_from)
