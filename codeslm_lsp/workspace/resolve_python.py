"""Python's imports → files: ``import a.b``, ``from a import b``, ``from ..a import b`` (reference, section 5)."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.paths import Paths, ends_with, folders_above, join, nearest
from codeslm_lsp.workspace.targets import Target

_ENDINGS = (".py", ".pyi")


def python_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """The module's file, and those of the names that are modules themselves."""
    n_dots = len(imported.module) - len(imported.module.lstrip("."))
    parts = tuple(part for part in imported.module[n_dots:].split(".") if part)
    for base in _bases(paths, path, n_dots, parts):
        found = _in_base(paths, base, parts, imported.names)
        if found:
            return found
    return ()


def _bases(paths: Paths, path: str, n_dots: int, parts: tuple[str, ...]) -> Iterator[str]:
    """The folders that may hold the first part, the likeliest first."""
    if n_dots:
        above = list(folders_above(path))
        if n_dots <= len(above):
            yield above[n_dots - 1]
        return
    for folder in folders_above(path):
        # Inside a package an absolute import does not look beside the file.
        if not _is_package(paths, folder):
            yield folder
            yield f"{folder}/src" if folder else "src"
    if len(parts) > 1 or parts[0] not in sys.stdlib_module_names:
        yield from _bases_elsewhere(paths, path, parts)


def _bases_elsewhere(paths: Paths, path: str, parts: tuple[str, ...]) -> Iterator[str]:
    """Source roots that lie elsewhere in the folder: whatever holds the whole module, and is no package itself."""
    tail = "/".join(parts)
    modules = [each for each in paths.with_stem(parts[-1]) if any(ends_with(each, tail + end) for end in _ENDINGS)]
    packages = [f"{each}/__init__.py" for each in paths.folders_named(parts[-1]) if ends_with(each, tail)]
    for found in nearest([*modules, *packages], path):
        inside = found.removesuffix("/__init__.py") if found.endswith("/__init__.py") else found.rpartition(".")[0]
        base = inside[: -len(tail)].rstrip("/")
        if not _is_package(paths, base):
            yield base


def _in_base(paths: Paths, base: str, parts: tuple[str, ...], names: tuple[str, ...]) -> list[Target]:
    folder = join(base, *parts)
    if folder is None:
        return []
    submodules = {name: file for name in names if (file := _module(paths, join(folder, name) or "")) is not None}
    own = _module(paths, folder) if folder else _package_file(paths, "")
    targets = []
    rest = tuple(name for name in names if name not in submodules)
    if own is not None and (rest or not names):
        targets.append(Target(own, rest))
    return [*targets, *(Target(file) for file in submodules.values())]


def _module(paths: Paths, at: str) -> str | None:
    """The file of the module at ``a/b``: a package comes before a module of the same name."""
    return _package_file(paths, at) or next((at + end for end in _ENDINGS if paths.exists(at + end)), None)


def _package_file(paths: Paths, folder: str) -> str | None:
    inside = (join(folder, f"__init__{end}") for end in _ENDINGS)
    return next((each for each in inside if each is not None and paths.exists(each)), None)


def _is_package(paths: Paths, folder: str) -> bool:
    return _package_file(paths, folder) is not None
