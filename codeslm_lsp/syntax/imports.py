"""Tree → import, include, use and require statements, and what they bring in."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.syntax.queries import matches
from codeslm_lsp.syntax.tree import SyntaxTree

_QUOTES = "\"'`<>"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module. ``names`` are what is taken from it, under their original names, in document order."""

    module: str
    names: tuple[str, ...]


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
    names_of: dict[int, tuple[str, dict[int, str]]] = {}
    for _, captures in matches(tree, "imports"):
        if "module" not in captures:
            continue
        module = captures["module"][0]
        _, names = names_of.setdefault(module.start_byte, (_text(tree, module.start_byte, module.end_byte), {}))
        for name in captures.get("name", ()):
            names[name.start_byte] = _text(tree, name.start_byte, name.end_byte)
    return tuple(
        Import(module, tuple(name for _, name in sorted(names.items())))
        for _, (module, names) in sorted(names_of.items())
    )


def _statement_ranges(tree: SyntaxTree) -> set[tuple[int, int]]:
    found = set()
    for _, captures in matches(tree, "imports"):
        for node in captures.get("import", ()):
            start, end = tree.source.to_offset(node.start_byte), tree.source.to_offset(node.end_byte)
            # Some grammars count the line end to the statement.
            if end > start and tree.text[end - 1] == "\n":
                end -= 1
            found.add((line_start(tree.text, start), min(len(tree.text), line_end(tree.text, end) + 1)))
    return found


def _text(tree: SyntaxTree, start: int, end: int) -> str:
    written = tree.text[tree.source.to_offset(start) : tree.source.to_offset(end)].strip()
    return written.strip(_QUOTES) if written[:1] in _QUOTES else written
