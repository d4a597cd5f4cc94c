"""Evaluated prompts ⇄ a bounded folder of files, so that a new engine need not evaluate again what an earlier one did.

Several engines may use the folder at once, and nothing is locked: files appear by being renamed, and one that has
vanished is as if it had never been. Knows nothing of llama.cpp: a state is bytes.

They hold the tokens of the user's code, so only the user may enter the folder.
"""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from codeslm_lsp import private
from codeslm_lsp.engine.sequence_file import Damaged, Head, State, head_of, pack_head, read_head, read_state
from codeslm_lsp.settings import user_folder

FILES_PER_DOCUMENT = 2
"""As many as a document has sequences. What is typed leads to ever new prompts, which would crowd out all others."""

SUFFIX = ".sequence"
UNFINISHED = ".sequence-unfinished"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Saved:
    """A file of the folder, and the tokens that were evaluated for it."""

    name: str
    tokens: tuple[int, ...]


class SequenceFolder:
    """The files of one model. ``sequences`` and ``read`` belong to one thread; writing has its own.

    ``model`` names whatever decides what a state means, see ``Head``. ``max_bytes`` bounds the files of all models.
    Raises ``OSError`` when the folder cannot be made, or is somebody else's.
    """

    def __init__(self, path: Path, model: bytes, max_bytes: int) -> None:
        private.make_folder(path)
        path.chmod(0o700)  # Refused where the folder belongs to somebody else.
        self._path = path
        self._model = model
        self._max_bytes = max_bytes
        self._known: dict[str, Saved] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sequences")
        _shrink(path, max_bytes)

    def sequences(self) -> Collection[Saved]:
        """What there is to be read now."""
        names = {path.name for path in _listed(self._path, f"{_short(self._model)}-*{SUFFIX}")}
        self._known = {name: saved for name, saved in self._known.items() if name in names}
        for name in names - self._known.keys():
            if (head := self._read_head(name)) is not None:
                self._known[name] = Saved(name, head.tokens)
        return self._known.values()

    def read(self, saved: Saved) -> bytes | None:
        """The state of a sequence, which counts as used now; ``None`` when the file is gone or damaged."""
        path = self._path / saved.name
        try:
            with path.open("rb") as file:
                head = read_head(file, os.fstat(file.fileno()).st_size, self._model)
                if head.tokens != saved.tokens:
                    raise Damaged("it holds other tokens than before")
                state = read_state(file, head)
            os.utime(path)
        except OSError:
            return None
        except Damaged as damage:
            self._discard(saved.name, damage)
            return None
        return state

    def write_soon(self, document: str, tokens: Sequence[int], state: State) -> Future[None]:
        """Write a file in the background, and delete the least recently used ones to make room for it.

        A file that cannot be written is not written: the result is never an exception.
        """
        return self._writer.submit(self._write, document, tokens, state)

    def _write(self, document: str, tokens: Sequence[int], state: State) -> None:
        head = head_of(self._model, tokens, state)
        packed = pack_head(head)
        n_bytes = len(packed) + len(state)
        if n_bytes > self._max_bytes:
            return
        of_document = f"{_short(self._model)}-{_short(document.encode('utf-8', errors='replace'))}"
        target = self._path / f"{of_document}-{_short(repr(head.tokens).encode())}{SUFFIX}"
        unfinished = None
        try:
            _shrink(self._path, self._max_bytes - n_bytes)
            # Such a file can be read by its owner alone.
            with tempfile.NamedTemporaryFile(dir=self._path, suffix=UNFINISHED, delete=False) as file:
                unfinished = Path(file.name)
                file.write(packed)
                file.write(state)
            unfinished.replace(target)
        except OSError as error:
            _log.warning("an evaluated prompt could not be saved in %s (%s); free some space there", self._path, error)
            if unfinished is not None:
                _delete(unfinished)
            return
        for old in _by_age(_listed(self._path, f"{of_document}-*{SUFFIX}"))[:-FILES_PER_DOCUMENT]:
            _delete(old.path)
        _shrink(self._path, self._max_bytes)  # Another engine may have written meanwhile.

    def _read_head(self, name: str) -> Head | None:
        try:
            with (self._path / name).open("rb") as file:
                return read_head(file, os.fstat(file.fileno()).st_size, self._model)
        except OSError:
            return None
        except Damaged as damage:
            self._discard(name, damage)
            return None

    def _discard(self, name: str, damage: Damaged) -> None:
        _log.warning("the saved sequence %s is deleted: %s", name, damage)
        self._known.pop(name, None)
        _delete(self._path / name)


def open_folder(path: Path, model: bytes, max_bytes: int) -> SequenceFolder | None:
    """The folder, or ``None`` when it cannot be used or, with 0 bytes, shall not be."""
    if max_bytes <= 0:
        return None
    try:
        return SequenceFolder(path, model, max_bytes)
    except OSError as error:
        _log.warning("evaluated prompts are not saved (%s); set CODESLM_SEQUENCES_DIR to a folder of yours", error)
        return None


def sequences_dir() -> Path:
    """``CODESLM_SEQUENCES_DIR``, or the folder for this user's caches on this system."""
    return user_folder("CODESLM_SEQUENCES_DIR", platformdirs.user_cache_path("codeslm", appauthor=False) / "sequences")


@dataclass(frozen=True, slots=True)
class _Dated:
    """A file as it was when it was looked at."""

    path: Path
    used_ns: int
    n_bytes: int


def _shrink(path: Path, max_bytes: int) -> None:
    """Delete the least recently used files, unfinished ones too, until the others take ``max_bytes`` at most."""
    dated = _by_age([*_listed(path, f"*{SUFFIX}"), *_listed(path, f"*{UNFINISHED}")])
    n_bytes = sum(file.n_bytes for file in dated)
    for file in dated:
        if n_bytes <= max_bytes:
            return
        _delete(file.path)
        n_bytes -= file.n_bytes


def _by_age(paths: Collection[Path]) -> list[_Dated]:
    """The files that are still there, the least recently used first."""
    dated = []
    for path in paths:
        with suppress(OSError):
            status = path.stat()
            dated.append(_Dated(path, status.st_mtime_ns, status.st_size))
    return sorted(dated, key=lambda file: (file.used_ns, file.path.name))


def _listed(path: Path, pattern: str) -> list[Path]:
    """Files whose names fit; none where there is no folder, or it may not be read."""
    try:
        return list(path.glob(pattern))
    except OSError:
        return []


def _delete(path: Path) -> None:
    """Another engine may have been faster, or (on Windows) be reading it."""
    with suppress(OSError):
        path.unlink()


def _short(data: bytes) -> str:
    """Part of a file's name: enough to tell a few thousand apart."""
    return hashlib.blake2b(data, digest_size=8).hexdigest()
