"""Evaluated prompts in a folder: found again as they were written, bounded, and never believed when damaged."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.engine.sequence_file import DIGEST_BYTES, VERSION, head_of, pack_head
from codeslm_lsp.engine.sequence_folder import (
    FILES_PER_DOCUMENT,
    SUFFIX,
    UNFINISHED,
    SequenceFolder,
    open_folder,
    sequences_dir,
)

MODEL, OTHER = b"m" * DIGEST_BYTES, b"o" * DIGEST_BYTES
TOKENS, STATE = (1, 2, 3, -1, 151_000), bytes(range(250)) * 3
PLENTY = 1 << 20


@dataclass
class Bench:
    """A folder of one model whose files are looked at from outside."""

    path: Path
    model: bytes = MODEL
    max_bytes: int = PLENTY

    def __post_init__(self) -> None:
        self.folder = SequenceFolder(self.path, self.model, self.max_bytes)

    def write(self, document: str = "a.py", tokens: Sequence[int] = TOKENS, state: bytes = STATE) -> None:
        self.folder.write_soon(document, tokens, state).result(10)

    def read(self) -> dict[tuple[int, ...], bytes | None]:
        return {saved.tokens: self.folder.read(saved) for saved in list(self.folder.sequences())}

    def files(self) -> list[Path]:
        return sorted(self.path.iterdir())

    def n_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.files())

    def age(self, path: Path, seconds: int) -> None:
        status = path.stat()
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns - seconds * 10**9))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "sequences")


def test_what_was_written_is_found_by_the_next_engine(bench: Bench) -> None:
    bench.write()
    assert Bench(bench.path).read() == {TOKENS: STATE}


def test_an_engine_sees_what_another_one_writes_and_takes_away(bench: Bench) -> None:
    other = Bench(bench.path)
    assert other.read() == {}
    bench.write()
    [saved] = other.folder.sequences()
    bench.files()[0].unlink()
    assert other.folder.read(saved) is None
    assert other.read() == {}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes; the folder is in the user's profile")
def test_only_the_user_may_read(tmp_path: Path) -> None:
    (tmp_path / "sequences").mkdir(mode=0o755)
    bench = Bench(tmp_path / "sequences")
    bench.write()
    assert bench.path.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in bench.files()] == [0o600]


# --- Damage ------------------------------------------------------------------------------------------------------


def whole_file() -> bytes:
    return pack_head(head_of(MODEL, TOKENS, STATE)) + STATE


def check_is_ignored_and_deleted(damaged: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder, "sequences"))
        bench.write()
        [path] = bench.files()
        assert path.read_bytes() == whole_file()
        path.write_bytes(damaged)
        assert all(state is None for state in bench.read().values())
        assert bench.files() == []


@given(st.integers(0, len(whole_file()) - 1), st.integers(0, 7))
def test_a_flipped_bit(place: int, bit: int) -> None:
    damaged = bytearray(whole_file())
    damaged[place] ^= 1 << bit
    check_is_ignored_and_deleted(bytes(damaged))


@given(st.integers(0, len(whole_file()) - 1))
def test_a_file_that_is_cut_short(length: int) -> None:
    check_is_ignored_and_deleted(whole_file()[:length])


@given(st.binary(max_size=400))
def test_a_foreign_file(content: bytes) -> None:
    check_is_ignored_and_deleted(content)


def test_a_file_of_another_version_or_model_by_our_name() -> None:
    whole = whole_file()
    assert whole[8:12] == VERSION.to_bytes(4, "little")
    check_is_ignored_and_deleted(whole[:8] + (VERSION + 1).to_bytes(4, "little") + whole[12:])
    check_is_ignored_and_deleted(pack_head(head_of(OTHER, TOKENS, STATE)) + STATE)
    check_is_ignored_and_deleted(whole + b"x")


def test_damage_after_the_head_was_read(bench: Bench) -> None:
    bench.write()
    [saved] = bench.folder.sequences()
    bench.files()[0].write_bytes(whole_file()[:-1] + b"\xff")
    assert bench.folder.read(saved) is None
    assert bench.files() == []


def test_files_of_another_model_stay_its_own(bench: Bench) -> None:
    """The user has two: changing between them loses nothing."""
    bench.write()
    other = Bench(bench.path, OTHER)
    assert other.read() == {}
    other.write(state=b"other")
    assert (bench.read(), other.read()) == ({TOKENS: STATE}, {TOKENS: b"other"})


# --- Bounds ------------------------------------------------------------------------------------------------------

writes = st.tuples(st.sampled_from("abcd"), st.integers(1, 30), st.integers(1, 900))


@given(st.lists(writes, min_size=1, max_size=15), st.integers(500, 4000))
def test_the_folder_stays_within_its_bound(history: list[tuple[str, int, int]], max_bytes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder, "sequences"), max_bytes=max_bytes)
        for n, (document, n_tokens, n_state_bytes) in enumerate(history):
            tokens, state = (n, *range(n_tokens)), bytes(n_state_bytes)
            bench.write(document, tokens, state)
            assert bench.n_bytes() <= max_bytes
            fits = len(pack_head(head_of(MODEL, tokens, state))) + len(state) <= max_bytes
            assert (bench.read().get(tokens) == state) is fits
            for path in bench.files():
                bench.age(path, 1)  # Some file systems count no less.
        documents = [path.name.split("-")[1] for path in bench.files()]
        assert all(documents.count(document) <= FILES_PER_DOCUMENT for document in documents)


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    n_bytes = len(whole_file())
    bench = Bench(tmp_path, max_bytes=3 * n_bytes)
    for n in range(3):
        bench.write(f"{n}.py", (n, *TOKENS[1:]))
        for path in bench.files():
            bench.age(path, 10)
    [oldest] = [saved for saved in bench.folder.sequences() if saved.tokens[0] == 0]
    assert bench.folder.read(oldest) == STATE, "and so it is the last used"
    bench.write("3.py", (3, *TOKENS[1:]))
    assert sorted(tokens[0] for tokens in bench.read()) == [0, 2, 3]


def test_a_document_keeps_its_last_two(bench: Bench) -> None:
    bench.write("other.py", (99,))
    for n in range(5):
        bench.write("a.py", (n,))
        for path in bench.files():
            bench.age(path, 10)
    assert sorted(bench.read()) == [(3,), (4,), (99,)]


def test_what_a_killed_engine_left_unfinished_makes_room(tmp_path: Path) -> None:
    (tmp_path / f"x{UNFINISHED}").write_bytes(bytes(PLENTY))
    (tmp_path / "not ours").write_bytes(bytes(PLENTY))
    bench = Bench(tmp_path)
    bench.age(tmp_path / f"x{UNFINISHED}", 10)
    bench.write()
    assert sorted(path.suffix for path in bench.files()) == ["", SUFFIX]


# --- Folders that cannot be used ---------------------------------------------------------------------------------


def test_nothing_is_saved_where_that_is_switched_off(tmp_path: Path) -> None:
    assert open_folder(tmp_path / "sequences", MODEL, 0) is None
    assert not (tmp_path / "sequences").exists()


def test_a_folder_that_cannot_be_made_switches_it_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert open_folder(tmp_path / "file", MODEL, PLENTY) is None
    assert "CODESLM_SEQUENCES_DIR" in caplog.text


def test_a_folder_that_vanishes_is_no_error(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.write()
    [saved] = bench.folder.sequences()
    bench.files()[0].unlink()
    bench.path.rmdir()
    bench.write()
    assert (bench.folder.read(saved), bench.read()) == (None, {})
    assert "could not be saved" in caplog.text


def test_the_variable_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CODESLM_SEQUENCES_DIR", str(tmp_path))
    assert sequences_dir() == tmp_path
    monkeypatch.delenv("CODESLM_SEQUENCES_DIR")
    assert sequences_dir().name == "sequences"
    assert "codeslm" in sequences_dir().parts
