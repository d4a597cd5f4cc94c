"""Imports that are written as paths → files: JavaScript, TypeScript, C, C++, Ruby, Lua, shell scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.paths import (
    Paths,
    ends_with,
    folder_of,
    folders_above,
    join,
    n_common_tail,
    name_of,
    nearest,
    stem_of,
)
from codeslm_lsp.workspace.targets import Target

_SCRIPT_ENDINGS = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
_WRITTEN_FOR = {".js": (".ts", ".tsx", ".d.ts"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}
"""TypeScript imports what its sources will be compiled to (its handbook, "Modules: reference")."""

_ALIASES = ("@/", "~/", "#/", "$lib/")
"""How projects customarily call their own source folder."""


def script_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """JavaScript and TypeScript: a path from the file, one from the source folder, or a package of this folder."""
    module = imported.module
    if module.startswith("."):
        return _first([_script_file(paths, join(folder_of(path), module))], imported)
    alias = next((each for each in _ALIASES if module.startswith(each)), "")
    rest = module[len(alias) :]
    if alias or "/" in module:
        starts = [start for folder in folders_above(path) for start in (folder, f"{folder}/src", f"{folder}/src/lib")]
        found = _first((_script_file(paths, join(start, rest)) for start in starts), imported)
        if found or alias:
            return found
    # A package of the same repository, by the name of its folder; what is below it may be named too.
    scope_and_name = module.split("/")[: 2 if module.startswith("@") else 1]
    inside = "/".join(module.split("/")[len(scope_and_name) :])
    packages = {*paths.folders_named(scope_and_name[-1])}
    packages.update(folder_of(each) for each in paths.folders_named("src"))
    named = [each for each in nearest(packages, path) if name_of(each) == scope_and_name[-1]]
    return _first(
        (_script_file(paths, join(each, start, inside)) for each in named for start in ("src", "", "lib")), imported
    )


def include_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """C and C++: beside the file, below ``include`` or any folder above, or wherever the path fits."""
    module = imported.module
    if "::" in module:
        return ()
    starts = [start for folder in folders_above(path) for start in (folder, f"{folder}/include", f"{folder}/src")]
    found = _first((_exact(paths, join(start, module)) for start in starts), imported)
    return found or _first(_fitting(paths, path, module), imported)


def ruby_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """Ruby: ``require_relative`` from the file, ``require`` from a load path, which is mostly ``lib``."""
    module = imported.module.removesuffix(".rb") + ".rb"
    starts = [start for folder in folders_above(path) for start in (folder, f"{folder}/lib", f"{folder}/app")]
    found = _first((_exact(paths, join(start, module)) for start in starts), imported)
    return found or (_first(_fitting(paths, path, module), imported) if "/" in module else ())


def lua_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """Lua: dots part folders, and a folder may have an ``init.lua`` (``package.path``, manual section 6.3)."""
    module = imported.module.replace(".", "/")
    starts = [start for folder in folders_above(path) for start in (folder, f"{folder}/lua", f"{folder}/src")]
    exact = (_exact(paths, join(start, module + end)) for start in starts for end in (".lua", "/init.lua"))
    found = _first(exact, imported)
    return found or (_first(_fitting(paths, path, module + ".lua"), imported) if "/" in module else ())


def bash_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """Shell scripts: what stands behind the last variable of the path, from the file or wherever it fits."""
    written = re.sub(r"[\"']", "", imported.module)
    module = re.split(r"[)}]|\$\w+", written)[-1].lstrip("/")
    if not module:
        return ()
    starts = list(folders_above(path))
    found = _first((_exact(paths, join(start, module)) for start in starts), imported)
    return found or _first(_fitting(paths, path, module.removeprefix("./")), imported)


def _first(candidates: Iterable[str | None], imported: Import) -> list[Target]:
    found = next((each for each in candidates if each is not None), None)
    return [] if found is None else [Target(found, imported.names)]


def _exact(paths: Paths, path: str | None) -> str | None:
    return path if path is not None and paths.exists(path) else None


def _script_file(paths: Paths, at: str | None) -> str | None:
    if at is None:
        return None
    stem, dot, ending = at.rpartition(".")
    sources = (stem + other for other in _WRITTEN_FOR.get(dot + ending, ()))
    beside = (at + end for end in _SCRIPT_ENDINGS) if at else ()
    inside = (f"{at}/index{end}" if at else f"index{end}" for end in _SCRIPT_ENDINGS)
    return next((each for each in (at, *sources, *beside, *inside) if paths.exists(each)), None)


def _fitting(paths: Paths, path: str, module: str) -> list[str]:
    """Files whose path ends like ``module``; or, where none ends so, which share its name and one folder."""
    same_name = [each for each in paths.with_stem(stem_of(module)) if name_of(each) == name_of(module)]
    whole = [each for each in same_name if ends_with(each, module.lstrip("./"))]
    if whole or "/" not in module:
        return nearest(whole, path)
    parts = module.split("/")
    return sorted(
        (each for each in same_name if n_common_tail(each, parts) > 1), key=lambda each: -n_common_tail(each, parts)
    )
