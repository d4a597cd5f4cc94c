"""What a program in the sandbox may see of this machine → bubblewrap's options (``bwrap(1)``), also for ``launch``.

Everything that is not named here is not there: the root is an empty folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from codeslm_lsp.values import InputError

ROOM = "/tmp"
"""The only folder that can be written, and the only place of the sandbox with a size. Gone with it."""

PROJECT, HOME, SHARED_MEMORY = f"{ROOM}/project", f"{ROOM}/home", f"{ROOM}/shm"

INSIDE = "/run/inside.py"
"""Where the first process finds its program."""

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Programs and libraries; on most systems all but the first are links into it."""

ETC = ("ld.so.cache", "alternatives", "localtime")
"""Where libraries lie, what Debian's links in ``/usr/bin`` mean, and the time zone. The rest of ``/etc`` is ours."""

DEVICES = ("null", "zero", "full", "random", "urandom")
"""Devices that hold nothing and lead nowhere."""

DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "shm": SHARED_MEMORY,
}
"""What programs expect in ``/dev`` (``proc(5)``, ``shm_overview(7)``)."""

_OWN = Path(__file__).resolve().parent


def mount_options(readable: Sequence[Path], room_bytes: int) -> list[str]:
    """Lay out a sandbox in which these folders, Python's, and the system's may be read. Raises ``InputError``.

    Later mounts lie on earlier ones, so the folders may themselves be in the place of ``ROOM``.
    """
    options: list[str] = []
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            options += ["--ro-bind", name, name]
    for name in ETC:
        if Path("/etc", name).exists():
            options += ["--ro-bind", os.path.realpath(f"/etc/{name}"), f"/etc/{name}"]
    for file in sorted((_OWN / "etc").iterdir()):
        options += ["--ro-bind", str(file), f"/etc/{file.name}"]
    options += ["--proc", "/proc", "--remount-ro", "/proc", "--size", "65536", "--tmpfs", "/dev"]
    for name in DEVICES:
        options += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, target in DEVICE_LINKS.items():
        options += ["--symlink", target, f"/dev/{name}"]
    options += ["--remount-ro", "/dev", "--size", str(room_bytes), "--tmpfs", ROOM]
    for folder in _each_once([*interpreter_folders(), *readable]):
        options += ["--ro-bind", os.path.realpath(folder), str(folder)]
    return [*options, "--ro-bind", str(_OWN / "inside.py"), INSIDE, "--remount-ro", "/"]


def interpreter_folders() -> list[Path]:
    """The environment that runs us, and the Python that it was made from."""
    return [Path(sys.prefix), Path(sys.base_prefix)]


def _each_once(folders: Sequence[Path]) -> Iterator[Path]:
    """Each folder by its name and by what that leads to, unless the system's hold it already. Raises ``InputError``."""
    seen = {Path(name) for name in SYSTEM}
    for folder in folders:
        for path in (Path(os.path.realpath(folder)), folder.absolute()):
            _refuse_private(path)
            if not any(path.is_relative_to(known) for known in seen):
                seen.add(path)
                yield path


def _refuse_private(folder: Path) -> None:
    """Raise ``InputError`` if the folder would show the user's own files."""
    for private in (Path.home(), Path(os.path.realpath(Path.home())), Path("/tmp"), Path("/etc"), Path("/run")):
        if private.is_relative_to(folder):
            raise InputError(
                f"The folder {folder} cannot be shown to a tested program, since {private} is in it; "
                "use a Python environment in a folder of its own."
            )
