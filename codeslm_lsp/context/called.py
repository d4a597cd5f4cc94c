"""Methods that are called near the hole → what defines them, in a file that this one imports.

``self.store.get_commit(key)`` below the hole says what the hole is for, and the signature says what comes of it; the
type of ``self.store`` is named nowhere near.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection, Iterator, Mapping

from codeslm_lsp.workspace.index import Index

MAX_NAMES = 12
"""The nearest. Each is one question to the index, which takes a tenth of a millisecond."""

MAX_MEANINGS = 2
"""Methods of more signatures are everybody's, and the one that is meant is not known."""

_CALLED = re.compile(r"(?:\.|->|::)\s*([^\W\d]\w*)\s*\(")
_OF_BUILTINS = frozenset(name for each in (str, bytes, list, dict, set, int, Exception) for name in dir(each)) | {
    *dir(builtins)
}
"""What Python's own types have is hardly ever called on another's; most languages have the same names."""


def called_near(text: str, near: Mapping[str, float]) -> tuple[str, ...]:
    """Names of methods that are called in ``text`` and stand near the hole, the nearest first."""
    called = {name for name in _CALLED.findall(text) if name in near and name not in _OF_BUILTINS}
    return tuple(sorted(called, key=lambda name: (-near[name], name))[:MAX_NAMES])


def methods(
    index: Index, path: str, imported_paths: Collection[str], names: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Triples of a name, the file that defines it as a member, and its qualified name there. ``path`` is the hole's.

    Of several definitions in imported files, which are mostly one interface and what implements it, the first.
    """
    for name in names:
        found = [each for each in index.definitions(name) if each.symbol.parent and each.path != path]
        theirs = [each for each in found if each.path in imported_paths]
        if theirs and len({each.symbol.signature for each in found}) <= MAX_MEANINGS:
            yield name, theirs[0].path, theirs[0].symbol.qualified_name
