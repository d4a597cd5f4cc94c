"""A replayed typist writes what was to be written, the same every time, and takes only what is right."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from codeslm_lsp.evaluation.replay import Tally
from codeslm_lsp.evaluation.statistics import percentile
from codeslm_lsp.evaluation.typist import Stroke, Task, Typist, read_tasks
from codeslm_lsp.values import InputError

TARGET = "def area(radius):\n    # round\n\n    return radius * 2\n"
TASK = Task("a.py", "import math\n\n", TARGET, "\nprint(1)\n")


def written(seed: int) -> list[Stroke]:
    return list(Typist(TASK, seed).strokes())


def test_all_of_the_target_is_typed() -> None:
    for seed in range(20):
        assert "".join(stroke.text for stroke in written(seed)) == TARGET


def test_the_same_seed_gives_the_same_keys_and_times() -> None:
    assert written(3) == written(3)
    assert written(3) != written(4)


def test_indentation_comes_with_the_line_end() -> None:
    assert "\n    " in [stroke.text for stroke in written(0)]


def test_a_person_pauses_corrects_and_looks_elsewhere() -> None:
    strokes = [stroke for seed in range(50) for stroke in written(seed)]
    assert 0.02 < sum(stroke.pauses for stroke in strokes) / len(strokes) < 0.2
    assert any(stroke.wrong for stroke in strokes)
    assert any(stroke.side_trip for stroke in strokes)
    assert all(0.01 < stroke.wait_s < 3 for stroke in strokes)


OFFERS = [
    ("def area(radius):\n    # round\n", "def area(radius):\n    # round\n"),
    ("def area(radius):\n    pass", "def area(radius):"),
    ("def area(r):", ""),
    ("def area(radius", "def area(radius"),
    ("", ""),
]


@pytest.mark.parametrize(("offered", "taken"), OFFERS)
def test_what_is_taken(offered: str, taken: str) -> None:
    typist = Typist(TASK, 0)
    assert typist.accept(offered) == taken
    assert typist.position == len(taken)


def test_after_an_acceptance_the_rest_is_typed() -> None:
    typist = Typist(TASK, 0)
    strokes = typist.strokes()
    typed = next(strokes).text + typist.accept("ef area(radius):\n    # rou")
    typed += "".join(stroke.text for stroke in strokes)
    assert typed == TARGET


def test_the_first_line_is_judged() -> None:
    typist = Typist(TASK, 0)
    assert typist.is_first_line_right("def area(radius):\n    whatever")
    assert not typist.is_first_line_right("def area(radius)")


def test_tasks_are_files_with_a_hole(tmp_path: Path) -> None:
    text = "".join(f"line {n}\n" for n in range(100))
    path = tmp_path / "repos.gz"
    path.write_bytes(gzip.compress(json.dumps({"p": {"a.py": text, "b.txt": text, "c.py": "short\n"}}).encode()))
    tasks = read_tasks(path, 5, 0)
    assert [task.path for task in tasks] == ["a.py"] * 5
    assert all(task.before + task.target + task.after == text for task in tasks)
    assert len({task.before for task in tasks}) > 1
    with pytest.raises(InputError, match="cannot be read"):
        read_tasks(tmp_path / "none.gz", 1, 0)
    path.write_bytes(gzip.compress(b'{"p": {"a.py": "short"}}'))
    with pytest.raises(InputError, match="no Python files"):
        read_tasks(path, 1, 0)


def test_the_figures() -> None:
    tally = Tally([0.1, 0.2, 0.5, 2.0], 5, 4, 3, 30, 70, 6.0, 15, 2_000_000)
    assert percentile(range(1, 21), 95) == 19
    figures = tally.summary(tokens_per_character=0.3)
    assert (figures["p50_ms"], figures["p95_ms"], figures["offered"]) == (350.0, 2000.0, 0.8)
    assert (figures["within_300_ms"], figures["within_1_s"], figures["exact_match"]) == (0.4, 0.6, 0.6)
    assert figures["tokens_evaluated_per_token_typed"] == 0.5
    assert (figures["cpu_s_per_accepted_character"], figures["peak_rss_mb"]) == (0.2, 2.0)
