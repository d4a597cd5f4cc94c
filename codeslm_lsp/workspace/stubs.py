"""Symbols of a file → what a reader of another file needs of them: signatures without bodies.

Shows input → output::

    class Queue(Generic[T]):                   class Queue(Generic[T]):
        \"""First in, first out.\"""                 \"""First in, first out.\"""
        limit = 100                       →        limit = 100
        def push(self, value: T) -> None:          def push(self, value: T) -> None: ...
            self._items.append(value)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codeslm_lsp.workspace.records import Symbol

_HOLDERS = frozenset({"class", "interface", "struct", "record", "trait", "enum", "union", "type"})
"""Kinds whose members are shown with them; a module or namespace is too long for that."""

_BY_WORD = {"ruby": "end", "lua": "end"}
"""What closes a construct in languages that use neither indentation nor braces."""


def stub(symbols: Sequence[Symbol], language: str, names: Iterable[str]) -> tuple[str, ...]:
    """One text for each of ``names`` that these symbols define, in the order of the names.

    Without names, one for everything public that the file defines by itself.
    """
    wanted = list(dict.fromkeys(names))
    if not wanted:
        chosen = [each for each in symbols if not each.parent and is_public(each.name)]
    else:
        chosen = [found for name in wanted if (found := _named(symbols, name)) is not None]
    return tuple(dict.fromkeys(_text(each, symbols, language) for each in chosen))


def is_public(name: str) -> bool:
    """Whether others may use a member of this name, by the customs of most languages."""
    return not name.startswith(("_", "#")) or (name.startswith("__") and name.endswith("__"))


def _named(symbols: Sequence[Symbol], name: str) -> Symbol | None:
    """What a name means in a file: what stands at its top rather than a member, a body rather than a mention."""
    same = [each for each in symbols if name in (each.name, each.qualified_name)]
    return min(same, key=lambda each: (each.parent != "", each.kind not in _HOLDERS), default=None)


def _text(symbol: Symbol, symbols: Sequence[Symbol], language: str) -> str:
    if symbol.kind not in _HOLDERS:
        return _closed(symbol.signature, language)
    members: dict[tuple[str, str], Symbol] = {}
    for each in symbols:
        if each.parent == symbol.qualified_name and is_public(each.name):
            # A field is often assigned twice, and overloads differ: the signature tells them apart.
            key = (each.name, "" if each.kind == "field" else each.signature)
            members.setdefault(key, each)
    lines = [_indented(_closed(each.signature, language)) for each in members.values()]
    if language == "python":
        doc = [_indented(f'"""{symbol.doc}"""')] if symbol.doc and '"""' not in symbol.doc else []
        return "\n".join([symbol.signature, *doc, *lines]) if doc or lines else _closed(symbol.signature, language)
    if not lines:
        return symbol.signature
    if language in _BY_WORD:
        return "\n".join([symbol.signature, *lines, _BY_WORD[language]])
    return "\n".join([f"{symbol.signature} {{", *lines, "}"])


def _closed(signature: str, language: str) -> str:
    """Python wants a body; other languages declare without one."""
    return f"{signature} ..." if language == "python" and signature.endswith(":") else signature


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.split("\n"))
