"""``codeslm models optimize`` with llama.cpp at work: what is compared, what is kept, and what never changes."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli import models_optimize
from codeslm_lsp.cli.models import app
from codeslm_lsp.cli.models_optimize import best, gain
from codeslm_lsp.engine import requantize as requantize_module
from codeslm_lsp.engine.requantize import compare, requantize
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.models.store import open_store, read_sidecar
from codeslm_lsp.models.workbench import workbench
from codeslm_lsp.values import Comparison, EngineError, InputError, ModelNotFound
from tests.support import tiny_gguf

COMPARISON = Comparison((100.0, 130.0), (25.0, 30.0), (1.0, 1.01), 0.002, 2000, 1950)


@pytest.fixture(autouse=True)
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model, the only one of its store."""
    monkeypatch.setenv("CODESLM_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "models").mkdir()
    tiny_gguf.write_bpe_model(tmp_path / "models" / "tiny.gguf")
    return tmp_path / "models" / "tiny.gguf"


def left_behind(model: Path) -> list[Path]:
    return [path for path in (model.parent / ".partial").iterdir() if path.suffix != ".lock"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["optimize", *arguments], catch_exceptions=False)


def test_what_is_worth_it_is_kept_beside_the_original(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_optimize, "MIN_GAIN", 0.0)
    before = model.read_bytes()
    printed = run("tiny", "--max-loss", "100").stdout
    assert "q4_0" in printed
    assert "q8_0" in printed
    [kept] = [path for path in model.parent.glob("*.gguf") if path != model]
    kind = kept.stem.removeprefix("tiny-")
    assert f"Kept as {kept.stem}" in printed
    assert {tensor.type for tensor in read_header(kept).tensors} & {kind.upper()}
    store = open_store()
    assert store.find(kept.stem) == kept
    sidecar = read_sidecar(kept)
    assert sidecar is not None
    assert sidecar.source == "requantised from tiny.gguf"
    assert store.verify(kept) == sidecar.sha256
    assert model.read_bytes() == before
    assert left_behind(model) == []


def test_a_dry_run_keeps_nothing(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_optimize, "MIN_GAIN", 0.0)
    assert "is worth it" in run(str(model), "--max-loss", "100", "--dry-run").stdout
    assert list(model.parent.rglob("*.gguf")) == [model]


def test_what_is_not_quicker_is_not_kept(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_optimize, "MIN_GAIN", 1000.0)
    assert "keep using it" in run("tiny").stdout
    assert list(model.parent.rglob("*.gguf")) == [model]


def test_errors_say_what_to_do(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelNotFound, match="codeslm models pull"):
        run("0.5b")
    with pytest.raises(InputError, match="check its path"):
        run("tiny", "--text", str(tmp_path / "none.py"))
    (tmp_path / "short.py").write_text("x = 1\n", encoding="utf-8")
    with pytest.raises(EngineError, match="too short to compare"):
        run("tiny", "--text", str(tmp_path / "short.py"))
    monkeypatch.setattr(requantize_module, "REPACKED", 10 * psutil.virtual_memory().total // model.stat().st_size)
    with pytest.raises(InputError, match="close other programs"):
        run("tiny")
    assert left_behind(model) == []


def test_what_a_killed_run_left_is_deleted_and_two_runs_do_not_meet(model: Path) -> None:
    left = model.parent / ".partial" / "optimize" / "q4_0.gguf"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a model")
    with workbench(open_store()) as folder:
        assert list(folder.iterdir()) == []
        with pytest.raises(InputError, match="Another program is optimizing"):
            run("tiny")
    assert left_behind(model) == []


def test_a_file_that_llama_cpp_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"GGUF\x03\x00\x00\x00")
    with pytest.raises(EngineError, match=r"could not be optimized: .*; it is unchanged"):
        requantize(tmp_path / "broken.gguf", tmp_path / "out.gguf", "q4_0")


def test_the_quickest_is_taken_among_those_that_predict_as_well() -> None:
    assert gain(COMPARISON) == pytest.approx((1.28 + 0.64) / (128 / 130 + 16 / 30))
    worse = replace(COMPARISON, nll=(1.0, 1.03), prefill_tokens_s=(100.0, 200.0))
    slower = replace(COMPARISON, prefill_tokens_s=(100.0, 90.0))
    assert best({"q4_0": COMPARISON, "q8_0": worse}, 0.02) == "q4_0"
    assert best({"q4_0": replace(COMPARISON, prefill_tokens_s=(100.0, 120.0)), "q8_0": COMPARISON}, 0.02) == "q8_0"
    assert best({"q4_0": worse, "q8_0": slower}, 0.02) is None
    assert best({"q4_0": worse, "q8_0": slower}, 0.04) == "q4_0"


def test_a_model_predicts_as_well_as_itself(small_model: Path, tmp_path: Path) -> None:
    """And as well as such a model should: a nat and a half a token, where chance would be twelve."""
    (tmp_path / "code.py").write_text(Path(textwrap.__file__).read_text(encoding="utf-8")[:2600], encoding="utf-8")
    same = compare(small_model, small_model, tmp_path / "code.py")
    assert same.n_tokens == same.n_agreeing > 400
    assert same.nll[0] == same.nll[1] < 2
    assert same.nll_error == 0
    assert min(*same.prefill_tokens_s, *same.decode_tokens_s) > 0
