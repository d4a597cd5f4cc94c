"""Names near the hole + index → signatures of what they mean in other files, the likeliest needed first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from codeslm_lsp.context.called import methods
from codeslm_lsp.context.returned import defined_at
from codeslm_lsp.context.unimported import seen_without_import
from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.index import Index
from codeslm_lsp.workspace.paths import module_of

RECEIVER_WEIGHT = 3.0
"""The type before the dot: its members are what is being written."""
ENCLOSING_WEIGHT = 1.5
"""Types in the headers of the enclosing definitions: superclasses, parameters, what is returned."""
UNUSED_WEIGHT = 1.6
"""Who imports a name and uses it nowhere yet is about to."""
IMPORTED_WEIGHT = 0.1
"""What is imported will be used somewhere, if not here."""

CALLED_FACTOR = 0.55
"""Of a method's nearness: it is shown where a prompt is made anyway, and is not worth a new one."""

UNIMPORTED_FACTOR = 0.4
"""What nobody imported is shown only where there is room, unless it is a receiver's or an enclosing type: the name may
mean something else."""

MEMBER_SHARE = 0.6
"""What a module offers weighs a part of what its name does: where ``plots`` stands near the hole, ``plots.bars`` is
likely. Less where the file has it already, so that the model sees it used: what is listed shall not be all but what is
needed."""

KNOWN_MEMBER_SHARE = 0.2

MAX_IMPORTS = 60
MAX_NAMES_OF_MODULE = 24
"""Of a file that is imported as a whole no more than this is shown, what is named near the hole first."""


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
    counts: Mapping[str, int],
    own: frozenset[str] = frozenset(),
    called: Collection[str] = (),
) -> tuple[Stub, ...]:
    """What the file's imports mean, and what it sees without one, weighed by where the names stand: heaviest first.

    ``near`` are the names around the hole, ``receiver_types`` those that may be the type before the dot, ``enclosing``
    the names in the headers around the hole, ``own`` those the file defines itself; ``counts`` says how often the file
    has a name, once where only its import does; ``called`` are methods that are called near the hole. Some index
    queries for each import and for each name that is not imported, about a millisecond each.
    """
    types, headers, imported = dict.fromkeys(receiver_types), set(enclosing), list(imported)[:MAX_IMPORTS]

    def weight_of(name: str) -> float:
        weight = IMPORTED_WEIGHT + near.get(name, 0.0)
        return weight + (RECEIVER_WEIGHT if name in types else 0.0) + (ENCLOSING_WEIGHT if name in headers else 0.0)

    def weight_of_import(name: str) -> float:
        return weight_of(name) + (UNUSED_WEIGHT if counts.get(name, 0) == 1 else 0.0)

    found: dict[str, Stub] = {}

    def add(where: str, name: str, weight: float) -> None:
        text = "\n".join(index.stub(where, (name,)))
        if text and text not in found:
            found[text] = Stub(where, name, text, weight)

    paths: set[str] = set()
    for each in imported:
        for target in index.resolve(path, language, each):
            if target.path == path:
                continue
            paths.add(target.path)
            weights = {name: weight_of_import(name) for name in target.names}
            if not weights:
                of_module = weight_of_import(module_of(target.path))
                weights = _members(index, target.path, weight_of, of_module, counts)
            for name, weight in weights.items():
                add(target.path, name, weight)
    for name, where in seen_without_import(index, path, language, imported, {**near, **dict.fromkeys(types, 1.0)}, own):
        add(where, name, weight_of(name) - near.get(name, 0.0) * (1 - UNIMPORTED_FACTOR))
    for name in types:
        where_defined = defined_at(index, name)
        if len(where_defined) == 1 and where_defined[0] != path:
            add(where_defined[0], name, weight_of(name))
    for name, where, qualified_name in methods(index, path, paths, called):
        add(where, qualified_name, near.get(name, 0.0) * CALLED_FACTOR)
    return tuple(sorted(found.values(), key=lambda stub: -stub.weight))


def _members(
    index: Index, path: str, weight_of: Callable[[str], float], of_module: float, counts: Mapping[str, int]
) -> dict[str, float]:
    """What a file that is imported as a whole offers at its top, with its weights: the heaviest, in the file's order.

    ``of_module`` is the weight of its own name.
    """
    weights = {
        name: weight_of(name) + (KNOWN_MEMBER_SHARE if name in counts else MEMBER_SHARE) * of_module
        for name in index.offers(path)
        if name in counts or not name.startswith("_")
    }
    heaviest = frozenset(sorted(weights, key=lambda name: -weights[name])[:MAX_NAMES_OF_MODULE])
    return {name: weight for name, weight in weights.items() if name in heaviest}
