"""Names of files for the copy → the same names, if they stay in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePosixPath

from codeslm_lsp.values import InputError

MAX_NAME_BYTES = 255
"""``NAME_MAX`` of Linux."""

MAX_PATH_BYTES = 3000
"""``PATH_MAX`` is 4096, less the folder that the copy lies in."""


def check_names(names: Iterable[str]) -> None:
    """Raise ``InputError`` for a name that would leave the copy, cannot be one, or stands in the way of another."""
    files: set[PurePosixPath] = set()
    folders: set[PurePosixPath] = set()
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"The file name {name!r} leads out of the sandbox's copy; give one inside the folder.")
        too_long = len(os.fsencode(name)) > MAX_PATH_BYTES or any(
            len(os.fsencode(part)) > MAX_NAME_BYTES for part in path.parts
        )
        if not path.parts or name.endswith("/") or "\0" in name or too_long:
            raise InputError(f"{name!r} cannot be the name of a file in the sandbox's copy; leave it out.")
        if path in files:
            raise InputError(f"The file {name!r} is given twice for the sandbox's copy; give it once.")
        files.add(path)
        folders.update(path.parents)
    if both := sorted(files & folders):
        raise InputError(f"{str(both[0])!r} cannot be a file and a folder of the sandbox's copy; leave one out.")
