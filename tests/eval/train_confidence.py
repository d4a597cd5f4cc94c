"""Completions and what stood in their places → ``completion/confidence.json``.

``python -m tests.eval.train_confidence collect NAME SET RECORD`` adds what ``codeslm eval --set SET --record RECORD``
found to the data beside this file. ``python -m tests.eval.train_confidence`` trains on all of it, prints how well what
is shown would have been chosen for code that was not trained on (ten folds, no repository or problem in two of them),
and writes the weights.

Data (``confidence.csv.gz``): a row for each line that a completion could be cut behind. ``case``, ``group`` (repository
or problem), ``line`` from 1, ``is_last``, ``right`` (up to here it is what stood there, and all of it where this is the
last line), then the features. It holds no code.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from codeslm_lsp.completion.confidence import INPUTS, WEIGHTS
from codeslm_lsp.values import Features

DATA = Path(__file__).with_name("confidence.csv.gz")
N_FOLDS = 10
RIDGE = 1.0
PRECISION = {"balanced": 0.77, "strict": 0.85}
"""Of what is shown at each caution, out of the folds; some points above what is promised."""
FEATURES = [field.name for field in fields(Features)]
COLUMNS = ["set", "case", "group", "line", "is_last", "right", *FEATURES]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Row:
    """A completion up to the end of one line. ``case`` is unique in all sets."""

    set: str
    case: str
    group: str
    line: int
    is_last: bool
    right: bool
    features: Features


def collect(name: str, benchmark: Path, record: Path, arm: str = "ours") -> int:
    """Add a record's cases to the data, in place of what the set ``name`` had there. Returns how many rows it has."""
    with gzip.open(benchmark, "rt", encoding="utf-8") as lines:
        wanted = {row["id"]: row for row in map(json.loads, lines)}
    rows = [row for row in _read() if row.set != name]
    n_before = len(rows)
    for line in record.read_text(encoding="utf-8").splitlines()[1:]:
        filled = json.loads(line)
        if filled["arm"] == arm and (found := filled["fill"]["features"]):
            case = wanted[filled["id"]]
            rows += _rows(name, case, filled["fill"]["text"], [Features(**each) for each in found])
    _write(rows)
    return len(rows) - n_before


def _rows(name: str, case: dict[str, Any], text: str, features: Sequence[Features]) -> list[Row]:
    written, truth = _lines(text), _lines(case["middle"])
    assert len(written) == len(features), (case["id"], text, len(features))
    problem = re.search(r"HumanEval/\d+", case["id"])
    group = case.get("package") or case.get("repository") or (problem.group() if problem else case["id"])
    rows = []
    for number, each in enumerate(features, start=1):
        is_last = number == len(features)
        right = written == truth if is_last else written[:number] == truth[:number]
        rows.append(Row(name, f"{name}/{case['id']}", str(group), number, is_last, right, each))
    return rows


def _lines(text: str) -> list[str]:
    """The lines with anything in them; how the first is indented is not asked for."""
    return [line.rstrip() for line in text.strip().splitlines() if line.strip()]


@dataclass(frozen=True, slots=True)
class Shown:
    """How a threshold would have done: the share of cases with something shown, and how much of that is right."""

    share: float
    precision: float


def shown(rows: Sequence[Row], chances: Vector, threshold: float) -> Shown:
    """Each case is cut before its first line below the threshold; what is left is right or wrong."""
    kept: dict[str, bool] = {}
    ended = set()
    for row, chance in zip(rows, chances, strict=True):
        if row.case in ended:
            continue
        if chance < threshold:
            ended.add(row.case)
        else:
            kept[row.case] = row.right
    n_cases = len({row.case for row in rows})
    return Shown(len(kept) / n_cases, sum(kept.values()) / len(kept) if kept else math.nan)


def fit(inputs: Vector, right: Vector, weights: Vector) -> Vector:
    """Logistic regression by Newton's method with a ridge; the first coefficient is the bias."""
    design = np.column_stack([np.ones(len(inputs)), inputs])
    ridge = np.full(design.shape[1], RIDGE)
    ridge[0] = 1e-9
    coefficients = np.zeros(design.shape[1])
    for _ in range(50):
        chances = 1 / (1 + np.exp(-design @ coefficients))
        gradient = design.T @ (weights * (chances - right)) + ridge * coefficients
        curvature = (design.T * (weights * chances * (1 - chances))) @ design + np.diag(ridge)
        coefficients -= np.linalg.solve(curvature, gradient)
    return coefficients


