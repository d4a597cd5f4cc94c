"""A project's folder → the Python environment that runs it, for ``jedi`` to look into.

Only programs that the user has chosen are run, never one from the project's folder: an environment there is read.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jedi.api.environment import Environment, InvalidPythonEnvironment

from codeslm_lsp.workspace.venv import CONFIGURATION, FOLDERS, Venv, python_of, venv_in

_PACKAGES = frozenset({"site-packages", "dist-packages"})
"""The names of folders with installed packages, by the customs of Python and of Debian."""


class Library(Environment):
    """A Python of which jedi runs nothing but its own library: compiled modules of packages stay unread."""

    def get_sys_path(self) -> list[str]:
        """Where jedi may load compiled modules from."""
        return _library(self.all_paths())

    def all_paths(self) -> list[str]:
        """Where this Python looks for modules; not the folder of the program that jedi has it run."""
        return [path for path in super().get_sys_path() if path and not path.endswith("subprocess")]


@dataclass(frozen=True, slots=True)
class Chosen:
    """``python`` says what only a running Python knows; modules are looked for in ``paths``.

    ``is_exact``: its library is that of the Python that runs the project.
    """

    python: Library
    paths: tuple[str, ...]
    is_exact: bool

    def is_installed(self, path: Path) -> bool:
        """Whether a file came with a package, or with the very Python that runs the project."""
        folder = next((str(folder) for folder in path.parents if str(folder) in self.paths), "")
        return _is_of_packages(folder) or (self.is_exact and folder in _library(self.paths))


def choose(project: Path | None) -> Chosen | None:
    """The environment in the project's folder, else the active one, else the Python on the path, else ours."""
    if project is not None and (venv := venv_in(project)) is not None:
        return _of_venv(venv)
    on_path = shutil.which("python" if sys.platform == "win32" else "python3")
    for executable in (_active(), on_path, sys.executable):
        if executable and (python := _python(executable)) is not None:
            return Chosen(python, tuple(python.all_paths()), is_exact=True)
    return None


def watched(project: Path | None, chosen: Chosen | None) -> tuple[str, ...]:
    """What changes when a package is installed, or the project gets an environment."""
    venvs = [str(project / name / CONFIGURATION) for name in FOLDERS] if project is not None else []
    return (*venvs, *(path for path in (chosen.paths if chosen is not None else ()) if _is_of_packages(path)))


def _of_venv(venv: Venv) -> Chosen | None:
    """Its packages, with the library of the Python of its version on the path; of ours, if there is none."""
    for executable in (python_of(venv), sys.executable):
        if executable and (python := _python(executable)) is not None:
            version = f"{python.version_info.major}.{python.version_info.minor}"
            elsewhere = [path for path in python.all_paths() if _is_of_packages(path)] if venv.sees_system else []
            packages = [*map(str, venv.packages), *elsewhere]
            paths = (*_library(python.all_paths()), *packages)
            return Chosen(python, paths, is_exact=version == venv.version)
    return None


def _active() -> str | None:
    """The Python of the environment that was active where the editor was started."""
    folder = os.environ.get("VIRTUAL_ENV")
    names = ("Scripts/python.exe",) if sys.platform == "win32" else ("bin/python",)
    return next((str(Path(folder, name)) for name in names if Path(folder, name).is_file()), None) if folder else None


def _python(executable: str) -> Library | None:
    try:
        return Library(executable)  # type: ignore[no-untyped-call]
    except InvalidPythonEnvironment:
        return None


def _is_of_packages(path: str) -> bool:
    return not _PACKAGES.isdisjoint(Path(path).parts)


def _library(paths: Sequence[str]) -> list[str]:
    """Those with Python's own modules: the folder of ``os.py``, and those in or beside it with the compiled ones."""
    home = next((Path(path) for path in paths if Path(path, "os.py").is_file()), None)
    if home is None:
        return []
    folders = {home, home / "lib-dynload", home.parent / "DLLs"}
    return [path for path in paths if Path(path) in folders]
