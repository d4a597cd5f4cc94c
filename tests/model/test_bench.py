"""The benchmarks that need a model, in small: what they count adds up. How fast anything is, is not asserted."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from codeslm_lsp.evaluation.overhead import source_lines, text_of


def bench(model: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "codeslm_lsp.cli", "--model", str(model), "bench", *arguments, "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    return json.loads(run.stdout)


def test_overhead_counts_both_kinds_of_keys(small_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(text_of(source_lines(), 60), encoding="utf-8")
    [measured] = bench(small_model, "overhead", "--file", str(file), "--n", "2")["files"]
    assert measured["lines"] == 60
    for kind in ("typed_through", "asked"):
        assert measured[kind]["n"] >= 2
        assert 0 < measured[kind]["p50_ms"] <= measured[kind]["p95_ms"] <= measured[kind]["max_ms"]


def test_decode_has_both_produce_tokens(small_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text(text_of(source_lines(), 200), encoding="utf-8")
    figures = bench(small_model, "decode", "--file", str(file), "--n", "2", "--prompt", "32", "--tokens", "8")
    assert figures["runs"] == len(figures["decode"]["ratios"]) == 2
    assert figures["n_decode"] == [8, 8]
    for name in ("prefill", "decode"):
        assert figures[name]["codeslm_tokens_s"] > 0
        assert figures[name]["plain_tokens_s"] > 0


def test_problems_are_solved_beside_the_model_alone(small_model: Path, tmp_path: Path) -> None:
    """The command needs no model for this one; what the model alone says of it is asked for all the same."""
    problem = {"problem": "7 * 6", "answer": "42", "subject": "Algebra", "unique_id": "a/1"}
    file, record = tmp_path / "problems.jsonl.gz", tmp_path / "record.jsonl"
    file.write_bytes(gzip.compress(json.dumps(problem).encode()))
    command = [sys.executable, "-m", "codeslm_lsp.cli", "--model", str(small_model), "eval", "--set", str(file)]
    command += ["--record", str(record), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    [found] = json.loads(run.stdout)["cases"]
    assert (found["answer"], found["badge"], found["right"]) == ("42", "proved", True)
    in_words, calculated, *_ = (each["how"] for each in found["derivations"])
    assert in_words == "reasoning in words"
    assert calculated.startswith("a calculation, computed")  # The 0.5B may leave a number out.
    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)  # Nothing is asked anew.
    assert json.loads(again.stdout)["summary"] == json.loads(run.stdout)["summary"]
