"""``codeslm doctor`` where something is wrong; with a real model it is run in ``tests/model``."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli.doctor import without_folders
from codeslm_lsp.cli.main import app
from codeslm_lsp.engine.llama_build import unused_features, used_features


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODESLM_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "bin").mkdir()
    return tmp_path


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments], catch_exceptions=False)


def told(result: Result) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for each in json.loads(result.stdout):
        found.setdefault(each["topic"], []).append(each)
    return found


def editor(folder: Path, name: str, version: str) -> None:
    program = folder / "bin" / name
    program.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


def test_a_machine_without_a_model() -> None:
    result = doctor()
    assert result.exit_code == 1
    assert "✗ models: none in" in result.stdout
    assert "    Run `codeslm models pull`; it chooses one that fits." in result.stdout
    assert "✗ model: No model is installed" in result.stdout
    assert "✓ codeslm: " in result.stdout


def test_a_report_holds_no_folder_of_the_user(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("[tool.codeslm]\ncolour = 1\n", encoding="utf-8")
    result = doctor("--json")
    assert str(folder) not in result.stdout
    assert folder.parent.name not in result.stdout
    found = told(result)
    assert "'colour' in …/pyproject.toml [tool.codeslm] does not exist" in found["settings"][0]["detail"]
    assert found["models"][0]["detail"] == "none in …/models"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("in /home/ann/models/x.gguf and", "in …/x.gguf and"),
        (r"C:\Users\Ann\x.gguf", r"…\x.gguf"),
        ("1/2 of `pip install a`, and/or", "1/2 of `pip install a`, and/or"),
        ("('/tmp/a/b', 3)", "('…/b', 3)"),
    ],
)
def test_folders_are_left_out(text: str, clean: str) -> None:
    assert without_folders(text) == clean


def test_a_damaged_model(folder: Path) -> None:
    (folder / "models" / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf").write_bytes(b"cut short")
    [models] = told(doctor("--json"))["models"]
    assert models["state"] == "problem"
    assert "models pull qwen2.5-coder-0.5b" in models["remedy"]


def test_editors_and_their_versions(folder: Path) -> None:
    assert told(doctor("--json"))["editor"][0]["detail"].startswith("none on the path")
    editor(folder, "nvim", "NVIM v0.9.5")
    editor(folder, "code", "1.139.0")
    found = {each["detail"]: each["state"] for each in told(doctor("--json"))["editor"]}
    assert found == {"Neovim 0.9.5 is too old": "warning", "VS Code 1.139.0": "ok"}


def test_what_the_build_of_llama_cpp_uses(tmp_path: Path) -> None:
    assert used_features()
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu sse avx2 avx512f not_known\n", encoding="utf-8")
    assert unused_features(cpuinfo) <= {"AVX2", "AVX512"}
    assert unused_features(cpuinfo) == {"AVX2", "AVX512"} - used_features()
    assert unused_features(tmp_path / "missing") == frozenset()
