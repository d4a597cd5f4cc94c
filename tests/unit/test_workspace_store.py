"""The index's file: private, made anew when it is damaged or of another version, and cleared away when it is old."""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.workspace.index import index_of
from codeslm_lsp.workspace.places import MAX_AGE_DAYS, Place, index_dir, mark_opened, place_of, sweep
from codeslm_lsp.workspace.records import FileRecord, record_of
from codeslm_lsp.workspace.schema import VERSION, open_to_read, open_to_write
from codeslm_lsp.workspace.store import Store
from codeslm_lsp.workspace.update import Updater


def index(folder: Path, text: str = "def known(): pass\n") -> Place:
    """An index of a folder with one file."""
    folder.mkdir(exist_ok=True)
    (folder / "a.py").write_text(text, encoding="utf-8")
    place = place_of(folder)
    store = Store(place)
    updater = Updater(folder, store, 100)
    list(updater.read(updater.refresh()))
    store.close()
    return place


@pytest.mark.skipif(sys.platform == "win32", reason="there a user's local data is private by inheritance")
def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        place = place_of(tmp_path / "a")
        store = Store(place)
        with store.changes():
            files = [path for path in place.database.parent.iterdir() if path.is_file()]
            assert len(files) > 1
            for path in files:
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        store.close()
    finally:
        os.umask(old)
    assert stat.S_IMODE(index_dir().stat().st_mode) == 0o700


def test_the_place_depends_on_the_folder_and_does_not_name_it(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "one", target_is_directory=True)
    assert place_of(tmp_path / "one") == place_of(tmp_path / "link") != place_of(tmp_path / "two")
    assert "one" not in place_of(tmp_path / "one").database.name


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"no database at all",
        b"SQLite format 3\0" + b"\xff" * 5000,
    ],
)
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    place = index(tmp_path / "a")
    place.clear()
    place.database.write_bytes(damage)
    reader = index_of(tmp_path / "a")
    assert (reader.files(), reader.definitions("known"), reader.is_known("known")) == ((), (), False)
    index(tmp_path / "a")
    assert reader.is_known("known")
    reader.close()


def test_a_file_that_is_damaged_in_the_middle(tmp_path: Path) -> None:
    text = "".join(f"def function_{n}(argument): pass\n" for n in range(1500))
    place = index(tmp_path / "a", text)
    data = bytearray(place.database.read_bytes())
    data[len(data) // 3 : len(data) * 2 // 3] = bytes(len(data) // 3)
    place.clear()
    place.database.write_bytes(data)
    reader = index_of(tmp_path / "a")
    for n in range(0, 1500, 10):
        assert reader.is_known(f"function_{n}") in (True, False)
        assert isinstance(reader.definitions(f"function_{n}"), tuple)
    index(tmp_path / "a", text)
    assert all(reader.is_known(f"function_{n}") for n in range(0, 1500, 10))
    reader.close()


@pytest.mark.parametrize("version", [0, VERSION - 1, VERSION + 1])
def test_another_version_is_not_read_and_is_made_anew(tmp_path: Path, version: int) -> None:
    place = index(tmp_path / "a")
    with closing(sqlite3.connect(place.database)) as connection:
        connection.execute("DROP TABLE symbols")
        connection.execute(f"PRAGMA user_version = {version}")
    assert open_to_read(place) is None
    assert index_of(tmp_path / "a").files() == ()
    index(tmp_path / "a")
    assert index_of(tmp_path / "a").files() == ("a.py",)


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    place = index(folder)
    (folder / "generated.py").write_text("# @generated\nx = 1\n", encoding="utf-8")
    index(folder)
    store = Store(place)
    assert Updater(folder, store, 100).refresh() == []
    os.utime(folder / "a.py", ns=(1, 1))
    (touched,) = Updater(folder, store, 100).refresh()
    assert touched.path == "a.py"
    store.close()
    data = b"".join(path.read_bytes() for path in place.files() if path.exists())
    assert b"a.py" in data
    assert b"generated" not in data


def test_a_batch_is_seen_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a"
    reader = index_of(folder)
    store = Store(index(folder))
    for n in range(3):
        (folder / f"b{n}.py").write_text(f"def later_{n}(): pass\n", encoding="utf-8")
    seen: list[bool] = []

    def killed_at_the_last(path: str, language: Language, text: str) -> FileRecord:
        seen.append(any(reader.is_known(f"later_{n}") for n in range(3)))
        if len(seen) == 3:
            raise KeyboardInterrupt
        return record_of(path, language, text)

    monkeypatch.setattr("codeslm_lsp.workspace.update.record_of", killed_at_the_last)
    updater = Updater(folder, store, 100)
    batches = updater.read(updater.refresh())
    with pytest.raises(KeyboardInterrupt):
        next(batches)
    assert seen == [False] * 3
    assert reader.files() == ("a.py",)
    store.close()
    monkeypatch.setattr("codeslm_lsp.workspace.update.record_of", record_of)
    index(folder)
    assert reader.files() == ("a.py", "b0.py", "b1.py", "b2.py")


def test_old_indexes_are_deleted_and_used_ones_are_not(tmp_path: Path) -> None:
    places = {name: index(tmp_path / name) for name in ("own", "old", "used", "new")}
    long_ago = time.time() - (MAX_AGE_DAYS + 1) * 24 * 3600
    for name in ("own", "old", "used"):
        for path in places[name].files():
            if path.exists():
                os.utime(path, (long_ago, long_ago))
    with places["used"].lock():
        sweep(places["own"])
    assert {name for name, place in places.items() if place.database.exists()} == {"own", "used", "new"}
    mark_opened(places["own"])
    sweep(places["new"])
    assert {name for name, place in places.items() if place.database.exists()} == {"own", "new"}


def test_indexes_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [index(tmp_path / str(n)) for n in range(4)]
    for n, place in enumerate(places):
        for path in place.files():
            if path.exists():
                os.utime(path, (time.time() - n, time.time() - n))
    size = places[0].database.stat().st_size
    monkeypatch.setattr("codeslm_lsp.workspace.places.MAX_TOTAL_BYTES", size * 5 // 2)
    sweep(places[0])
    assert [place.database.exists() for place in places] == [True, True, False, False]


def test_a_writer_may_open_what_a_reader_has_open(tmp_path: Path) -> None:
    place = index(tmp_path / "a")
    reader = open_to_read(place)
    assert reader is not None
    with closing(reader), closing(open_to_write(place)) as writer:
        writer.execute("DELETE FROM files")
        assert reader.execute("SELECT count(*) FROM files").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError):
            reader.execute("DELETE FROM symbols")
