"""The shipped weights make sense, and the script that makes them finds what is in its data."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from codeslm_lsp.completion.confidence import INPUTS, calibration, n_likely_lines
from codeslm_lsp.values import Features
from tests.eval import train_confidence
from tests.eval.train_confidence import DATA, Row, collect, shown, threshold_for, train

SURE = Features(-0.02, -0.005, -0.01, -0.01, 4, 1, 12, 0, 0, True)
UNSURE = Features(-9.0, -0.9, -4.0, -1.0, 10, 1, 40, 2, -1, False)


def test_what_the_model_is_sure_of_is_likelier() -> None:
    assert 0 < calibration().chance(UNSURE) < 0.3 < 0.7 < calibration().chance(SURE) < 1


def test_weights_belong_to_inputs_and_thresholds_to_settings() -> None:
    assert calibration().weights.keys() <= INPUTS.keys()
    thresholds = calibration().thresholds
    assert 0 == thresholds["eager"] < thresholds["balanced"] < thresholds["strict"] < 1


@pytest.mark.parametrize("value", [-1e9, -100.0, 0.0])
def test_no_figure_is_too_large(value: float) -> None:
    features = replace(UNSURE, sum_logprob=value, mean_logprob=value, min_logprob=value, first_logprob=value)
    assert 0 <= calibration().chance(features) <= 1


@pytest.mark.parametrize(("chances", "n_lines"), [((), 0), ((0.9, 0.9), 2), ((0.9, 0.0, 0.9), 1), ((0.0, 0.9), 0)])
def test_lines_are_shown_up_to_the_first_doubtful_one(chances: tuple[float, ...], n_lines: int) -> None:
    assert n_likely_lines(chances, "balanced") == n_lines
    assert n_likely_lines(chances, "eager") == len(chances)


def test_the_weights_are_those_of_the_data() -> None:
    model, _ = train(train_confidence._read(), list(INPUTS))
    assert model["weights"] == pytest.approx(dict(calibration().weights), abs=1e-3)
    assert model["bias"] == pytest.approx(calibration().bias, abs=1e-3)


def made_rows(n: int) -> list[Row]:
    """Right with the probability that the tokens' is."""
    draw = random.Random(0)
    rows = []
    for number in range(n):
        sum_logprob = -3 * draw.random()
        right = draw.random() < np.exp(sum_logprob)
        features = replace(SURE, sum_logprob=sum_logprob)
        rows.append(Row("made", f"made/{number}", str(number % 50), 1, True, bool(right), features))
    return rows


def test_training_finds_the_chance_in_the_data() -> None:
    rows = made_rows(2000)
    _, chances = train(rows, list(INPUTS))
    for low in (0.2, 0.4, 0.6):
        inside = [row.right for row, chance in zip(rows, chances, strict=True) if low <= chance < low + 0.2]
        assert np.mean(inside) == pytest.approx(low + 0.1, abs=0.1)
    threshold = threshold_for(rows, chances, 0.7)
    assert shown(rows, chances, threshold).precision >= 0.7
    assert shown(rows, chances, threshold).share > 0.1


def test_a_case_is_cut_before_its_first_doubtful_line() -> None:
    first = Row("s", "s/1", "g", 1, False, True, SURE)
    rows = [first, replace(first, line=2, is_last=True, right=False), replace(first, case="s/2", right=False)]
    figures = shown(rows, np.array([0.9, 0.4, 0.1]), 0.5)
    assert (figures.share, figures.precision) == (0.5, 1.0)


def test_rows_are_made_of_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_confidence, "DATA", tmp_path / "data.csv.gz")
    cases = [{"id": "a", "package": "p", "middle": "x = 1\n\n    y = 2\n"}, {"id": "HumanEval/3/L1", "middle": "z"}]
    with gzip.open(tmp_path / "set.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(map(json.dumps, cases)))
    features = {name: getattr(SURE, name) for name in train_confidence.FEATURES}
    filled = [
        {"arm": "ours", "id": "a", "fill": {"text": "x = 1\n    y = 3", "features": [features, features]}},
        {"arm": "ours", "id": "HumanEval/3/L1", "fill": {"text": " z", "features": [features]}},
        {"arm": "bare", "id": "a", "fill": {"text": "x", "features": None}},
    ]
    lines = map(json.dumps, [{"subject": {}}, *filled])
    (tmp_path / "record").write_text("\n".join(lines), encoding="utf-8")
    for _ in range(2):  # What was collected before is replaced.
        assert collect("made", tmp_path / "set.gz", tmp_path / "record") == 3
    found = {(row.case, row.line): (row.group, row.is_last, row.right) for row in train_confidence._read()}
    assert found == {
        ("made/a", 1): ("p", False, True),
        ("made/a", 2): ("p", True, False),
        ("made/HumanEval/3/L1", 1): ("HumanEval/3", True, True),
    }


def test_the_data_holds_no_code() -> None:
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        assert file.readline().strip().split(",") == train_confidence.COLUMNS
