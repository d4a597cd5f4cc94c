"""The user's own files and folders, made so that nobody else can read or change them, whatever the umask is."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder that is missing, and those above it that are: nobody else may enter them. Raises ``OSError``."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        if not path.is_dir():  # Else somebody was faster.
            raise


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step, so that readers find the old text or the new. Raises ``OSError``."""
    make_folder(path.parent)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # Readable by the user alone.
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(draft).unlink()
        raise
