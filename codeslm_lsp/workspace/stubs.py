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

from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.lexical import scan, scan_lines
from codeslm_lsp.workspace.records import TYPE_KINDS, Symbol

_ROOMS = frozenset({"module", "namespace"})
"""Kinds that only hold others together: what stands in them is at the top of its file all the same."""

_SAYS_NOTHING = frozenset({"__slots__"})
"""Members that list what is listed anyway."""


def stub(symbols: Sequence[Symbol], language: str, names: Iterable[str]) -> tuple[str, ...]:
    """One text for each of ``names`` that these symbols define, in the order of the names.

    Without names, one for everything public that stands at the top of the file.
    """
    wanted = list(dict.fromkeys(names))
    if wanted:
        chosen = [found for name in wanted if (found := _named(symbols, name)) is not None]
    else:
        tops = {"", *(each.qualified_name for each in symbols if each.kind in _ROOMS)}
        chosen = [each for each in symbols if each.parent in tops and each.kind not in _ROOMS and is_public(each.name)]
    return tuple(dict.fromkeys(_text(each, symbols, language) for each in chosen))


def is_public(name: str) -> bool:
    """Whether others may use a member of this name, by the customs of most languages."""
    return not name.startswith(("_", "#")) or (name.startswith("__") and name.endswith("__"))


def _named(symbols: Sequence[Symbol], name: str) -> Symbol | None:
    """What a name means in a file: what stands at its top rather than a member, a type rather than its constructor."""
    same = [each for each in symbols if name in (each.name, each.qualified_name)]
    return min(same, key=lambda each: (each.parent != "", each.kind not in TYPE_KINDS), default=None)


def _text(symbol: Symbol, symbols: Sequence[Symbol], language: str) -> str:
    header = _on_one_line(symbol.signature, language)
    members = _members(symbol, symbols)
    if language == "lua" and symbol.kind == "variable":
        return "\n".join([header, *members])  # A table, and the functions that are put into it.
    if symbol.kind not in TYPE_KINDS:
        return _closed(header, language)
    lines = [_indented(_closed(_on_one_line(each, language), language)) for each in members]
    if language == "python":
        if symbol.doc and '"""' not in symbol.doc:
            lines.insert(0, _indented(f'"""{symbol.doc}"""'))
        return "\n".join([header, *lines]) if lines else _closed(header, language)
    if not lines:
        return header
    if language == "ruby":
        return "\n".join([header, *lines, "end"])
    return "\n".join([f"{header} {{", *lines, "}"])


def _members(symbol: Symbol, symbols: Sequence[Symbol]) -> list[str]:
    """The signatures of a type's public members. A field is often assigned twice; overloads differ in what they say."""
    found: dict[tuple[str, str], str] = {}
    for each in symbols:
        if each.parent == symbol.qualified_name and is_public(each.name) and each.name not in _SAYS_NOTHING:
            is_field = each.kind == "field"
            found.setdefault((each.name, "" if is_field else each.signature), each.signature.removeprefix("self."))
    return list(found.values())


def _closed(signature: str, language: str) -> str:
    """Python wants a body, and so does an arrow; all else is declared without one."""
    wants_body = signature.endswith(":") if language == "python" else signature.endswith("=>")
    return f"{signature} ..." if wants_body else signature


def _on_one_line(signature: str, language: str) -> str:
    """A signature without line ends in its brackets: shorter, and no model to break the lines of a call by.

    One with comments stays as it is.
    """
    if "\n" not in signature:
        return signature
    known = languages().get(language)
    parts: list[str] = []
    for line in scan_lines(signature, known):
        written = signature[line.start : line.end]
        if line.inside != "code" or scan(written, known).inside != "code":
            return signature
        if not line.depth or not parts:
            parts.append(written)
            continue
        before, written = parts[-1], written.strip()
        closes = written[:1] in tuple(")]}")
        before = before.removesuffix(",") if closes else before
        parts[-1] = f"{before}{written}" if closes or before[-1:] in tuple("([{") else f"{before} {written}"
    return "\n".join(parts)


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in text.split("\n"))