def train(rows: Sequence[Row], names: Sequence[str]) -> tuple[dict[str, Any], Vector]:
    """Weights of the inputs ``names`` from all rows, and each row's chance by weights without those of its group."""
    inputs = np.array([[INPUTS[name](row.features) for name in names] for row in rows])
    middle, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-9
    scaled = (inputs - middle) / scale
    right = np.array([row.right for row in rows], dtype=float)
    n_lines: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        n_lines[row.case] += 1
    weights = np.array([1 / n_lines[row.case] for row in rows])
    groups = sorted({row.group for row in rows})
    order = np.random.default_rng(0).permutation(len(groups)) % N_FOLDS
    fold_of = dict(zip(groups, order.tolist(), strict=True))
    folds = np.array([fold_of[row.group] for row in rows])
    chances = np.zeros(len(rows))
    for fold in range(N_FOLDS):
        out = folds == fold
        if out.any():
            found = fit(scaled[~out], right[~out], weights[~out])
            chances[out] = 1 / (1 + np.exp(-(found[0] + scaled[out] @ found[1:])))
    found = fit(scaled, right, weights)
    unscaled = found[1:] / scale
    model = {
        "bias": round(float(found[0] - unscaled @ middle), 4),
        "weights": {name: round(float(weight), 4) for name, weight in zip(names, unscaled, strict=True)},
    }
    return model, chances


def threshold_for(rows: Sequence[Row], chances: Vector, precision: float) -> float:
    """The lowest threshold from which on so much of what is shown is right."""
    steps = [step / 100 for step in range(0, 100)]
    enough = [step for step in steps if shown(rows, chances, step).precision >= precision]
    return min(enough, default=steps[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command")
    collecting = commands.add_parser("collect")
    for argument in ("name", "set", "record"):
        collecting.add_argument(argument)
    options = parser.parse_args()
    if options.command == "collect":
        print(collect(options.name, Path(options.set), Path(options.record)), "rows")
        return
    rows = _read()
    n_cases = len({row.case for row in rows})
    print(
        f"{len(rows)} rows, {n_cases} cases, {sum(r.right for r in rows if r.is_last) / n_cases:.1%} right as a whole"
    )
    for left_out in (None, *INPUTS):
        _, chances = train(rows, [name for name in INPUTS if name != left_out])
        print(f"  {'all' if left_out is None else 'without ' + left_out:24} log loss {_log_loss(rows, chances):.4f}")
    model, chances = train(rows, list(INPUTS))
    thresholds = {"eager": 0.0} | {name: threshold_for(rows, chances, least) for name, least in PRECISION.items()}
    for caution, threshold in thresholds.items():
        for name in ("", *sorted({row.set for row in rows})):
            chosen = [number for number, row in enumerate(rows) if name in ("", row.set)]
            figures = shown([rows[number] for number in chosen], chances[chosen], threshold)
            title = f"{caution:9} ≥ {threshold:.2f}  {name or 'all':22}"
            print(f"{title} shown {figures.share:.1%}, of it right {figures.precision:.1%}")
    for low in range(0, 10, 2):
        inside = [n for n, chance in enumerate(chances) if low / 10 <= chance < low / 10 + 0.2]
        if inside:
            n_right = sum(rows[number].right for number in inside)
            print(f"chance {low / 10:.1f} to {low / 10 + 0.2:.1f}: {n_right / len(inside):.1%} right of {len(inside)}")
    note = f"Written by tests/eval/train_confidence.py from {n_cases} cases; edit nothing here."
    WEIGHTS.write_text(json.dumps({"note": note, **model, "thresholds": thresholds}, indent=2) + "\n", encoding="utf-8")


def _log_loss(rows: Sequence[Row], chances: Vector) -> float:
    """In nats; every row counts alike."""
    right = np.array([row.right for row in rows])
    return float(-np.log(np.where(right, chances, 1 - chances)).mean())


def _read() -> list[Row]:
    if not DATA.exists():
        return []
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        return [_row(values) for values in csv.DictReader(file)]


def _row(values: dict[str, str]) -> Row:
    # Older data have no column for what was not looked at then.
    numbers: dict[str, Any] = {name: (float if "logprob" in name else int)(values.get(name) or 0) for name in FEATURES}
    features = Features(**{**numbers, "ended": values["ended"] == "1"})
    is_last, right = (values[name] == "1" for name in ("is_last", "right"))
    return Row(values["set"], values["case"], values["group"], int(values["line"]), is_last, right, features)


def _write(rows: Sequence[Row]) -> None:
    with gzip.GzipFile(DATA, "wb", mtime=0) as packed, io.TextIOWrapper(packed, "utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in sorted(rows, key=lambda each: (each.set, each.case, each.line)):
            features = {name: round(getattr(row.features, name), 5) for name in FEATURES}
            features["ended"] = int(row.features.ended)
            own = {"set": row.set, "case": row.case, "group": row.group, "line": row.line}
            writer.writerow({**own, "is_last": int(row.is_last), "right": int(row.right), **features})


if __name__ == "__main__":
    main()
