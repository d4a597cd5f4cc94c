"""``codeslm models info|use|verify|rm``: what is told, and that nothing of anybody else is deleted."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli.models import app
from codeslm_lsp.models.catalogue import load_catalogue
from codeslm_lsp.values import InputError, ModelNotFound
from tests.support import tiny_gguf

GEMMA = load_catalogue().find("codegemma-2b")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODESLM_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


@pytest.fixture
def gemma(folder: Path) -> Path:
    path = folder / GEMMA.file
    tiny_gguf.write_codegemma_model(path)
    return path


def models(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed, catch_exceptions=False)


def test_what_is_known_of_a_model(gemma: Path) -> None:
    facts = json.loads(models("info", "codegemma", "--json").stdout)
    assert (facts["name"], facts["path"], facts["architecture"]) == ("codegemma-2b", str(gemma), "gemma")
    assert facts["family"] == "codegemma"
    assert facts["licence"] == "Gemma, https://ai.google.dev/gemma/terms"
    assert facts["to_do_first"] == (
        "accept the licence on https://huggingface.co/bartowski/codegemma-2b-GGUF if it asks for that, "
        "and run `hf auth login`"
    )
    assert facts["size"] == "about 1.6 GB"
    assert facts["memory"] == "2.2 GB with a context window of 4,096 tokens, 18.4 MB for each 1,000 more"
    assert facts["tried"].startswith("no")
    assert facts["not_checked"] == list(GEMMA.unverified)
    lines = models("info", "qwen2.5-coder-1.5b").stdout.splitlines()
    assert ["size", "1.1", "GB"] in [line.split() for line in lines]
    assert ["tried", "yes"] in [line.split() for line in lines]
    assert not any(line.startswith(("path", "to do first", "not checked")) for line in lines)


def test_a_file_that_the_catalogue_does_not_know(folder: Path) -> None:
    tiny_gguf.write_codegemma_model(folder / "own.gguf")
    facts = json.loads(models("info", "own", "--json").stdout)
    assert (facts["name"], facts["path"]) == ("own", str(folder / "own.gguf"))
    assert "licence" not in facts
    assert "which nobody has told us" in models("verify", "own").stdout
    models("rm", "own", "--yes")
    assert list(folder.iterdir()) == []


def test_the_model_that_completes_is_written_into_the_users_file(gemma: Path, user_settings: Path) -> None:
    assert "codegemma-2b completes from now on." in models("use", "codegemma").stderr
    assert tomllib.loads(user_settings.read_text(encoding="utf-8")) == {"model": "codegemma-2b"}
    with pytest.raises(ModelNotFound, match=r"run `codeslm models pull qwen2\.5-coder-1\.5b`"):
        models("use", "1.5b")
    assert tomllib.loads(user_settings.read_text(encoding="utf-8")) == {"model": "codegemma-2b"}


def test_files_are_read_again_however_they_look(folder: Path) -> None:
    with pytest.raises(ModelNotFound, match="No model is installed"):
        models("verify")
    path = folder / "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"
    tiny_gguf.write_codegemma_model(path)
    result = models("verify")
    assert result.exit_code == 1
    assert "should have 1d9614638d18" in result.stdout


def test_a_model_is_deleted_when_the_user_says_so(gemma: Path, folder: Path) -> None:
    models("verify")
    (folder / ".partial" / GEMMA.name).mkdir(parents=True)
    assert models("rm", "codegemma", typed="n\n").exit_code == 1
    assert gemma.exists()
    assert models("rm", "codegemma", typed="y\n").exit_code == 0
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    with pytest.raises(ModelNotFound, match="nothing to delete"):
        models("rm", "codegemma", "--yes")


def test_a_file_elsewhere_is_left_alone(tmp_path: Path) -> None:
    tiny_gguf.write_codegemma_model(tmp_path / "theirs.gguf")
    with pytest.raises(InputError, match="delete it yourself"):
        models("rm", str(tmp_path / "theirs.gguf"), "--yes")
    assert (tmp_path / "theirs.gguf").exists()
