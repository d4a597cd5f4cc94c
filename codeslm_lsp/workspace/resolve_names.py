"""Imports that are written as names of packages → files: Go, Java, C#, PHP, Rust."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
from codeslm_lsp.workspace.targets import MAX_FILES_OF_FOLDER, Target

_GO_STANDARD = frozenset(
    {
        *("archive", "bufio", "bytes", "cmp", "compress", "container", "context", "crypto", "database", "debug"),
        *("embed", "encoding", "errors", "expvar", "flag", "fmt", "go", "hash", "html", "image", "index", "io"),
        *("iter", "log", "maps", "math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime"),
        *("slices", "sort", "strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time"),
        *("unicode", "unique", "unsafe", "weak"),
    }
)
"""First parts of Go's standard library (https://pkg.go.dev/std); a project's own paths begin with its module."""


def go_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """Go: a package is a folder, and an import its path below the module, whose name precedes it."""
    parts = imported.module.split("/")
    if parts[0] in _GO_STANDARD or len(parts) < 2:
        return ()
    folders = [
        each for each in paths.folders_named(parts[-1]) if any(name.endswith(".go") for name in paths.inside(each))
    ]
    lengths = {each: n_common_tail(each, parts) for each in folders}
    # Either all of the folder's path stands in the import, or enough of it not to be a chance.
    fitting = [each for each, n in lengths.items() if n == each.count("/") + 1 or n >= 2]
    if not fitting:
        return ()
    best = max(nearest(fitting, path), key=lambda each: lengths[each])
    return _files_of(paths, best, ".go", without="_test.go")


def java_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """Java: a class, a member of one (static imports), or all classes of a package."""
    parts = imported.module.split(".")
    for n_members in (0, 1, 2):
        own = parts[: len(parts) - n_members]
        if not own:
            break
        tail = "/".join(own) + ".java"
        found = nearest((each for each in paths.with_stem(own[-1]) if ends_with(each, tail)), path)
        if found:
            return [Target(found[0], tuple(parts[len(own) : len(own) + 1]) or (own[-1],))]
    folders = [each for each in paths.folders_named(parts[-1]) if ends_with(each, "/".join(parts))]
    return _files_of(paths, nearest(folders, path)[0], ".java") if folders else ()


def csharp_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """C#: namespaces mostly follow folders, below the project's, which has a namespace's name itself."""
    parts = imported.module.split(".")
    best, best_n = "", 0
    candidates = {*paths.folders_named(parts[-1]), *paths.folders_named(imported.module)}
    for folder in nearest(candidates, path):
        n = n_common_tail(folder.replace(".", "/"), parts)
        if n > best_n:
            best, best_n = folder, n
    if best_n >= 2 or (best_n and best.count("/") == 0 and best_n == len(parts)):
        return _files_of(paths, best, ".cs")
    return ()


def php_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """PHP: classes by PSR-4 (the last parts of the name are a path), and files that are included."""
    literal = re.search(r"""["']([^"']+\.\w+)["']""", imported.module)
    written = literal.group(1) if literal else imported.module
    if literal or written.endswith(".php"):
        module = written.lstrip("/")
        exact = (join(folder, module) for folder in folders_above(path))
        found = next((each for each in exact if each is not None and paths.exists(each)), None)
        return [Target(found)] if found else ()
    targets = []
    for name in imported.names or ("",):
        parts = [part for part in f"{written}\\{name}".split("\\") if part]
        fitting = [each for each in paths.with_stem(parts[-1]) if name_of(each) == f"{parts[-1]}.php"]
        if fitting:
            best = max(nearest(fitting, path), key=lambda each: n_common_tail(each.removesuffix(".php"), parts))
            if n_common_tail(best.removesuffix(".php"), parts) >= min(2, len(parts)):
                targets.append(Target(best, (parts[-1],)))
    return targets


def rust_targets(paths: Paths, path: str, imported: Import) -> Sequence[Target]:
    """Rust: ``crate::``, ``self::`` and ``super::`` paths, and packages of this workspace.

    The longest beginning of the path that is a file is taken, and what follows is what is taken from it.
    """
    parts = [part for part in imported.module.split("::") if part and part != "*"]
    names = tuple(each.rpartition("::")[2] for each in imported.names if each != "self")
    for start, rest, least in _rust_starts(paths, path, parts):
        submodules = [(name, file) for name in names if (file := _rust_file(paths, start, [*rest, name])) is not None]
        taken = tuple(name for name in names if name not in dict(submodules))
        targets = [Target(file) for _, file in submodules]
        for n in range(len(rest), least - 1, -1):
            if (file := _rust_file(paths, start, rest[:n])) is not None:
                wanted = taken if n == len(rest) else (rest[n],)
                return [*targets, Target(file, wanted)] if wanted or not targets else targets
        if targets:
            return targets
    return ()


def _rust_starts(paths: Paths, path: str, parts: list[str]) -> Iterator[tuple[str, list[str], int]]:
    """Folders that hold the modules of ``parts``, what is left of these, and how many of them have to be modules."""
    stem, folder = stem_of(path), folder_of(path)
    own = folder if stem in ("mod", "lib", "main") else f"{folder}/{stem}".lstrip("/")
    if not parts:
        return
    if parts[0] == "crate":
        yield _crate_root(paths, path), parts[1:], 0
    elif parts[0] in ("self", "super"):
        rest = parts[1:] if parts[0] == "self" else parts
        while rest and rest[0] == "super":
            own, rest = folder_of(own), rest[1:]
        yield own, rest, 0
    else:
        yield own, parts, 1
        for name in {parts[0], parts[0].replace("_", "-")}:
            for package in nearest(paths.folders_named("src"), path):
                if name_of(folder_of(package)) == name:
                    yield package, parts[1:], 0


def _crate_root(paths: Paths, path: str) -> str:
    """The folder of the nearest ``lib.rs`` or ``main.rs`` above."""
    for folder in folders_above(path):
        if any(paths.exists(f"{folder}/{root}".lstrip("/")) for root in ("lib.rs", "main.rs")):
            return folder
    return folder_of(path)


def _rust_file(paths: Paths, start: str, parts: Sequence[str]) -> str | None:
    at = join(start, *parts)
    if at is None:
        return None
    candidates = [f"{at}.rs"] if at else []
    candidates += [f"{at}/{name}".lstrip("/") for name in (("mod.rs",) if parts else ("mod.rs", "lib.rs", "main.rs"))]
    return next((each for each in candidates if paths.exists(each)), None)


def _files_of(paths: Paths, folder: str, ending: str, without: str = "\0") -> list[Target]:
    files = [each for each in paths.inside(folder) if each.endswith(ending) and not each.endswith(without)]
    return [Target(each) for each in files[:MAX_FILES_OF_FOLDER]]
