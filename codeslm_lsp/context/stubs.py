"""Names near the hole + index → signatures of what they mean in other files, the likeliest needed first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from codeslm_lsp.context.unimported import seen_without_import
from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.index import Index
from codeslm_lsp.workspace.paths import stem_of

RECEIVER_WEIGHT = 3.0
"""The type before the dot: its members are what is being written."""
ENCLOSING_WEIGHT = 1.5
"""Types in the headers of the enclosing definitions: superclasses, parameters, what is returned."""
UNUSED_WEIGHT = 1.6
"""Who imports a name and uses it nowhere yet is about to."""
IMPORTED_WEIGHT = 0.1
"""What is imported will be used somewhere, if not here."""

MIN_WEIGHT = 0.3
"""What is imported, used already, and named nowhere near the hole, is not likely to help and not shown."""

UNIMPORTED_FACTOR = 0.4
"""What nobody imported is shown only where there is room, unless it is a receiver's or an enclosing type: the name may
mean something else."""

MAX_IMPORTS = 60
MAX_NAMES_OF_MODULE = 12
"""Of a file that is imported as a whole only what is named near the hole is shown, and no more than this."""


@dataclass(frozen=True, slots=True)
class Stub:
    """The signatures of one name, the file that defines it, and how likely it is needed here (any positive number)."""

    path: str
    name: str
    text: str
    weight: float


def stubs(
    index: Index,
    path: str,
    language: str,
    imported: Iterable[Import],
    near: Mapping[str, float],
    receiver_types: Iterable[str],
    enclosing: Iterable[str],
    unused: Callable[[str], bool],
    own: frozenset[str] = frozenset(),
) -> tuple[Stub, ...]:
    """What the file's imports mean, and what it sees without one, weighed by where the names stand: heaviest first.

    ``near`` are the names around the hole, ``receiver_types`` those that may be the type before the dot, ``enclosing``
    the names in the headers around the hole, ``own`` those the file defines itself; ``unused`` says of a name that
    only its import has it. Some index queries for each import and for each name that is not imported, about a
    millisecond each.
    """
    types, headers, imported = set(receiver_types), set(enclosing), list(imported)[:MAX_IMPORTS]

    def weight_of(name: str) -> float:
        weight = IMPORTED_WEIGHT + near.get(name, 0.0) + (UNUSED_WEIGHT if unused(name) else 0.0)
        return weight + (RECEIVER_WEIGHT if name in types else 0.0) + (ENCLOSING_WEIGHT if name in headers else 0.0)

    found: dict[str, Stub] = {}
    for each in imported:
        for target in index.resolve(path, language, each):
            if target.path == path:
                continue
            for name in target.names or _names_of_module(index, target.path, near, types, unused):
                text = "\n".join(index.stub(target.path, (name,)))
                if text and text not in found:
                    found[text] = Stub(target.path, name, text, weight_of(name))
    for name, where in seen_without_import(index, path, language, imported, {**near, **dict.fromkeys(types, 1)}, own):
        text = "\n".join(index.stub(where, (name,)))
        if text and text not in found:
            weight = weight_of(name) - near.get(name, 0.0) * (1 - UNIMPORTED_FACTOR)
            found[text] = Stub(where, name, text, weight)
    likely = (stub for stub in found.values() if stub.weight >= MIN_WEIGHT)
    return tuple(sorted(likely, key=lambda stub: -stub.weight))


def _names_of_module(
    index: Index, path: str, near: Mapping[str, float], types: set[str], unused: Callable[[str], bool]
) -> list[str]:
    """What a file defines at its top that is named near the hole; all of it where the file itself is the receiver, or
    imported and not used yet."""
    record = index.file(path)
    if record is None:
        return []
    top = [symbol.name for symbol in record.symbols if not symbol.parent]
    stem = stem_of(path)
    wanted = top if stem in types or unused(stem) else [name for name in top if name in near or name in types]
    return list(dict.fromkeys(wanted))[:MAX_NAMES_OF_MODULE]
