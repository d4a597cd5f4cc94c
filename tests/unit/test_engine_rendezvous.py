"""Where engines are found: who gets the same place, and which folders are trusted."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import Timeout

from codeslm_lsp.engine.rendezvous import MAX_BASE_BYTES, Card, base_folder, lonely_place, place_of, sweep
from codeslm_lsp.values import EngineUnavailable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the folder is chosen by variables of Unix")


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="codeslm-test-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    return path


def test_the_same_wishes_meet_at_the_same_place(runtime: Path, model: Path, tmp_path: Path) -> None:
    place = place_of(model, {"n_ctx": 512, "n_threads": 2})
    assert place.folder.parent == runtime / "codeslm"
    assert place_of(model, {"n_threads": 2, "n_ctx": 512}) == place
    link = tmp_path / "link.gguf"
    link.symlink_to(model)
    assert place_of(link, {"n_ctx": 512, "n_threads": 2}) == place


def test_other_wishes_meet_elsewhere(runtime: Path, model: Path) -> None:
    places = [place_of(model, {"n_ctx": 512}), place_of(model, {"n_ctx": 513}), lonely_place(), lonely_place()]
    os.utime(model, ns=(0, 0))
    places.append(place_of(model, {"n_ctx": 512}))
    model.write_bytes(b"other weights")
    os.utime(model, ns=(0, 0))
    places.append(place_of(model, {"n_ctx": 512}))
    assert len(set(places)) == len(places)


def test_a_missing_model_is_told(runtime: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailable, match=r"none\.gguf cannot be read .*codeslm models list"):
        place_of(tmp_path / "none.gguf", {})


def test_the_folder_is_private_and_short_enough(runtime: Path) -> None:
    folder = base_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert len(os.fsencode(lonely_place().socket)) < 104


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_a_folder_that_others_may_enter_is_refused(runtime: Path, mode: int) -> None:
    (runtime / "codeslm").mkdir()
    (runtime / "codeslm").chmod(mode)
    with pytest.raises(EngineUnavailable, match="may have been made by somebody else"):
        base_folder()


def test_a_link_is_refused(runtime: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (runtime / "codeslm").symlink_to(tmp_path)
    with pytest.raises(EngineUnavailable, match="may have been made by somebody else"):
        base_folder()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_folders_of_others_are_not_used(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root in another user's environment makes nothing there; a folder that was put in our way is refused."""
    os.chown(runtime, 12345, 12345)
    monkeypatch.setattr(tempfile, "tempdir", str(runtime / "tmp"))
    (runtime / "tmp").mkdir()
    own = base_folder()
    assert own == runtime / "tmp" / "codeslm-0"
    assert not (runtime / "codeslm").exists()
    os.chown(own, 12345, 12345)
    with pytest.raises(EngineUnavailable, match="may have been made by somebody else"):
        base_folder()


def test_a_name_too_long_for_a_socket_is_not_taken(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * MAX_BASE_BYTES)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", str(runtime))
    assert base_folder() == runtime / f"codeslm-{os.getuid()}"


def test_a_card_is_for_its_reader_alone(runtime: Path) -> None:
    place = lonely_place()
    assert place.card() is None
    place.settle()
    card = Card("unix:/somewhere", "secret", 7)
    place.show(card)
    assert place.card() == card
    assert (place.folder / "card").stat().st_mode & 0o777 == 0o600
    place.folder.chmod(0o755)
    with pytest.raises(EngineUnavailable, match="may have been made by somebody else"):
        place.card()
    place.folder.chmod(0o700)
    (place.folder / "card").write_text("{", encoding="utf-8")
    assert place.card() is None


def test_what_killed_engines_left_is_swept_and_living_ones_stay(runtime: Path) -> None:
    own, left, living = lonely_place(), lonely_place(), lonely_place()
    left.settle()
    with left.lock():
        pass
    living.settle()
    with living.lock():
        with pytest.raises(Timeout):
            living.lock().acquire()
        sweep(own)
        assert living.folder.exists()
    assert sorted((runtime / "codeslm").iterdir()) == sorted([living.folder, living.folder.with_suffix(".lock")])
