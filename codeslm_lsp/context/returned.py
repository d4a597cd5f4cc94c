"""What made a receiver → the types it may be of.

``order = shop.find(key)`` makes ``order`` what ``find`` says it returns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from codeslm_lsp.context.called import MAX_MEANINGS
from codeslm_lsp.context.near import IDENTIFIER
from codeslm_lsp.context.unimported import C_ENDINGS, ending
from codeslm_lsp.workspace.index import Index
from codeslm_lsp.workspace.records import FUNCTION_KINDS, TYPE_KINDS, Symbol

_TYPE_FIRST = C_ENDINGS | {"java", "cs"}
"""Endings of files in whose languages the type of what is returned stands before the function's name."""
_ARROW = re.compile(r"->\s*(.+)", re.DOTALL)
_BEHIND_PARAMETERS = re.compile(r"\)\s*:?\s*([^()]*|\([^()]*\)[^()]*)$", re.DOTALL)


def returned_types(index: Index, names: Iterable[str]) -> tuple[str, ...]:
    """The types of the folder that functions of these names say they return, in the order of the names.

    Where functions of one name have many signatures, which of them is meant is not known.
    """
    found: dict[str, None] = {}
    for name in names:
        made = [each for each in index.definitions(name) if each.symbol.kind in FUNCTION_KINDS]
        if len({each.symbol.signature for each in made}) > MAX_MEANINGS:
            continue
        for each in made:
            types = IDENTIFIER.findall(_returned(each.symbol, is_before=ending(each.path) in _TYPE_FIRST))
            found.update(dict.fromkeys(word for word in types if defined_at(index, word)))
    return tuple(found)


def defined_at(index: Index, name: str) -> tuple[str, ...]:
    """The files that define a type of this name."""
    return tuple(dict.fromkeys(each.path for each in index.definitions(name) if each.symbol.kind in TYPE_KINDS))


def _returned(function: Symbol, *, is_before: bool) -> str:
    signature = function.signature
    if is_before:
        return signature[: max(0, signature.rfind(function.name + "("))]
    found = _ARROW.search(signature) or _BEHIND_PARAMETERS.search(signature)
    return found.group(1) if found else ""
