"""A folder → where its index is kept: a private file among the user's caches. Old ones are cleared away."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from codeslm_lsp import private
from codeslm_lsp.settings import user_folder

MAX_AGE_DAYS = 60
"""A folder that was not opened for so long is indexed anew, which takes a minute, rather than kept."""

MAX_TOTAL_BYTES = 1 << 30
"""Of all indexes together. One of 5,000 Python files takes some 60 MB; beyond this, the longest unopened ones go."""

_DAY_S = 24 * 3600


@dataclass(frozen=True, slots=True)
class Place:
    """Where one folder's index lies. Only the holder of the lock writes it."""

    database: Path

    def lock(self) -> FileLock:
        """Held by the one indexer of the folder; the system takes it back however that ends."""
        return FileLock(self.database.with_suffix(".lock"), timeout=0, mode=0o600, thread_local=False)

    def files(self) -> list[Path]:
        """The database and what SQLite keeps beside it (https://www.sqlite.org/tempfiles.html)."""
        return [self.database.with_name(self.database.name + end) for end in ("-wal", "-shm", "-journal", "")]

    def clear(self) -> None:
        """Delete the index. Only for the holder of the lock; raises ``OSError`` where that is refused."""
        for path in self.files():
            path.unlink(missing_ok=True)


def index_dir() -> Path:
    """``CODESLM_INDEX_DIR``, or the folder for this user's caches on this system."""
    return user_folder("CODESLM_INDEX_DIR", platformdirs.user_cache_path("codeslm", appauthor=False) / "index")


def parsed_dir() -> Path:
    """Where ``jedi`` keeps the installed modules it has parsed; it deletes what it has not read for a month."""
    return index_dir() / "parsed"


def place_of(folder: Path) -> Place:
    """Where the index of this folder belongs; the name tells nobody which folder it is."""
    name = hashlib.blake2b(os.fsencode(folder.resolve()), digest_size=16).hexdigest()
    return Place(index_dir() / f"{name}.sqlite")


def make_private(folder: Path) -> None:
    """Make a folder for this user alone, such as that of all indexes. Raises ``OSError`` if it is somebody else's."""
    private.make_folder(folder)
    folder.chmod(0o700)


def sweep(own: Place, now_s: float | None = None) -> None:
    """Delete indexes that were not opened for long or take too much room, but none that somebody uses."""
    now_s = time.time() if now_s is None else now_s
    n_bytes = 0
    for opened_s, size, place in sorted(_dated(own.database.parent), key=lambda each: each[0], reverse=True):
        n_bytes += size
        if place != own and (now_s - opened_s > MAX_AGE_DAYS * _DAY_S or n_bytes > MAX_TOTAL_BYTES):
            with suppress(Timeout, OSError), place.lock():
                place.clear()


def mark_opened(place: Place) -> None:
    """Remember that the folder is in use."""
    with suppress(OSError):
        os.utime(place.database)


def _dated(folder: Path) -> Iterator[tuple[float, int, Place]]:
    for path in folder.glob("*.sqlite"):
        place = Place(path)
        sizes, opened_s = 0, 0.0
        for each in place.files():
            with suppress(OSError):
                status = each.stat()
                sizes, opened_s = sizes + status.st_size, max(opened_s, status.st_mtime)
        yield opened_s, sizes, place
