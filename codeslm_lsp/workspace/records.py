"""The text of one file → what the index keeps of it: what it defines, imports and uses. No bodies.

Lines count from 0 and ranges are half-open, so ``text.split("\\n")[first_line:end_line]`` is the definition.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from codeslm_lsp.syntax.definitions import Definition, definitions
from codeslm_lsp.syntax.imports import Import, imports
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import CLOSER_OF, scan
from codeslm_lsp.syntax.lines import indentation, line_end, line_start
from codeslm_lsp.syntax.queries import constructs, matches
from codeslm_lsp.syntax.references import references
from codeslm_lsp.syntax.tree import SyntaxTree, parse

MAX_SIGNATURE = 400
"""Code points. A longer header lists more than a prompt has room for."""

MAX_DOC = 120
"""Code points of a docstring's first line: about what style guides allow a line to have."""

MAX_SYMBOLS, MAX_NAMES = 2000, 5000
"""Of one file. Files written by hand have some hundreds; what has more is data in the shape of code."""

TYPE_KINDS = frozenset({"class", "interface", "struct", "record", "trait", "enum", "union", "type"})
"""Kinds of symbols that have members; a module or namespace is none of them."""

FUNCTION_KINDS = frozenset({"function", "method", "constructor"})
"""Kinds of symbols that are called."""

_WITH_DOC = FUNCTION_KINDS | {"class"}

_GO_RECEIVER = re.compile(r"func\s*\(\s*(?:\w+\s+)?\*?\s*(\w+)")
_DOCSTRING = re.compile(r"""\s*[rRuU]?(?:\"{3}|'{3}|"|')\s*([^\n]*)""")


@dataclass(frozen=True, slots=True)
class Symbol:
    """One definition. ``parent`` is the qualified name of what it is a member of, parts joined by ``.``; or empty.

    ``signature`` is the header without the body, or the first line of a definition that has none, with its first line
    not indented. ``doc`` is the first line of its docstring, or empty.
    """

    name: str
    kind: str
    signature: str
    parent: str
    first_line: int
    end_line: int
    doc: str = ""

    @property
    def qualified_name(self) -> str:
        """Such as ``Queue.push``."""
        return f"{self.parent}.{self.name}" if self.parent else self.name


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What one file defines, imports, and refers to by name, in document order (names in alphabetical order)."""

    path: str
    language: str
    symbols: tuple[Symbol, ...]
    imports: tuple[Import, ...]
    names: tuple[str, ...]


def record_of(path: str, language: Language, text: str) -> FileRecord:
    """What is worth keeping of one file. Never raises: of text that does not parse, what can be made out."""
    tree = parse(text, language)
    found = symbols(tree)
    names = sorted({each.name for each in references(tree)})
    return FileRecord(path, language.name, found, _imports(tree, found), tuple(names[:MAX_NAMES]))


def symbols(tree: SyntaxTree) -> tuple[Symbol, ...]:
    """Every definition of a file in document order, each knowing what it is a member of."""
    text = tree.text
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    owners = _Owners(tree)
    found = []
    for each in definitions(tree)[:MAX_SYMBOLS]:
        parent, name = owners.place(each)
        first, last = bisect_right(starts, each.start) - 1, bisect_right(starts, max(each.start, each.end - 1)) - 1
        signature = _signature(text, each, tree.language)
        doc = _doc(text, each) if tree.language.name == "python" and each.kind in _WITH_DOC else ""
        found.append(Symbol(name, each.kind, signature, parent, first, last + 1, doc))
    return tuple(found)


class _Owners:
    """Tells of each definition, in document order, what it is a member of."""

    def __init__(self, tree: SyntaxTree) -> None:
        self._language = tree.language.name
        self._open: list[tuple[int, str, str]] = []
        # Rust writes methods beside their type, and no query calls the block they stand in a definition.
        blocks = constructs(tree, matches(tree, "scopes")) if self._language == "rust" else []
        self._impls = [(block.start, block.end, _bare(block.name)) for block in blocks if block.kind == "impl"]

    def place(self, definition: Definition) -> tuple[str, str]:
        """The qualified name of the owner, and the definition's own last name."""
        while self._open and self._open[-1][0] <= definition.start:
            self._open.pop()
        parent, name = self._written_owner(definition)
        holders = self._open
        if definition.kind == "field" and holders and holders[-1][2] in FUNCTION_KINDS:
            holders = holders[:-1]  # ``self.x = …`` in a constructor is the object's.
        if holders:
            parent = f"{holders[-1][1]}.{parent}" if parent else holders[-1][1]
        self._open.append((definition.end, f"{parent}.{name}" if parent else name, definition.kind))
        return parent, name

    def _written_owner(self, definition: Definition) -> tuple[str, str]:
        name = definition.name
        if self._language == "go" and definition.kind == "method":
            receiver = _GO_RECEIVER.match(definition.signature)
            return (receiver.group(1) if receiver else ""), name
        if self._language == "rust" and definition.kind in ("method", "constant", "type"):
            inside = [owner for start, end, owner in self._impls if start < definition.start < end]
            return (inside[-1] if inside else ""), name
        if self._language in ("cpp", "lua", "php") or "::" in name:
            *owners, name = re.split(r"::|[.:\\]", name)
            return ".".join(owners), name
        return "", name


def _bare(name: str) -> str:
    """``List<T>`` → ``List``; ``fmt::List`` → ``List``."""
    return name.partition("<")[0].rpartition("::")[2].strip()


def _signature(text: str, definition: Definition, language: Language) -> str:
    """The header with its further lines as deep as they are below the first; cut short where it is long."""
    written = definition.signature
    if "\n" in written:
        depth = indentation(text[line_start(text, definition.start) : definition.start])
        first, *rest = written.split("\n")
        written = "\n".join([first, *(line[min(depth, len(line) - len(line.lstrip())) :] for line in rest)])
    elif definition.end > line_end(text, definition.name_start):
        written = _without_rest(written, language)
    return written if len(written) <= MAX_SIGNATURE else written[:MAX_SIGNATURE].rstrip() + " ..."


def _without_rest(line: str, language: Language) -> str:
    """The first line of a definition with ``...`` for what it begins and ends below: a table, a call, a long text."""
    scanned = scan(line, language)
    if scanned.inside == "string":
        line = line[: line.rindex(scanned.until)] + "..."
    elif scanned.opened:
        line = f"{line} ..." if line.endswith(",") else f"{line}..."
    elif line.endswith("\\"):
        line = f"{line[:-1]}..."
    return line + "".join(CLOSER_OF[each] for each in reversed(scanned.opened))


def _doc(text: str, definition: Definition) -> str:
    # The signature is the beginning of the definition; the docstring is the first thing behind it.
    found = _DOCSTRING.match(text, definition.start + len(definition.signature), definition.end)
    return found.group(1).strip().removesuffix('"""').removesuffix("'''").strip()[:MAX_DOC] if found else ""


def _imports(tree: SyntaxTree, found: tuple[Symbol, ...]) -> tuple[Import, ...]:
    if tree.language.name != "rust":
        return imports(tree)
    # ``mod name;`` makes another file part of this one, although Rust does not call that an import.
    modules = [each.name for each in found if each.kind == "module" and each.signature.endswith(";")]
    return (*(Import(f"self::{name}", ()) for name in modules), *imports(tree))
