"""Models of other programs: where each keeps them, and that they are used where they lie."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli.models import app
from codeslm_lsp.models import elsewhere
from codeslm_lsp.models.catalogue import Catalogue, load_catalogue
from codeslm_lsp.models.elsewhere import models_elsewhere
from codeslm_lsp.models.store import Store
from codeslm_lsp.values import InputError, ModelNotFound
from tests.support import tiny_gguf


@pytest.fixture
def gguf(tmp_path: Path) -> bytes:
    tiny_gguf.write_codegemma_model(tmp_path / "one.gguf")
    return (tmp_path / "one.gguf").read_bytes()


@pytest.fixture
def home(tmp_path: Path, gguf: bytes) -> Path:
    """A user who has one model of each program."""
    home = tmp_path / "home"
    ollama = home / ".ollama" / "models"
    manifests = ollama / "manifests" / "registry.ollama.ai" / "library" / "codegemma"
    digest = f"sha256:{hashlib.sha256(gguf).hexdigest()}"
    layers = [
        {"mediaType": "application/vnd.ollama.image.license", "digest": "sha256:00"},
        {"mediaType": elsewhere.OLLAMA_MODEL, "digest": digest},
    ]
    for path, content in {
        manifests / "2b": json.dumps({"layers": layers}).encode(),
        manifests / "broken": b"{",
        manifests / "other": json.dumps(
            {"layers": [{"mediaType": elsewhere.OLLAMA_MODEL, "digest": "sha256:11"}]}
        ).encode(),
        ollama / "blobs" / digest.replace(":", "-"): gguf,
        home / ".lmstudio" / "models" / "ann" / "own" / "own-q4.gguf": gguf,
        home / ".lmstudio" / "models" / "ann" / "own" / "mmproj-own.gguf": gguf,
        home / ".cache" / "llama.cpp" / "ggml-org_tiny.gguf": gguf,
        home / ".cache" / "llama.cpp" / "large-00001-of-00003.gguf": gguf,
        home / ".cache" / "huggingface" / "hub" / "models--a--b" / "snapshots" / "1f" / "deep" / "hub.gguf": gguf,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return home


def test_each_program_keeps_them_elsewhere(home: Path) -> None:
    found = models_elsewhere({}, home)
    assert [(each.program, each.name) for each in found] == [
        ("Hugging Face", "hub"),
        ("LM Studio", "own-q4"),
        ("Ollama", "codegemma:2b"),
        ("llama.cpp", "ggml-org_tiny"),
    ]
    assert all(each.path.is_file() and each.size_bytes == each.path.stat().st_size for each in found)


def test_their_own_variables_count(home: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for folder, name in ((".ollama/models", "ollama"), (".cache/llama.cpp", "llama"), (".cache/huggingface", "hf")):
        (home / folder).rename(moved / name)
    variables = {"OLLAMA_MODELS": "ollama", "LLAMA_CACHE": "llama", "HF_HOME": "hf"}
    found = models_elsewhere({key: str(moved / name) for key, name in variables.items()}, home)
    assert len(found) == 4
    assert models_elsewhere({}, tmp_path / "nobody") == []


def test_a_model_of_the_catalogue_is_known_as_that(home: Path, gguf: bytes, tmp_path: Path) -> None:
    known = load_catalogue().find("codegemma-2b")
    entry = replace(known, size_bytes=len(gguf), sha256=hashlib.sha256(gguf).hexdigest())
    store = Store(tmp_path / "models", Catalogue((entry,)))
    [file] = [each for each in models_elsewhere({}, home) if each.program == "Ollama"]
    place = elsewhere.link(file, store)
    assert place == tmp_path / "models" / entry.file
    assert place.resolve() == file.path.resolve()
    assert store.find("codegemma") == place
    assert store.verify(place, entry) == entry.sha256
    assert elsewhere.link(file, store) == place


def models(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("OLLAMA_MODELS", "LLAMA_CACHE", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.setenv("CODESLM_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "models"


def test_what_there_is_and_what_it_is_good_for(folder: Path) -> None:
    rows = [line.split() for line in models("import").stdout.splitlines()]
    assert ["codegemma:2b", "Ollama"] in [row[:2] for row in rows]
    [row] = [each for each in json.loads(models("import", "--json").stdout) if each["program"] == "LM Studio"]
    assert row["good_for"] == "completion (codegemma)"
    assert not folder.exists()


def test_one_is_used_where_it_lies_and_left_there(folder: Path, home: Path) -> None:
    assert "`codeslm models use codegemma-2b`" in models("import", "CodeGemma:2B").stderr
    [place] = list(folder.iterdir())
    assert place.name == "codegemma-2b.gguf"
    blob = place.resolve()
    assert models("path", "codegemma-2b.gguf").stdout.strip() == str(place)
    (home / "codegemma-2b.gguf").write_bytes(b"GGUF" + blob.read_bytes()[4:])
    with pytest.raises(InputError, match="models rm codegemma-2b"):
        models("import", str(home / "codegemma-2b.gguf"))
    models("rm", "codegemma-2b.gguf", "--yes")
    assert blob.is_file()
    assert not place.exists()


def test_a_file_of_ones_own(folder: Path, home: Path, gguf: bytes) -> None:
    (home / "mine one.gguf").write_bytes(gguf)
    models("import", str(home / "mine one.gguf"))
    assert (folder / "mine-one.gguf").resolve() == home / "mine one.gguf"


def test_what_is_not_there(folder: Path) -> None:
    with pytest.raises(ModelNotFound, match="Nothing called 'gemma9' was found"):
        models("import", "gemma9")
