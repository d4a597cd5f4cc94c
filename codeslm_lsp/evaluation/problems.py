"""A benchmark file (gzip JSON lines) → problems in words, and what they come to."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.cases import UNREADABLE, json_rows
from codeslm_lsp.values import InputError

FINAL = "####"
"""Before the answer of GSM8K (arXiv 2110.14168); MATH (arXiv 2103.03874) has it in a field of its own."""


@dataclass(frozen=True, slots=True)
class Problem:
    """``answer`` is a number or LaTeX; ``subject`` is empty where the benchmark has none."""

    id: str
    text: str
    answer: str
    subject: str = ""


def holds_problems(path: Path) -> bool:
    """Whether the file's first row is a problem rather than a hole in code; False for what cannot be read."""
    try:
        row = next(json_rows(path))
    except (*UNREADABLE, StopIteration):
        return False
    return isinstance(row, dict) and "answer" in row and ("question" in row or "problem" in row)


def read_problems(path: Path, n: int, seed: int = 0) -> list[Problem]:
    """``n`` problems, a fixed random choice; all of them where ``n`` is 0. Raises ``InputError``."""
    try:
        problems = [_problem(row, number) for number, row in enumerate(json_rows(path))]
    except (*UNREADABLE, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} cannot be read as gzip JSON lines of problems: {error!r}.") from None
    random.Random(seed).shuffle(problems)
    return problems[: n or None]


def _problem(row: dict[str, Any], number: int) -> Problem:
    text = str(row["question"] if "question" in row else row["problem"])
    answer = str(row["answer"]).rpartition(FINAL)[2].strip()
    return Problem(str(row.get("unique_id", number)), text, answer, str(row.get("subject", "")))
