"""A Python tree and a place → the facts of the function there: parameters, what it returns and raises, its docstring.

Everything is in code points of the tree's text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import tree_sitter

from codeslm_lsp.syntax.tree import SyntaxTree, text_of

ParameterKind = Literal["positional_only", "ordinary", "keyword_only", "arguments", "keywords"]
"""``arguments`` is ``*args``, ``keywords`` is ``**kwargs``."""

_NESTED = frozenset({"function_definition", "class_definition", "lambda"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; ``annotation`` and ``default`` are source text, or ``""``."""

    name: str
    kind: ParameterKind = "ordinary"
    annotation: str = ""
    default: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``start`` is that of its decorators, ``def_start`` that of ``def`` (or ``async``).

    ``owner`` is the class around it, or ``""``. ``raises`` are the names of the exceptions of its own ``raise``
    statements, in order, each once. ``docstring`` is its span, with the quotes. The body's first statement begins at
    ``body_start``. ``parameters`` of a method include ``self``.
    """

    name: str
    owner: str
    start: int
    end: int
    def_start: int
    header_end: int
    body_start: int
    parameters: tuple[Parameter, ...]
    returns: str
    gives_value: bool
    yields: bool
    raises: tuple[str, ...]
    docstring: tuple[int, int] | None
    is_async: bool
    decorators: tuple[str, ...]

    @property
    def documented_parameters(self) -> tuple[Parameter, ...]:
        """Those that a docstring speaks of: all but the first of a method."""
        is_method = bool(self.owner) and "staticmethod" not in self.decorators
        return self.parameters[1:] if is_method else self.parameters


def function_at(tree: SyntaxTree, start: int, end: int) -> Function | None:
    """The innermost function that encloses ``[start, end)``, or the one that begins on the line of ``start``."""
    if tree.root is None or tree.language.name != "python":
        return None
    low, high = tree.source.to_byte(start), tree.source.to_byte(max(start, end))
    node = tree.root.descendant_for_byte_range(low, high)
    while node is not None and node.type != "function_definition":
        inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else None
        if inner is not None and inner.type == "function_definition":
            return _function(tree, inner)
        node = node.parent
    if node is not None:
        return _function(tree, node)
    row = tree.source.data.count(b"\n", 0, low)
    return next((each for each in functions(tree) if tree.text.count("\n", 0, each.def_start) == row), None)


def functions(tree: SyntaxTree) -> Iterator[Function]:
    """All functions of a Python file, in its order, outer before inner."""
    if tree.root is None or tree.language.name != "python":
        return
    for node in _below(tree.root, frozenset()):
        if node.type == "function_definition":
            yield _function(tree, node)


def _function(tree: SyntaxTree, node: tree_sitter.Node) -> Function:
    whole = node.parent if node.parent is not None and node.parent.type == "decorated_definition" else node
    body, name = node.child_by_field_name("body"), node.child_by_field_name("name")
    returns = node.child_by_field_name("return_type")
    statements = [child for child in body.named_children if child.type != "comment"] if body is not None else []
    first = statements[0] if statements else None
    inner = list(_below(body, _NESTED)) if body is not None else []
    colon = next((child for child in reversed(node.children) if child.type == ":"), node)

    def offset(byte: int) -> int:
        return tree.source.to_offset(byte)

    return Function(
        name=text_of(tree, name),
        owner=_owner(tree, whole),
        start=offset(whole.start_byte),
        end=offset(node.end_byte),
        def_start=offset(node.start_byte),
        header_end=offset(colon.end_byte),
        body_start=offset(first.start_byte if first is not None else node.end_byte),
        parameters=tuple(_parameters(tree, node.child_by_field_name("parameters"))),
        returns=text_of(tree, returns),
        gives_value=any(each.type == "return_statement" and each.named_child_count for each in inner),
        yields=any(each.type == "yield" for each in inner),
        raises=tuple(dict.fromkeys(filter(None, (_raised(tree, each) for each in inner)))),
        docstring=_docstring(tree, first),
        is_async=any(child.type == "async" for child in node.children),
        decorators=tuple(
            text_of(tree, child).removeprefix("@").strip() for child in whole.children if child.type == "decorator"
        ),
    )


def _parameters(tree: SyntaxTree, node: tree_sitter.Node | None) -> Iterator[Parameter]:
    kind: ParameterKind = "ordinary"
    found: list[Parameter] = []
    for child in node.named_children if node is not None else ():
        if child.type == "positional_separator":
            found = [Parameter(each.name, "positional_only", each.annotation, each.default) for each in found]
            continue
        if child.type == "keyword_separator":
            kind = "keyword_only"
            continue
        if child.type == "comment":
            continue
        annotation = text_of(tree, child.child_by_field_name("type"))
        default = text_of(tree, child.child_by_field_name("value"))
        target = child.child_by_field_name("name") or (child.named_children[0] if child.named_children else child)
        is_splat = next((each for each in (child, target) if each.type.endswith("_splat_pattern")), None)
        if is_splat is not None:
            is_list = is_splat.type == "list_splat_pattern"
            name = text_of(tree, is_splat).lstrip("*").strip()
            found.append(Parameter(name, "arguments" if is_list else "keywords", annotation))
            kind = "keyword_only"
        else:
            name = text_of(tree, child if child.type == "identifier" else target)
            found.append(Parameter(name, kind, annotation, default))
    yield from found


def _raised(tree: SyntaxTree, node: tree_sitter.Node) -> str:
    """The exception that a ``raise`` names: ``raise errors.Gone(1)`` → ``Gone``; a bare one names none."""
    if node.type != "raise_statement" or not node.named_children:
        return ""
    raised = node.named_children[0]
    if raised.type == "call":
        raised = raised.child_by_field_name("function") or raised
    name = text_of(tree, raised).rpartition(".")[2]
    return name if name.isidentifier() and name[:1].isupper() else ""


def _docstring(tree: SyntaxTree, first: tree_sitter.Node | None) -> tuple[int, int] | None:
    if first is None or first.type != "expression_statement" or not first.named_children:
        return None
    string = first.named_children[0]
    if string.type != "string":
        return None
    return tree.source.to_offset(string.start_byte), tree.source.to_offset(string.end_byte)


def _owner(tree: SyntaxTree, node: tree_sitter.Node) -> str:
    """The class in whose body the function stands."""
    block = node.parent
    around = block.parent if block is not None else None
    if around is None or around.type != "class_definition":
        return ""
    return text_of(tree, around.child_by_field_name("name"))


def _below(node: tree_sitter.Node, closed: frozenset[str]) -> Iterator[tree_sitter.Node]:
    """All nodes below, in order; what is inside of a ``closed`` one is left out."""
    waiting = list(reversed(node.children))
    while waiting:
        each = waiting.pop()
        yield each
        if each.type not in closed:
            waiting += reversed(each.children)
