"""A project's folder → the Python that runs its code in the sandbox: with the packages of the project's environment."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.workspace.venv import Venv, python_of, venv_at, venv_in


@dataclass(frozen=True, slots=True)
class Interpreter:
    """``command`` is what a script or ``-m`` comes behind. ``readable`` are the folders that it needs besides ours."""

    command: tuple[str, ...]
    readable: tuple[Path, ...] = ()


OURS = Interpreter((sys.executable,))
"""Has pytest and Hypothesis, and the packages that codeslm itself needs."""


def interpreter_of(folder: Path | None) -> Interpreter:
    """Ours, or one of the environment's version if that is on the path; with what is installed in the environment.

    The environment is the one in the project's folder, else the active one. Its own program is not run: whoever made
    the project may have made that too.
    """
    venv = (venv_in(folder) if folder is not None else None) or _active()
    if venv is None or venv.folder.resolve() == Path(sys.prefix).resolve():
        return OURS
    python, env = _python(venv), shutil.which("env")
    if env is None:
        return OURS
    # What its ``.pth`` files name lies elsewhere: that may be anything of the user's, and a project wrote them.
    paths = [path for path in venv.packages if path.is_relative_to(venv.folder)]
    readable = [venv.folder]
    if python != sys.executable:
        paths.append(Path(sysconfig.get_paths()["purelib"]))  # For pytest and Hypothesis, which any version can read.
        readable.append(_prefix(python))
    search = os.pathsep.join(map(str, paths))
    return Interpreter((env, f"PYTHONPATH={search}", python), tuple(readable))


def _active() -> Venv | None:
    folder = os.environ.get("VIRTUAL_ENV")
    return venv_at(Path(folder)) if folder else None


def _python(venv: Venv) -> str:
    """The Python of that version on the path, unless showing it would show the user's whole home; else ours."""
    named = python_of(venv)
    if named is None or Path.home().resolve().is_relative_to(_prefix(named)):
        return sys.executable
    return named


def _prefix(python: str) -> Path:
    """``/opt/python3.12/bin/python3.12`` → ``/opt/python3.12``."""
    return Path(python).resolve().parents[1]
