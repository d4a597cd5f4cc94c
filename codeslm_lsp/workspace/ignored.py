"""A folder → what its owner does not want to be read there: the ignore rules of every level, as git understands them.

Below the folder every ``.gitignore``, ``.ignore`` and ``.codeslmignore`` counts, the last of them most; above it, and
from the user's own configuration, what git itself would read for this repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

IGNORE_FILES = (".gitignore", ".ignore", ".codeslmignore")
"""Later ones win over earlier ones of the same folder, as ``.ignore`` does in ripgrep and other search tools."""

_GIT_PATIENCE_S = 5.0
"""Git reads one small file; on a network home folder that may take a moment."""


class IgnoreRules:
    """The ignore rules of one folder, read when they are first needed and then kept: make a new one after a change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._specs: dict[str, GitIgnoreSpec | None] = {}
        self._above = tuple(_specs_above(folder, _repository(folder)))

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Whether a rule excludes this path, relative to the folder and with ``/``; its folders are not looked at."""
        marked = path + "/" if is_folder else path
        for at in _folders_of(path):
            spec = self._spec(at)
            if spec is not None:
                included = spec.check_file(marked[len(at) + 1 :] if at else marked).include
                if included is not None:
                    return included
        for prefix, spec in self._above:
            included = spec.check_file(prefix + marked).include
            if included is not None:
                return included
        return False

    def _spec(self, at: str) -> GitIgnoreSpec | None:
        if at not in self._specs:
            self._specs[at] = _read_spec(*(self._folder / at / name for name in IGNORE_FILES))
        return self._specs[at]


@lru_cache(maxsize=512)
def is_meant(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether patterns of a ``.gitignore`` match this path, or a folder it lies in; the last that does decides."""
    return _spec_of(patterns).match_file(path)


def _folders_of(path: str) -> Iterator[str]:
    """The folders a path lies in, innermost first; the last one is ``""``."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _specs_above(folder: Path, repository: Path | None) -> Iterator[tuple[str, GitIgnoreSpec]]:
    """The rules from outside the folder, the strongest first, and how a path of the folder begins for each."""
    if repository is not None:
        for above in folder.parents if repository != folder else ():
            if (spec := _read_spec(*(above / name for name in IGNORE_FILES))) is not None:
                yield folder.relative_to(above).as_posix() + "/", spec
            if above == repository:
                break
    prefix = "" if repository in (None, folder) else f"{folder.relative_to(repository).as_posix()}/"
    if repository is not None and (spec := _read_spec(_git_folder(repository) / "info" / "exclude")) is not None:
        yield prefix, spec
    if (spec := _read_spec(_users_excludes())) is not None:
        yield prefix, spec


def _repository(folder: Path) -> Path | None:
    """The nearest folder, this one or above, that git works in."""
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)


def _git_folder(repository: Path) -> Path:
    """Where git keeps what all work trees share (``gitrepository-layout(5)``: ``.git`` may be a file that says so)."""
    git = repository / ".git"
    if git.is_dir():
        return git
    said = _text(git).removeprefix("gitdir:").strip()
    own = repository / said
    return own / (_text(own / "commondir").strip() or ".")


def _users_excludes() -> Path:
    """The user's own ignore file: what git was told, or where git looks by itself (``gitignore(5)``)."""
    if (git := shutil.which("git")) is not None:
        try:
            asked = subprocess.run(
                [git, "config", "--global", "--type=path", "--get", "core.excludesFile"],
                capture_output=True,
                text=True,
                check=False,
                timeout=_GIT_PATIENCE_S,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            pass
        else:
            if asked.returncode == 0 and asked.stdout.strip():
                return Path(asked.stdout.strip())
    configuration = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration) / "git" / "ignore"


def _read_spec(*paths: Path) -> GitIgnoreSpec | None:
    """The rules of these files together, later ones stronger; ``None`` when they say nothing."""
    lines = [line for path in paths for line in _text(path).splitlines()]
    spec = _spec_of(lines)
    return spec if len(spec) else None


def _spec_of(lines: Iterable[str]) -> GitIgnoreSpec:
    return GitIgnoreSpec(pattern for line in lines for pattern in _patterns(line))


def _patterns(line: str) -> Iterator[GitIgnoreSpecPattern]:
    """One line's pattern; git passes over those it cannot make sense of, and so does this."""
    try:
        pattern = GitIgnoreSpecPattern(line)
    except ValueError:
        return
    if pattern.include is not None:
        yield pattern


def _text(path: Path) -> str:
    """What a small file says; nothing where there is none. A pipe of that name would be waited for forever."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""
    except OSError:
        return ""
