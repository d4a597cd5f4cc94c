"""A folder on the disk of the store where models are made, for one program at a time; it leaves nothing behind."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from codeslm_lsp import private
from codeslm_lsp.models.store import PARTIAL, Store
from codeslm_lsp.values import InputError


@contextmanager
def workbench(store: Store) -> Iterator[Path]:
    """An empty folder; what stands in it can be moved into the store in one step, and the rest is deleted.

    What a killed program left is deleted first. Raises ``InputError`` when another program uses it, or when the store
    cannot be written.
    """
    folder = store.root / PARTIAL / "optimize"
    try:
        private.make_folder(folder.parent)
        with filelock.FileLock(folder.with_suffix(".lock"), timeout=0, mode=0o600):
            shutil.rmtree(folder, ignore_errors=True)
            private.make_folder(folder)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    except filelock.Timeout:
        raise InputError("Another program is optimizing a model; wait until it is done and try again.") from None
    except PermissionError as error:
        raise InputError(
            f"The model folder {store.root} cannot be written ({error.strerror}); set CODESLM_MODELS_DIR to another."
        ) from None
