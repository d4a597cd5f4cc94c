"""A function and its project → the signatures of what it uses of other files, and the imports that its tests need."""

from __future__ import annotations

import ast
import builtins
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping

from codeslm_lsp.reasoning.project import module_of
from codeslm_lsp.reasoning.python_ast import FunctionNode, parse_python

MAX_CHARACTERS = 1200
"""Of signatures: some 300 tokens."""

MAX_DEFINITION = 500
"""Characters of one of them."""

_DEFINES = re.compile(r"^(?:class|def|async def) (\w+)", re.MULTILINE)


class Definitions:
    """Classes and functions at the top of Python files, each known by its name if one file alone defines it."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._paths: dict[str, set[str]] = {}
        for path, text in files.items():
            for name in _DEFINES.findall(text) if path.endswith(".py") else ():
                self._paths.setdefault(name, set()).add(path)
        self._trees: dict[str, ast.Module | None] = {}

    def path_of(self, name: str) -> str | None:
        """The one file that defines it."""
        paths = self._paths.get(name, set())
        return next(iter(paths)) if len(paths) == 1 else None

    def of(self, name: str) -> ast.ClassDef | FunctionNode | None:
        """What it is."""
        path = self.path_of(name)
        if path is None:
            return None
        if path not in self._trees:
            self._trees[path] = parse_python(self._files[path])
        tree = self._trees[path]
        for each in tree.body if tree is not None else ():
            if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and each.name == name:
                return each
        return None


def signatures_of(code: str, others: Definitions) -> str:
    """What the names in a function's source are in other files of the project, as far as they are defined only once.

    Types come first, for they have to be made; and so have those that their fields are of.
    """
    tree = parse_python(textwrap.dedent(code))
    if tree is None:
        return ""
    own = {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}
    wanted = sorted(_names(tree) - own, key=lambda name: (not name[:1].isupper(), name))
    shown = ""
    for name in wanted:  # Grows meanwhile.
        definition = others.of(name)
        if definition is None:
            continue
        signature = _class(definition) if isinstance(definition, ast.ClassDef) else _header(definition)
        if len(shown) + len(signature) > MAX_CHARACTERS:
            continue
        shown += signature[:MAX_DEFINITION] + "\n"
        if isinstance(definition, ast.ClassDef):
            fields = [each.annotation for each in definition.body if isinstance(each, ast.AnnAssign)]
            wanted += sorted(set().union(*map(_names, fields)) - {*wanted})
    return shown.rstrip()


def _names(node: ast.AST) -> set[str]:
    """All names in it but those of builtins."""
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and not hasattr(builtins, each.id)}


def missing_imports(tests: str, path: str, source: str, others: Definitions) -> list[str]:
    """Imports for the names that tests use and nothing gives them: of the tested file, of another file of the project
    that is the only one to define it, or of Python's own library."""
    tree, tested = parse_python(tests), parse_python(source)
    if tree is None or tested is None:
        return []
    used = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    unknown = used - set(_bound(tree)) - {name for name in used if hasattr(builtins, name)}
    offered = set(_bound(tested, only_top=True))
    modules: list[str] = []
    named: dict[str, list[str]] = {}
    for name in sorted(unknown):
        if name in offered:
            named.setdefault(module_of(path), []).append(name)
        elif name in sys.stdlib_module_names or name == "pytest":
            modules.append(f"import {name}")
        elif (place := others.path_of(name)) is not None:
            named.setdefault(module_of(place), []).append(name)
    return [*modules, *(f"from {module} import {', '.join(names)}" for module, names in named.items())]


def _bound(tree: ast.Module, *, only_top: bool = False) -> Iterator[str]:
    """The names that a file gives a meaning to: anywhere in it, or at its top."""
    for each in _top(tree.body) if only_top else ast.walk(tree):
        match each:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.ExceptHandler(name=str(name)):
                yield name
            case ast.Assign(targets=targets) if only_top:
                yield from (target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)) if only_top:
                yield name
            case _:
                pass


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements at the top of a file, and those in its conditions: what is imported for types only is not there."""
    for each in body:
        if isinstance(each, ast.If):
            if "TYPE_CHECKING" not in ast.dump(each.test):
                yield from _top([*each.body, *each.orelse])
        elif isinstance(each, ast.Try):
            yield from _top([*each.body, *each.orelse])
        else:
            yield each


def _class(node: ast.ClassDef) -> str:
    """``class Step:`` with its fields, how it is made, and its public methods, as far as there is room."""
    fields = [f"    {ast.unparse(each)}" for each in node.body if isinstance(each, ast.AnnAssign | ast.Assign)]
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    made = [f"    {_header(each)}" for each in methods if each.name == "__init__"]
    other = [f"    {_header(each)}" for each in methods if not each.name.startswith("_")]
    decorators = "".join(f"@{ast.unparse(each)}\n" for each in node.decorator_list)
    bases = ", ".join(ast.unparse(each) for each in node.bases)
    shown = f"{decorators}class {node.name}{f'({bases})' if bases else ''}:"
    for line in [*fields, *made, *other] or ["    ..."]:
        if len(shown) + len(line) <= MAX_DEFINITION:
            shown += f"\n{line}"
    return shown


def _header(node: FunctionNode) -> str:
    returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    kind = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return f"{kind} {node.name}({ast.unparse(node.args)}){returns}: ..."
