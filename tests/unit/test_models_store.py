"""The folder of models: names to paths, and files that are hashed once."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

import platformdirs
import pytest

from codeslm_lsp.models import store as store_module
from codeslm_lsp.models import transfer
from codeslm_lsp.models.catalogue import Catalogue, Entry, load_catalogue
from codeslm_lsp.models.store import Store, models_dir, read_sidecar
from codeslm_lsp.values import ModelDamaged, ModelNotFound
from tests.support import tiny_gguf


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    path = tmp_path / "model.gguf"
    tiny_gguf.write_bpe_model(path)
    content = path.read_bytes()
    known = dataclasses.replace(load_catalogue().find("0.5b"), name="tiny", aliases=("t",), file="tiny.gguf")
    return dataclasses.replace(known, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


@pytest.fixture
def store(tmp_path: Path, entry: Entry) -> Store:
    """A store with the model of ``entry`` in it, put there by hand."""
    (tmp_path / "store").mkdir()
    (tmp_path / "model.gguf").replace(tmp_path / "store" / "tiny.gguf")
    return Store(tmp_path / "store", Catalogue((entry,)))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every file that is hashed from now on."""
    paths: list[Path] = []
    real = transfer.hash_file

    def spy(path: Path, on_bytes: object) -> str:
        paths.append(path)
        return real(path, lambda _: None)

    monkeypatch.setattr(store_module, "hash_file", spy)
    return paths


def test_the_folder_is_the_users_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODESLM_MODELS_DIR", raising=False)
    assert models_dir() == Path(platformdirs.user_data_dir("codeslm", appauthor=False)) / "models"


def test_the_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODESLM_MODELS_DIR", str(tmp_path))
    assert models_dir() == tmp_path


def test_a_folder_that_does_not_exist_has_no_models(tmp_path: Path, entry: Entry) -> None:
    assert Store(tmp_path / "none", Catalogue((entry,))).installed() == []


@pytest.mark.parametrize("name", ["tiny", "T", "tiny.gguf"])
def test_names_aliases_and_file_names_are_found(store: Store, name: str) -> None:
    assert store.find(name) == store.root / "tiny.gguf"


def test_a_file_that_the_catalogue_does_not_know_is_found(store: Store, tmp_path: Path) -> None:
    (store.root / "own.gguf").touch()
    (tmp_path / "elsewhere.gguf").touch()
    assert store.find("own") == store.find("own.gguf") == store.root / "own.gguf"
    assert store.find(str(tmp_path / "elsewhere.gguf")) == tmp_path / "elsewhere.gguf"


def test_what_is_not_here_says_which_command_to_run(store: Store) -> None:
    (store.root / "tiny.gguf").unlink()
    with pytest.raises(ModelNotFound, match="tiny is not on this machine; run `codeslm models pull tiny`"):
        store.find("t")


def test_an_unknown_name_gets_a_suggestion(store: Store) -> None:
    with pytest.raises(ModelNotFound, match=r"There is no model 'tinyy' \(did you mean 'tiny'\?\)"):
        store.find("tinyy")


@pytest.mark.parametrize("name", ["", ".", "..", "/", "/etc/passwd", "\0", "a/b.gguf", "x" * 5000])
def test_odd_names_are_not_found(store: Store, name: str) -> None:
    with pytest.raises(ModelNotFound):
        store.find(name)


def test_installed_knows_size_entry_and_damage_at_a_glance(store: Store, entry: Entry) -> None:
    (store.root / "own.gguf").write_bytes(b"12345")
    (store.root / "notes.txt").touch()
    tiny, own = store.installed()
    assert (tiny.name, tiny.entry, tiny.size_bytes, tiny.damaged) == ("tiny", entry, entry.size_bytes, False)
    assert (own.name, own.entry, own.size_bytes, own.damaged) == ("own", None, 5, False)
    (store.root / "tiny.gguf").write_bytes(b"short")
    assert [model.damaged for model in store.installed()] == [True, False]


def test_a_model_is_hashed_once(store: Store, entry: Entry, hashed: list[Path]) -> None:
    path = store.root / "tiny.gguf"
    assert store.verify(path, entry) == entry.sha256
    assert store.verify(path, entry) == entry.sha256
    assert hashed == [path]


def test_a_changed_time_means_hashing_again(store: Store, entry: Entry, hashed: list[Path]) -> None:
    path = store.root / "tiny.gguf"
    store.verify(path, entry)
    os.utime(path, (1, 1))
    store.verify(path, entry)
    store.verify(path, entry)
    assert hashed == [path, path]


def test_changed_content_is_damage(store: Store, entry: Entry) -> None:
    path = store.root / "tiny.gguf"
    store.verify(path, entry)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (1, 1))
    with pytest.raises(ModelDamaged, match="run `codeslm models pull tiny` to get it again"):
        store.verify(path, entry)
    with pytest.raises(ModelDamaged):
        store.verify(path, entry)


def test_changed_content_of_a_model_whose_hash_the_catalogue_does_not_know(store: Store, entry: Entry) -> None:
    path, unknown = store.root / "tiny.gguf", dataclasses.replace(entry, sha256="", size_bytes=0)
    assert store.verify(path, unknown) == entry.sha256
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (1, 1))
    with pytest.raises(ModelDamaged, match="should have"):
        store.verify(path, unknown)


@pytest.mark.parametrize("sidecar", ["", "nonsense", "[]", '{"sha256": "x"}', "\0"])
def test_a_sidecar_that_makes_no_sense_is_written_anew(store: Store, entry: Entry, sidecar: str) -> None:
    path = store.root / "tiny.gguf"
    path.with_name("tiny.gguf.json").write_text(sidecar)
    store.verify(path, entry)
    remembered = read_sidecar(path)
    assert remembered
    assert remembered.sha256 == entry.sha256


def test_nothing_is_written_beside_a_file_elsewhere(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    tiny_gguf.write_bpe_model(path)
    store.verify(path)
    assert not path.with_name("mine.gguf.json").exists()
    assert store.entry_of(path) is None


def test_a_truncated_model_is_noticed_without_hashing(store: Store, entry: Entry, hashed: list[Path]) -> None:
    path = store.root / "tiny.gguf"
    path.write_bytes(path.read_bytes()[: entry.size_bytes // 2])
    with pytest.raises(ModelDamaged, match="is cut short"):
        store.verify(path, entry)
    assert hashed == []


def test_the_entry_of_a_file(store: Store, entry: Entry, tmp_path: Path) -> None:
    assert store.entry_of(store.root / "tiny.gguf") == entry
    assert store.entry_of(tmp_path / "tiny.gguf") is None
