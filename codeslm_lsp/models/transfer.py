"""What every source of model files has in common: how it is asked, how it reports, and how it fails."""

from __future__ import annotations

import enum
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from codeslm_lsp.models.catalogue import Entry
from codeslm_lsp.values import DownloadFailed

CHUNK_BYTES = 1 << 20
"""Large enough that hashing and copying run at the speed of the disk, small enough for a lively progress bar."""


class Phase(enum.StrEnum):
    """What a pull is doing."""

    DOWNLOAD = "download"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is. ``bytes_total`` is 0 while nobody knows it."""

    bytes_done: int
    bytes_total: int
    source: str
    phase: Phase


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole file at ``path`` and its SHA-256. ``promised_sha256`` is what the source said it should be, or ``""``."""

    path: Path
    sha256: str
    promised_sha256: str = ""


class SourceFailed(Exception):
    """This source cannot deliver; ``str(error)`` is a short reason, and the next source gets its chance."""


class Source(Protocol):
    """Where a model's file can come from."""

    @property
    def label(self) -> str:
        """What the user calls it."""

    def fetch(self, entry: Entry, folder: Path, report: Report) -> Fetched:
        """Bring the file into ``folder``, reusing what an interrupted fetch left there.

        Raises ``SourceFailed`` when another source should be tried.
        """


def copy_and_hash(
    source: BinaryIO, target: BinaryIO | None, digest: hashlib._Hash, on_bytes: Callable[[int], None]
) -> None:
    """Copy what is left of ``source`` to ``target`` (or nowhere), feeding ``digest`` and telling how much each time."""
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
        on_bytes(len(chunk))


def hash_file(path: Path, on_bytes: Callable[[int], None]) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        copy_and_hash(file, None, digest, on_bytes)
    return digest.hexdigest()


def verify_report(entry: Entry, path: Path, source: str, report: Report) -> Callable[[int], None]:
    """An ``on_bytes`` that reports the hashing of ``path``."""
    total, done = path.stat().st_size, 0

    def on_bytes(n_bytes: int) -> None:
        nonlocal done
        done += n_bytes
        report(Progress(done, total or entry.size_bytes, source, Phase.VERIFY))

    return on_bytes


def require_space(folder: Path, n_bytes: int) -> None:
    """Raise ``DownloadFailed``, saying how much is needed and where, when ``folder`` has no room for ``n_bytes``."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise DownloadFailed(
            f"{gigabytes(n_bytes)} are needed in {folder} and {gigabytes(free)} are free there; make room, "
            "or set CODESLM_MODELS_DIR to a folder on another disk."
        )


def gigabytes(n_bytes: int) -> str:
    """``1_117_320_768`` → ``"1.1 GB"``; small files in megabytes."""
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.1f} MB"
