"""A dotted name → what a Python environment has behind it. What it means is ``jedi``'s answer; the names a module
binds are read from the file that jedi finds.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jedi
from jedi.api import Script
from jedi.api.project import Project

from codeslm_lsp.workspace.bound_names import BoundNames, bound_names
from codeslm_lsp.workspace.environment_choice import Chosen
from codeslm_lsp.workspace.members import Members

MAX_SOURCE_BYTES = 4 << 20
"""A larger module is data that was written by a program."""

MAX_DEPTH = 8
"""So many modules may pass on each other's names."""

_OF_ANY_MODULE = frozenset({*dir(types.ModuleType), *(name for name in dir(types) if name.startswith("__"))})
"""What every module has, such as ``__name__`` and ``__file__``."""

_TYPESHED = Path(jedi.__file__).parent / "third_party" / "typeshed" / "stdlib"
"""Stubs of Python's own library, for all its versions and platforms; those of packages may be of another version."""


@dataclass(frozen=True, slots=True)
class _Module:
    """As in ``Members``."""

    names: frozenset[str]
    is_all: bool = False


@dataclass(frozen=True, slots=True)
class _Meant:
    """What an import means: the files of its source and of its stub, or a module that is compiled into Python."""

    sources: tuple[Path, ...]
    stubs: tuple[Path, ...]
    is_built_in: bool


class EnvironmentNames:
    """Answers for one environment. Remembers what it has read."""

    def __init__(self, chosen: Chosen, project: Path | None) -> None:
        self._chosen = chosen
        self._project = Project(project or Path.cwd(), sys_path=chosen.paths, smart_sys_path=False)
        self._known: dict[str, _Module | None] = {}

    def members(self, subject: str) -> Members:
        """What stands behind ``subject`` and a dot: ``os.path``, ``pathlib.Path``, ``numpy.random``."""
        parts = subject.split(".")
        module = self._module(subject)
        if module is not None and not self._is_hidden(parts):
            return Members(subject, module.names, module.is_all)
        names = module.names if module is not None else frozenset()
        for n_parts in range(len(parts) - 1, 0, -1):
            if self._module(".".join(parts[:n_parts])) is not None:
                names |= self._completed(".".join(parts[:n_parts]), parts[n_parts:])
                break
        return Members(subject, names or None)

    def _is_hidden(self, parts: Sequence[str]) -> bool:
        """``from .run import run`` makes ``package.run`` a function, though there is a module of that name."""
        if len(parts) == 1:
            return False
        code = f"import {'.'.join(parts[:-1])} as it\nit.{parts[-1]}"
        meant = self._script(code).infer(2, len("it.") + len(parts[-1]))
        return not meant or any(name.type not in ("module", "namespace") for name in meant)

    def _module(self, dotted: str, depth: int = 0) -> _Module | None:
        if dotted not in self._known:
            self._known[dotted] = None  # Where modules take names of each other, this is the end.
            self._known[dotted] = self._read(dotted, depth)
        return self._known[dotted]

    def _read(self, dotted: str, depth: int) -> _Module | None:
        meant = self._meant(dotted)
        if meant is None or depth > MAX_DEPTH:
            return None
        if meant.is_built_in or not (meant.sources or meant.stubs):
            stubs = [self._bound(dotted, path, depth) for path in meant.stubs]
            names = self._completed(dotted, ()).union(*(stub.names for stub in stubs))
            return _Module(names | _OF_ANY_MODULE, is_all=meant.is_built_in and self._chosen.is_exact)
        sources = [self._bound(dotted, path, depth) for path in meant.sources]
        stubs = [self._bound(dotted, path, depth) for path in meant.stubs]
        trusted = [
            stub for stub, path in zip(stubs, meant.stubs, strict=True) if _is_authoritative(path, meant.sources)
        ]
        is_all = any(stub.is_all for stub in trusted) or (bool(sources) and all(each.is_all for each in sources))
        files = (*meant.sources, *meant.stubs)
        return _Module(
            _OF_ANY_MODULE.union(*(each.names for each in (*sources, *stubs)), *map(_submodules, files)),
            is_all and any(self._chosen.is_installed(path) for path in meant.sources or meant.stubs),
        )

    def _meant(self, dotted: str) -> _Meant | None:
        code = f"import {dotted} as it"
        script = self._script(code)
        found = [name for name in script.infer(1, len(code)) if name.type in ("module", "namespace")]
        if not found:
            return None
        stubs = [name.module_path for name in script.infer(1, len(code), only_stubs=True) if name.type == "module"]
        return _Meant(
            tuple(name.module_path for name in found if name.module_path is not None and not name.is_stub()),
            tuple(path for path in stubs if path is not None),
            any(name.in_builtin_module() for name in found),
        )

    def _bound(self, dotted: str, path: Path, depth: int) -> _Module:
        """What one file of a module says, with what it takes of others."""
        bound = _bound(path)
        if bound is None:
            return _Module(frozenset())
        stars = [self._module(name, depth + 1) if name else None for name in _star_modules(bound, dotted, path)]
        taken = [star for star in stars if star is not None]
        return _Module(
            bound.names.union(*(star.names for star in taken)),
            not bound.is_dynamic and len(taken) == len(stars) and all(star.is_all for star in taken),
        )

    def _completed(self, module: str, rest: Sequence[str]) -> frozenset[str]:
        code = f"import {module} as it\n{'.'.join(('it', *rest))}."
        return frozenset(completion.name for completion in self._script(code).complete())

    def _script(self, code: str) -> Any:
        return Script(code, environment=self._chosen.python, project=self._project)


def _is_authoritative(stub: Path, sources: Sequence[Path]) -> bool:
    """Whether a stub is for just this version: Python's own, or one that came with the package."""
    return stub.is_relative_to(_TYPESHED) or not sources or any(stub.parent == source.parent for source in sources)


def _star_modules(bound: BoundNames, dotted: str, path: Path) -> Iterator[str]:
    """The full names of the modules whose names are taken; empty for one above the top."""
    package = dotted.split(".") if path.stem == "__init__" else dotted.split(".")[:-1]
    for module, n_dots in bound.stars:
        if not n_dots:
            yield module
        elif n_dots <= len(package):
            yield ".".join([*package[: len(package) - n_dots + 1], *([module] if module else [])])
        else:
            yield ""


def _submodules(path: Path) -> frozenset[str]:
    """What lies beside the ``__init__`` of a package."""
    if path.stem != "__init__":
        return frozenset()
    return frozenset(name for each in path.parent.iterdir() if (name := each.name.partition(".")[0]).isidentifier())


@cache
def _bound(path: Path) -> BoundNames | None:
    try:
        return bound_names(path.read_bytes()) if path.stat().st_size <= MAX_SOURCE_BYTES else None
    except OSError:
        return None
