"""Tree and cursor → the definitions that enclose the cursor, also while the code there is being typed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from codeslm_lsp.syntax.extent import is_header
from codeslm_lsp.syntax.lexical import open_brackets
from codeslm_lsp.syntax.lines import indentation, line_end, line_start, lines_after
from codeslm_lsp.syntax.queries import Construct, constructs, matches_at
from codeslm_lsp.syntax.skeleton import skeleton
from codeslm_lsp.syntax.tree import SyntaxTree, parse

_MAX_LINES_BELOW = 2000
"""How far down the end of a scope is looked for where the tree cannot tell."""


@dataclass(frozen=True, slots=True)
class Scope:
    """An enclosing definition, in code points. The header reaches from decorators up to where the body begins."""

    kind: str
    name: str
    start: int
    end: int
    header_start: int
    header_end: int


def enclosing_scopes(tree: SyntaxTree, cursor: int) -> tuple[Scope, ...]:
    """The scopes around ``cursor``, outermost first.

    Where the tree is damaged around the cursor, it is asked again without the cursor's line. If that does not mend it,
    or the text is too broken for a tree, indentation decides; ``end`` is then where the indentation falls back to that
    of the header.
    """
    cursor = max(0, min(cursor, len(tree.text)))
    if tree.root is None:
        return _by_indentation(tree, cursor) if tree.finished is not None else ()
    if _is_sound(tree, cursor):
        return _by_tree(tree, cursor)
    start, end = line_start(tree.text, cursor), line_end(tree.text, cursor)
    line = tree.text[start:end]
    if line.strip() and "{" not in open_brackets(line, tree.language) and not is_header(line, tree.language):
        code = start + len(line) - len(line.lstrip())
        mended = tree.updated(tree.text[:code] + " " * (end - code) + tree.text[end:])
        if _is_sound(mended, code):
            return tuple(replace(scope, end=max(scope.end, end)) for scope in _by_tree(mended, code))
    by_indentation = _by_indentation(tree, cursor)
    return by_indentation if by_indentation or tree.language.by_indentation else _by_tree(tree, cursor)


def _by_tree(tree: SyntaxTree, cursor: int) -> tuple[Scope, ...]:
    anchor = _anchor(tree, cursor)
    found = constructs(tree, matches_at(tree, "scopes", tree.source.to_byte(anchor)))
    return tuple(_scope(tree.text, each) for each in found if _encloses(tree, each, anchor, cursor))


def _anchor(tree: SyntaxTree, cursor: int) -> int:
    """Where to look in the tree: the cursor, or, where blank lines belong to no node, the last code before it."""
    if not tree.language.by_indentation:
        return cursor
    start, end = line_start(tree.text, cursor), line_end(tree.text, cursor)
    line = tree.text[start:end]
    if line.strip():
        first = start + len(line) - len(line.lstrip())
        return max(first, start + len(tree.text[start:cursor].rstrip()))
    return len(tree.text[:start].rstrip())


def _encloses(tree: SyntaxTree, construct: Construct, anchor: int, cursor: int) -> bool:
    if not tree.language.by_indentation:
        return construct.start < cursor < construct.end or (construct.start < cursor == construct.end == len(tree.text))
    if not construct.start < anchor <= construct.end:
        return False
    if anchor >= cursor:
        return True
    start = line_start(tree.text, construct.start)
    return indentation(tree.text[start : construct.start]) < indentation(
        tree.text[line_start(tree.text, cursor) : cursor]
    )


def _is_sound(tree: SyntaxTree, cursor: int) -> bool:
    """Whether no error touches the nodes around ``cursor`` or stands directly before one of them."""
    if tree.root is None or not tree.root.has_error:
        return True
    byte = tree.source.to_byte(_anchor(tree, cursor))
    node = tree.root.descendant_for_byte_range(max(0, byte - 1), byte)
    # Between two nodes (on a blank line, at the end of the file) the one before decides.
    ended = [child for child in node.children if child.end_byte <= byte] if node is not None else []
    if ended and ended[-1].has_error:
        return False
    while node is not None:
        if node.is_error or node.is_missing:
            return False
        if node.has_error and any(child.is_error or child.is_missing for child in node.children):
            return False
        before = node.prev_sibling
        if before is not None and before.has_error:
            return False
        node = node.parent
    return True


def _by_indentation(tree: SyntaxTree, cursor: int) -> tuple[Scope, ...]:
    bones = skeleton(tree.text, cursor, tree.language)
    if bones is None:
        return ()
    scopes = []
    for scope in _by_tree(parse(bones.text, tree.language), bones.cursor):
        start = bones.original(scope.start)
        scopes.append(
            Scope(
                kind=scope.kind,
                name=scope.name,
                start=start,
                end=max(cursor, _end_by_indentation(tree.text, start, cursor)),
                header_start=start,
                # The header may end with the last kept line; its end is found from its last character.
                header_end=bones.original(max(scope.start, scope.header_end - 1)) + 1,
            )
        )
    return tuple(scopes)


def _end_by_indentation(text: str, start: int, cursor: int) -> int:
    """The end of the last line below the cursor that is indented deeper than the header at ``start``."""
    base = indentation(text[line_start(text, start) : line_end(text, start)])
    end = line_end(text, cursor)
    for below, line in lines_after(text, cursor, _MAX_LINES_BELOW):
        if indentation(line) <= base:
            return below + len(line) if line.strip()[0] in ")]}" else end
        end = below + len(line)
    return end


def _scope(text: str, construct: Construct) -> Scope:
    header_end = construct.header_end
    if header_end is None:
        header_end = min(construct.end, line_end(text, construct.name_start))
    return Scope(construct.kind, construct.name, construct.start, construct.end, construct.start, header_end)
