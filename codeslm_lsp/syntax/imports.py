"""Tree → import, include, use and require statements, and what they bring in."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.syntax.incremental import Found, found_in
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.syntax.tree import Span, SyntaxTree

_QUOTES = "\"'`<>"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module. ``names`` are what is taken from it, under their original names, in document order."""

    module: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImportedName:
    """A name that an import of Python binds, the module that is imported, and what the name then means.

    ``from os import path as p`` → p, os, os.path; ``import os.path`` → os, os.path, os. A star binds ``*``.
    """

    name: str
    module: str
    meaning: str


def import_ranges(tree: SyntaxTree) -> tuple[tuple[int, int], ...]:
    """The lines of every import, with their line end, in document order; lines that touch are one range.

    Where the text is too broken for a tree of its own, those of the finished tree as far as the texts are the same.
    """
    if tree.finished is not None:
        same_until = line_start(tree.text, tree.same_until)
        return tuple(lines for lines in import_ranges(tree.finished) if lines[1] <= same_until)
    ranges: list[tuple[int, int]] = []
    for start, end in sorted(_statement_ranges(tree)):
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    return tuple(ranges)


def imports(tree: SyntaxTree) -> tuple[Import, ...]:
    """Every imported module in document order; of the finished tree where the text is too broken for one."""
    tree = tree.finished or tree
    names_of: dict[Span, set[Span]] = {}
    for found in _found(tree):
        if "module" in found:
            names_of.setdefault(found["module"][0], set()).update(found.get("name", ()))
    return tuple(
        Import(_text(tree, module), tuple(_text(tree, name) for name in sorted(names)))
        for module, names in sorted(names_of.items())
    )


def imported_names(tree: SyntaxTree) -> tuple[ImportedName, ...]:
    """Every name that a Python file's imports bind, in no order; of the finished tree as in ``imports``."""
    tree = tree.finished or tree
    data = tree.source.data
    return tuple(name for found in _found(tree) if (name := _imported_name(data, found)) is not None)


def _imported_name(data: bytes, found: Found) -> ImportedName | None:
    if "module" not in found:
        return None
    written = {
        capture: data[slice(*found[capture][0])].decode() for capture in ("module", "name", "alias") if capture in found
    }
    module, alias = written["module"], written.get("alias", "")
    if "all" in found:
        return ImportedName("*", module, module)
    if "name" in written:
        return ImportedName(alias or written["name"], module, f"{module}.{written['name']}")
    if data.startswith(b"from", found["import"][0][0]):
        return None  # Of the module alone, beside the matches of its names.
    first = module.partition(".")[0]
    return ImportedName(alias or first, module, module if alias else first)


def _statement_ranges(tree: SyntaxTree) -> set[tuple[int, int]]:
    ranges = set()
    for start_byte, end_byte in {found["import"][0] for found in _found(tree)}:
        start, end = tree.source.to_offset(start_byte), tree.source.to_offset(end_byte)
        # Some grammars count the line end to the statement.
        if end > start and tree.text[end - 1] == "\n":
            end -= 1
        ranges.add((line_start(tree.text, start), min(len(tree.text), line_end(tree.text, end) + 1)))
    return ranges


def _found(tree: SyntaxTree) -> tuple[Found, ...]:
    return found_in(tree, "imports", outermost="import")


def _text(tree: SyntaxTree, span: Span) -> str:
    written = tree.text[tree.source.to_offset(span[0]) : tree.source.to_offset(span[1])].strip()
    return written.strip(_QUOTES) if written[:1] in _QUOTES else written
