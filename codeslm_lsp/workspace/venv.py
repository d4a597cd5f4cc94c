"""A folder with a virtual environment → where its packages lie, by its files alone: nothing in it is run.

Whoever made the project made the environment in it too, and Python runs what stands in an environment's ``.pth`` files
before anything else.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDERS = (".venv", "venv")
"""Where ``uv``, Poetry, Hatch and people put a project's environment; https://docs.python.org/3/library/venv.html."""

CONFIGURATION = "pyvenv.cfg"

MAX_PTH_BYTES = 64 * 1024

_VERSION = re.compile(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", re.MULTILINE)
_SYSTEM = re.compile(r"^include-system-site-packages\s*=\s*true", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Venv:
    """``version`` as ``3.12``, empty where it is not said. ``sees_system``: packages outside of it count as well."""

    folder: Path
    version: str
    sees_system: bool
    packages: tuple[Path, ...]


def python_of(venv: Venv) -> str | None:
    """The Python of its version on the path; None for one of ours, or where there is none."""
    own = "{}.{}".format(*sys.version_info)
    return shutil.which(f"python{venv.version}") if venv.version not in ("", own) else None


def venv_in(project: Path) -> Venv | None:
    """The environment in the project's folder, if there is one."""
    return next((venv for name in FOLDERS if (venv := venv_at(project / name)) is not None), None)


def venv_at(folder: Path) -> Venv | None:
    """The environment that this folder is, if it is one."""
    try:
        configuration = (folder / CONFIGURATION).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    version = _VERSION.search(configuration)
    sites = [path for path in _site_folders(folder) if path.is_dir()]
    packages = tuple(dict.fromkeys(path for site in sites for path in (site, *_added_by(site))))
    sees_system = _SYSTEM.search(configuration) is not None
    return Venv(folder, version.group(1) if version else "", sees_system, packages)


def _site_folders(folder: Path) -> Iterator[Path]:
    yield folder / "Lib" / "site-packages"
    for lib in ("lib", "lib64"):
        yield from sorted((folder / lib).glob("python3*/site-packages"))


def _added_by(site: Path) -> Iterator[Path]:
    """The folders that ``.pth`` files name (https://docs.python.org/3/library/site.html), not what they would run."""
    for pth in sorted(site.glob("*.pth")):
        with suppress(OSError, ValueError):
            if pth.stat().st_size > MAX_PTH_BYTES:
                continue
            for line in pth.read_text(encoding="utf-8", errors="replace").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    path = site / line.strip()
                    if path.is_dir():
                        yield path.resolve()
