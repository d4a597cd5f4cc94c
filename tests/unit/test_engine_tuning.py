"""What was measured is found again for the same model on the same machine, and for nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from codeslm_lsp.engine import tuning as tuning_module
from codeslm_lsp.engine.tuning import FOLDER_VARIABLE, load_tuning, save_tuning, tuning_from_json, tuning_to_json
from codeslm_lsp.values import Trial, Tuning

TUNING = Tuning(
    n_threads=3,
    n_threads_batch=4,
    n_ubatch=128,
    flash_attention=True,
    prefill_tokens_s=101.5,
    decode_tokens_s=26.25,
    verify_cost=((1, 1.0), (2, 1.6), (4, 2.4)),
    trials=(Trial("threads", "4", 100.0, 20.0), Trial("micro-batch", "128", 101.5)),
)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "machine"))
    (tmp_path / "model.gguf").write_bytes(b"weights")
    return tmp_path / "model.gguf"


def test_what_was_saved_is_loaded(model: Path) -> None:
    assert load_tuning(model) is None
    save_tuning(model, TUNING)
    assert load_tuning(model) == TUNING
    save_tuning(model, replace(TUNING, n_threads=1))
    assert load_tuning(model) == replace(TUNING, n_threads=1)
    assert [path.suffix for path in (model.parent / "machine").iterdir()] == [".json"]


def test_another_model_is_measured_anew(model: Path) -> None:
    save_tuning(model, TUNING)
    status = model.stat()
    model.write_bytes(b"other weights")
    os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load_tuning(model) is None
    model.write_bytes(b"weights")
    os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert load_tuning(model) is None
    os.utime(model, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert load_tuning(model) == TUNING


@pytest.mark.parametrize("fact", ["_processor", "n_usable_cores", "version"])
def test_another_machine_or_runtime_is_measured_anew(model: Path, monkeypatch: pytest.MonkeyPatch, fact: str) -> None:
    save_tuning(model, TUNING)
    monkeypatch.setattr(tuning_module, fact, lambda *_: "another")
    assert load_tuning(model) is None


@pytest.mark.parametrize(
    "content", ["", "null", "[]", "{}", '{"tuning": null}', '{"tuning": {"n_threads": 1}}', '{"tuning": "\\ud800"}']
)
def test_a_damaged_file_is_measured_anew(model: Path, content: str) -> None:
    save_tuning(model, TUNING)
    [file] = (model.parent / "machine").iterdir()
    file.write_text(content, encoding="utf-8")
    assert load_tuning(model) is None


def test_a_folder_that_cannot_be_written_stops_nothing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(model / "below-a-file"))
    save_tuning(model, TUNING)
    assert load_tuning(model) is None


@pytest.mark.parametrize(
    "impossible",
    [{"n_threads": 0}, {"n_ubatch": -1}, {"prefill_tokens_s": float("nan")}, {"verify_cost": [[1, -1.0]]}],
)
def test_impossible_figures_are_refused(impossible: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"there is no|cannot have been"):
        tuning_from_json({**tuning_to_json(TUNING), **impossible})
