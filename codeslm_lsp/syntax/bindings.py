"""A Python tree and a place → the variable there, by Python's rules of scope, and everywhere the file means it.

Attributes are not variables: what an object has is known only when the program runs. Language reference, section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import tree_sitter

from codeslm_lsp.syntax.tree import SyntaxTree

Kind = Literal["variable", "parameter", "function", "class", "import"]
ScopeKind = Literal["module", "class", "function", "comprehension"]

_COMPREHENSIONS = frozenset(
    {"list_comprehension", "set_comprehension", "dictionary_comprehension", "generator_expression"}
)
_PATTERNS = frozenset(
    {"pattern_list", "tuple_pattern", "list_pattern", "list_splat_pattern", "tuple", "list", "expression_list"}
    | {"parenthesized_expression", "as_pattern_target", "list_splat"}
)
"""What may stand around the names that an assignment binds."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One variable. ``spans`` are all places that mean it, in code points and in the order of the file.

    ``scope`` is what binds it, ``scope_kind`` of which kind that is, ``scope_name`` its name. ``taken`` are names of
    variables in that scope and in those inside it. ``doubtful`` are places of which it is not known whether they mean
    it: keywords of calls, and names that a class binds and that exist outside of it. A ``fixed`` one is an import under
    its own name.
    """

    name: str
    kind: Kind
    spans: tuple[tuple[int, int], ...]
    scope: tuple[int, int]
    scope_kind: ScopeKind
    scope_name: str
    taken: frozenset[str]
    doubtful: tuple[tuple[int, int], ...] = ()
    fixed: bool = False


@dataclass(eq=False, slots=True)
class _Scope:
    kind: ScopeKind
    node: tree_sitter.Node
    parent: _Scope | None
    name: str = ""
    bound: dict[str, Kind] = field(default_factory=dict)
    fixed: set[str] = field(default_factory=set)
    at_module: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)

    def resolve(self, name: str) -> _Scope | None:
        """The scope whose variable a name means here; ``None`` for a builtin, or one that is not defined."""
        scope: _Scope | None = self.root() if name in self.at_module else self
        if name in self.outside:
            scope = self.parent
        first = scope
        while scope is not None:
            if name in scope.bound and (scope.kind != "class" or scope is first):
                return scope
            scope = scope.parent
        return None

    def both(self, name: str) -> tuple[_Scope, ...]:
        """This class and the scope outside where both have the name: which is read depends on what was run before."""
        outer = self.parent.resolve(name) if self.kind == "class" and self.parent is not None else None
        return (self, outer) if outer is not None and name in self.bound else ()

    def root(self) -> _Scope:
        scope = self
        while scope.parent is not None:
            scope = scope.parent
        return scope

    def is_within(self, other: _Scope) -> bool:
        scope: _Scope | None = self
        while scope is not None and scope is not other:
            scope = scope.parent
        return scope is other


def binding_at(tree: SyntaxTree, offset: int) -> Binding | None:
    """The variable whose name stands at ``offset``, or ends there; ``None`` where there is none that the file binds."""
    if tree.root is None or tree.language.name != "python":
        return None
    names = _Names(tree.root)
    byte = tree.source.to_byte(offset)
    here = next((each for each in names.uses if each[0].start_byte <= byte <= each[0].end_byte), None)
    keyword = next((each for each in names.keywords if each[0].start_byte <= byte <= each[0].end_byte), None)
    if here is None and keyword is not None:
        called = names.called(keyword)
        name = _text(keyword[0])
        scope = called if called is not None and called.bound.get(name) == "parameter" else None
    elif here is not None:
        name = _text(here[0])
        scope = here[1].resolve(name)
    if (here is None and keyword is None) or scope is None:
        return None

    def span(node: tree_sitter.Node) -> tuple[int, int]:
        return tree.source.to_offset(node.start_byte), tree.source.to_offset(node.end_byte)

    spans = [span(node) for node, at in names.uses if _text(node) == name and at.resolve(name) is scope]
    doubtful = [span(node) for node, at in names.uses if _text(node) == name and scope in at.both(name)]
    if scope.bound[name] == "parameter":
        for each in names.keywords:
            if _text(each[0]) == name and (called := names.called(each)) is scope:
                spans.append(span(each[0]))
            elif _text(each[0]) == name and called is None:
                doubtful.append(span(each[0]))
    return Binding(
        name=name,
        kind=scope.bound[name],
        spans=tuple(sorted(set(spans))),
        scope=span(scope.node),
        scope_kind=scope.kind,
        scope_name=scope.name,
        taken=frozenset(_text(node) for node, at in names.uses if at.is_within(scope)) - {name},
        doubtful=tuple(doubtful),
        fixed=name in scope.fixed,
    )


def binding_on_line(tree: SyntaxTree, start: int, end: int) -> Binding | None:
    """The first variable of a line ``[start, end)`` that is bound there."""
    offset = start
    while offset < end:
        found = binding_at(tree, offset)
        if found is not None and not found.fixed:
            return found
        offset += 1
        while offset < end and tree.text[offset - 1 : offset + 1].isidentifier():
            offset += 1
    return None


_Keyword = tuple[tree_sitter.Node, _Scope, tree_sitter.Node]
"""The name of a keyword argument, where it stands, and what is called."""


class _Names:
    """Every name of a file that is a variable, with the scope it stands in."""

    def __init__(self, root: tree_sitter.Node) -> None:
        self.uses: list[tuple[tree_sitter.Node, _Scope]] = []
        self.keywords: list[_Keyword] = []
        self._functions: dict[tuple[int, str], _Scope] = {}
        self._waiting: list[tuple[tree_sitter.Node, _Scope]] = [(root, _Scope("module", root, None))]
        while self._waiting:
            self._visit(*self._waiting.pop())
        self.uses.sort(key=lambda each: each[0].start_byte)

    def called(self, keyword: _Keyword) -> _Scope | None:
        """The scope of the function that a call with this keyword calls, where that is a function of the file."""
        _, scope, function = keyword
        owner = scope.resolve(_text(function)) if function.type == "identifier" else None
        return self._functions.get((id(owner), _text(function))) if owner is not None else None

    def _visit(self, node: tree_sitter.Node, scope: _Scope) -> None:
        match node.type:
            case "identifier":
                self.uses.append((node, scope))
                return
            case "attribute":
                self._push(node.child_by_field_name("object"), scope)
                return
            case "keyword_argument":
                name, call = node.child_by_field_name("name"), node.parent.parent if node.parent is not None else None
                function = call.child_by_field_name("function") if call is not None else None
                if name is not None and function is not None:
                    self.keywords.append((name, scope, function))
                self._push(node.child_by_field_name("value"), scope)
                return
            case "function_definition" | "lambda":
                self._function(node, scope)
                return
            case "class_definition":
                name = node.child_by_field_name("name")
                self._bind(name, scope, "class")
                inner = _Scope("class", node, scope, _text(name))
                self._push(node.child_by_field_name("superclasses"), scope)
                self._push(node.child_by_field_name("body"), inner)
                self._push(node.child_by_field_name("type_parameters"), inner)
                return
            case kind if kind in _COMPREHENSIONS:
                self._comprehension(node, scope)
                return
            case "import_statement" | "import_from_statement" | "future_import_statement":
                self._import(node, scope)
                return
            case "global_statement" | "nonlocal_statement":
                into = scope.at_module if node.type == "global_statement" else scope.outside
                into.update(_text(each) for each in node.named_children)
                if node.type == "global_statement":
                    scope.root().bound.update({_text(each): "variable" for each in node.named_children})
            case "named_expression":
                outer = scope
                while outer.kind == "comprehension" and outer.parent is not None:
                    outer = outer.parent
                self._bind(node.child_by_field_name("name"), outer)
                self._push(node.child_by_field_name("value"), scope)
                return
            case "case_pattern" | "keyword_pattern" | "splat_pattern" | "class_pattern":
                self._pattern(node, scope)
                return
            case "assignment" | "augmented_assignment" | "for_statement" | "for_in_clause":
                self._targets(node.child_by_field_name("left"), scope)
            case "as_pattern_target" | "delete_statement":
                for each in node.named_children:
                    self._targets(each, scope)
            case "as_pattern" if node.parent is not None and node.parent.type == "case_pattern":
                self._targets(node.named_children[-1], scope)
        for each in node.children:
            self._push(each, scope)

    def _push(self, node: tree_sitter.Node | None, scope: _Scope) -> None:
        if node is not None:
            self._waiting.append((node, scope))

    def _bind(self, node: tree_sitter.Node | None, scope: _Scope, kind: Kind = "variable") -> None:
        """A name that is bound here and stands nowhere else in the tree's children that are visited."""
        if node is not None:
            self._mark(node, scope, kind)
            self.uses.append((node, scope))

    def _mark(self, node: tree_sitter.Node, scope: _Scope, kind: Kind = "variable") -> None:
        name = _text(node)
        if name not in scope.at_module | scope.outside and scope.bound.get(name, "variable") == "variable":
            scope.bound[name] = kind
        elif name in scope.at_module:
            scope.root().bound.setdefault(name, kind)

    def _targets(self, node: tree_sitter.Node | None, scope: _Scope) -> None:
        """Note the names that a pattern on the left binds; they are visited as uses later."""
        for each in _inside(node):
            self._mark(each, scope)

    def _function(self, node: tree_sitter.Node, scope: _Scope) -> None:
        name = node.child_by_field_name("name")
        inner = _Scope("function", node, scope, _text(name) if name is not None else "")
        if name is not None:
            self._bind(name, scope, "function")
            self._functions[id(scope), _text(name)] = inner
        parameters = node.child_by_field_name("parameters")
        for each in parameters.named_children if parameters is not None else ():
            target = each.child_by_field_name("name") or each
            if target is each and each.type == "typed_parameter":
                target = each.named_children[0]
            while target.type in ("list_splat_pattern", "dictionary_splat_pattern") and target.named_children:
                target = target.named_children[0]
            if target.type == "identifier":
                self._bind(target, inner, "parameter")
            self._push(each.child_by_field_name("type"), scope)
            self._push(each.child_by_field_name("value"), scope)
        self._push(node.child_by_field_name("return_type"), scope)
        self._push(node.child_by_field_name("type_parameters"), inner)
        self._push(node.child_by_field_name("body"), inner)

    def _comprehension(self, node: tree_sitter.Node, scope: _Scope) -> None:
        inner = _Scope("comprehension", node, scope)
        first = next((each for each in node.named_children if each.type == "for_in_clause"), None)
        for each in node.named_children:
            if each is first or (first is not None and each.id == first.id):
                left = each.child_by_field_name("left")
                self._targets(left, inner)
                self._push(left, inner)
                # The first iterable is evaluated outside (section 6.2.4).
                self._push(each.child_by_field_name("right"), scope)
            else:
                self._push(each, inner)

    def _import(self, node: tree_sitter.Node, scope: _Scope) -> None:
        for each in node.children_by_field_name("name"):
            alias = each.child_by_field_name("alias")
            bound = alias if alias is not None else next(iter(each.named_children), None)
            self._bind(bound, scope, "import")
            if alias is None and bound is not None:
                scope.fixed.add(_text(bound))

    def _pattern(self, node: tree_sitter.Node, scope: _Scope) -> None:
        """The parts of a ``case``: a name alone captures, one with dots or parentheses is looked up (section 8.6)."""
        children = node.named_children
        if node.type == "splat_pattern":
            for each in children:
                self._bind(each, scope)
            return
        skipped = 1 if node.type == "keyword_pattern" else 0
        for number, each in enumerate(children[skipped:]):
            if each.type != "dotted_name":
                self._push(each, scope)
            elif len(each.named_children) > 1 or (node.type == "class_pattern" and number == 0):
                self._push(each.named_children[0], scope)
            elif _text(each) != "_":
                self._bind(each.named_children[0], scope)


def _inside(node: tree_sitter.Node | None) -> Iterator[tree_sitter.Node]:
    """The names in a pattern: those of attributes and subscripts are not bound by it."""
    if node is None:
        return
    if node.type == "identifier":
        yield node
    elif node.type in _PATTERNS:
        for each in node.named_children:
            yield from _inside(each)


def _text(node: tree_sitter.Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node is not None and node.text is not None else ""
