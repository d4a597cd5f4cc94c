"""The top of a Python file → which of its names are functions and constants of ``math`` and numpy, or numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from codeslm_lsp.syntax.tree import Node, SyntaxTree, text_of

MODULES: Mapping[str, str] = {"math": "math", "numpy": "numpy", "np": "numpy"}
"""What these names mean in a file that gives them no other meaning."""

BUILTINS = frozenset({"abs", "min", "max", "pow", "sum", "float"})

_TRIGONOMETRIC = ("sin", "cos", "tan", "sinh", "cosh", "tanh")
_COMMON = {
    **{name: name for name in (*_TRIGONOMETRIC, "exp", "sqrt", "cbrt", "floor", "ceil", "gcd", "lcm", "log")},
    **{name: name for name in ("log2", "log10", "radians", "degrees", "hypot", "log1p", "expm1")},
}
FUNCTIONS: Mapping[str, Mapping[str, str]] = {
    "math": {
        **_COMMON,
        **{name: name for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh", "atan2", "factorial")},
        **{"fabs": "abs", "comb": "binomial", "perm": "perm", "isqrt": "isqrt", "pow": "pow", "prod": "product"},
    },
    "numpy": {
        **_COMMON,
        **{f"arc{name}": f"a{name}" for name in (*_TRIGONOMETRIC, "tan2")},
        **{"abs": "abs", "absolute": "abs", "sign": "sign", "maximum": "max", "minimum": "min", "power": "pow"},
        **{"deg2rad": "radians", "rad2deg": "degrees", "square": "square", "where": "where", "mod": "mod"},
        **{"logical_and": "all", "logical_or": "any"},
    },
}
"""Name in the module → ours, or a form that ``python_expressions`` writes out."""

CONSTANTS: Mapping[str, str] = {"pi": "pi", "e": "e", "inf": "oo", "nan": "nan"}


@dataclass(frozen=True, slots=True)
class PythonNames:
    """``modules`` and ``members`` are what was imported: alias → module, and bare name → module and name in it.

    ``numbers`` are names that are assigned once, at the top, ``symbols`` those of them that stand for themselves;
    ``others`` is whatever else is bound there. In a ``fragment``, which shows no imports, a bare name means what
    ``math`` calls so.
    """

    modules: Mapping[str, str] = field(default_factory=lambda: dict(MODULES))
    members: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    numbers: Mapping[str, Node] = field(default_factory=dict)
    symbols: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    fragment: bool = False

    def with_symbols(self) -> PythonNames:
        """The same where a constant of the file keeps its name: ``G*m``, not ``6.67e-11*m``."""
        return replace(self, numbers={}, symbols=self.symbols | self.numbers.keys())

    def without(self, names: Collection[str]) -> PythonNames:
        """The same where these mean something else."""
        return replace(
            self,
            modules={each: module for each, module in self.modules.items() if each.partition(".")[0] not in names},
            members={each: member for each, member in self.members.items() if each not in names},
            numbers={each: node for each, node in self.numbers.items() if each not in names},
            symbols=self.symbols - frozenset(names),
            others=self.others | frozenset(names),
        )

    def function(self, called: str) -> str | None:
        """What is called, by the name it has in ``FUNCTIONS`` or ``BUILTINS``; None where that is not known."""
        module, name = self._member(called)
        if module:
            return FUNCTIONS.get(module, {}).get(name)
        return called if called in BUILTINS and called not in self.others else None

    def constant(self, text: str) -> str | None:
        """``math.pi`` → ``pi``."""
        module, name = self._member(text)
        return CONSTANTS.get(name) if module else None

    def _member(self, text: str) -> tuple[str, str]:
        before, _, name = text.rpartition(".")
        if before:
            return self.modules.get(before, ""), name
        if text in self.members:
            return self.members[text]
        is_free = self.fragment and text not in self.others and text not in BUILTINS
        return ("math", text) if is_free else ("", text)


FRAGMENT = PythonNames(fragment=True)


def names_of(tree: SyntaxTree) -> PythonNames:
    """What the statements at the top of a file bind. Nothing is imported."""
    modules, members = dict(MODULES), dict[str, tuple[str, str]]()
    assigned: dict[str, list[Node]] = {}
    others: set[str] = set()
    for node in _statements(tree.root):
        match node.type:
            case "import_statement":
                for name, alias in _imported(tree, node):
                    others.add(alias)
                    modules.pop(alias.partition(".")[0], None)
                    if name in FUNCTIONS:
                        modules[alias] = name
            case "import_from_statement":
                module = text_of(tree, node.child_by_field_name("module_name"))
                if any(child.type == "wildcard_import" for child in node.children) and module in FUNCTIONS:
                    members |= {name: (module, name) for name in (*FUNCTIONS[module], *CONSTANTS)}
                for name, alias in _imported(tree, node):
                    others.add(alias)
                    members[alias] = (module if module in FUNCTIONS else "", name)
            case "function_definition" | "class_definition":
                others.add(text_of(tree, node.child_by_field_name("name")))
            case "assignment" | "augmented_assignment":
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                if left is not None and left.type == "identifier" and right is not None:
                    assigned.setdefault(text_of(tree, left), []).append(right)
    others |= assigned.keys()
    for name in assigned.keys() | (others - members.keys() - modules.keys()):
        modules.pop(name, None)
        members.pop(name, None)
    is_shared = "global " in tree.text
    numbers = {name: values[0] for name, values in assigned.items() if len(values) == 1 and not is_shared}
    return PythonNames(modules, members, numbers, others=frozenset(others))


def _statements(root: Node | None) -> Iterator[Node]:
    """Those at the top, in conditions as well."""
    for node in root.named_children if root is not None else ():
        match node.type:
            case "expression_statement" | "decorated_definition":
                yield from node.named_children
            case "if_statement" | "try_statement" | "else_clause" | "except_clause" | "block":
                yield from _statements(node)
            case _:
                yield node


def _imported(tree: SyntaxTree, node: Node) -> Iterator[tuple[str, str]]:
    """What is imported, and the name that it gets."""
    for child in node.children_by_field_name("name"):
        if child.type == "aliased_import":
            yield text_of(tree, child.child_by_field_name("name")), text_of(tree, child.child_by_field_name("alias"))
        else:
            yield text_of(tree, child), text_of(tree, child)


def parts_of(node: Node) -> list[Node]:
    """Its named children but comments and the marks of lines that go on."""
    return [each for each in node.named_children if each.type not in ("comment", "line_continuation")]
