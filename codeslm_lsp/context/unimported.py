"""Names near the hole that nothing imports → the one file that defines each, where a language needs no import for it.

Files of one folder are one package in Go and Java and one namespace in C#, by custom; what a header includes is seen
by who includes the header; Ruby and PHP load types by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.index import Index
from codeslm_lsp.workspace.paths import folder_of
from codeslm_lsp.workspace.records import TYPE_KINDS

_BY_FOLDER = frozenset({"go", "java", "csharp"})
_BY_HEADER = frozenset({"c", "cpp"})
_BY_NAME = frozenset({"ruby", "php"})

SEES_WITHOUT_IMPORT = _BY_FOLDER | _BY_HEADER | _BY_NAME
"""Languages in which a file may use what it does not import."""

MAX_NAMES = 40
"""The nearest. Each is one question to the index, which takes less than a millisecond."""

MAX_HEADERS = 20

_SOURCE_ROOTS = ("/main/java/", "/test/java/")
"""Maven's standard layout: one package lies in both (https://maven.apache.org/guides/introduction)."""


def seen_without_import(
    index: Index, path: str, language: str, imported: Iterable[Import], near: Mapping[str, float], own: frozenset[str]
) -> Iterator[tuple[str, str]]:
    """Pairs of a name and the path of the only file that defines it for this one. ``own`` names are passed over."""
    if language not in SEES_WITHOUT_IMPORT:
        return
    headers = _headers(index, path, language, imported) if language in _BY_HEADER else frozenset()
    names = sorted((name for name in near if name not in own), key=lambda name: (-near[name], name))
    for name in names[:MAX_NAMES]:
        if language in _BY_NAME and not name[0].isupper():
            continue
        # A type is seen even where it stands in a namespace; of other members only their owner knows.
        at_top = [each for each in index.definitions(name) if not each.symbol.parent or each.symbol.kind in TYPE_KINDS]
        paths = {each.path for each in at_top if ending(each.path) in _endings(path)}
        if language in _BY_HEADER:
            paths &= headers
        elif language in _BY_FOLDER:
            paths = {each for each in paths if _package(each) == _package(path)}
        if len(paths) == 1 and path not in paths:
            yield name, paths.pop()


def _headers(index: Index, path: str, language: str, imported: Iterable[Import]) -> frozenset[str]:
    """What the file includes, and what that includes."""
    direct = [target.path for each in imported for target in index.resolve(path, language, each)][:MAX_HEADERS]
    return frozenset(direct).union(*({target.path for target in index.imports_of(each)} for each in direct))


def _package(path: str) -> str:
    folder = f"{folder_of(path)}/"
    for root in _SOURCE_ROOTS:
        before, found, package = f"/{folder}".partition(root)
        if found:
            return f"{before}\n{package}"
    return folder


def ending(path: str) -> str:
    """``a/b.py`` → ``py``."""
    return path.rpartition(".")[2]


C_ENDINGS = frozenset({"c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "inl"})
"""Of files of C and C++."""


def _endings(path: str) -> frozenset[str]:
    """The endings of files in the same language."""
    return C_ENDINGS if ending(path) in C_ENDINGS else frozenset({ending(path)})
