"""Source of Python → its abstract syntax, for comparing two versions. Text that is none gives ``None``."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

MAX_CHARACTERS = 500_000
"""As in ``syntax/tree``: what is longer was not written by hand."""

OUTWARD = frozenset(
    {"os", "sys", "subprocess", "ctypes", "signal", "gc", "inspect", "builtins", "socket", "shutil", "pathlib", "Path"}
    | {"eval", "exec", "compile", "open", "input", "globals", "locals", "vars", "breakpoint", "setattr", "delattr"}
)
"""Names by which Python's programs reach files, processes, other code, and themselves."""

_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.BoolOp, ast.comprehension)


def parse_python(text: str) -> ast.Module | None:
    """The abstract syntax of a file; ``None`` where Python would not take it, or has no room for its depth."""
    if len(text) > MAX_CHARACTERS:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Of odd escapes in strings, which are the file's own business.
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def offset_at(text: str, line: int, column: int) -> int:
    """Code points before a place that ``ast`` gives: lines from 1, columns in bytes of UTF-8."""
    lines = text.split("\n")
    before = sum(len(each) + 1 for each in lines[: line - 1])
    return before + len(lines[line - 1].encode()[:column].decode())


def span_of(text: str, node: ast.stmt | ast.expr) -> tuple[int, int]:
    """Where a node stands in the text that it was parsed from, in code points."""
    end = offset_at(text, node.end_lineno or node.lineno, node.end_col_offset or 0)
    return offset_at(text, node.lineno, node.col_offset), end


def function_node(code: str) -> FunctionNode | None:
    """The function that ``code`` is, with its decorators, wherever its margin is."""
    is_indented = code[:1] in (" ", "\t")
    module = parse_python(f"if True:\n{code}" if is_indented else code)
    body = module.body if module is not None else []
    if is_indented and body and isinstance(body[0], ast.If):
        body = body[0].body
    found = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return found[0] if len(found) == len(body) == 1 else None


def functions_of(text: str) -> dict[str, FunctionNode]:
    """The functions at the top of a file, by name."""
    module = parse_python(text)
    body = module.body if module is not None else []
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def header_of(node: FunctionNode) -> tuple[str, ...]:
    """Everything of a function but its body: kind, name, parameters, result, decorators."""
    decorators = ", ".join(map(ast.unparse, node.decorator_list))
    returns = ast.unparse(node.returns) if node.returns is not None else ""
    return type(node).__name__, node.name, ast.unparse(node.args), returns, decorators


def body_of(node: FunctionNode) -> str:
    """The body without its docstring, in a form in which layout and comments make no difference."""
    return "\n".join(ast.dump(each) for each in statements(node))


def sizes(node: FunctionNode) -> tuple[int, int]:
    """How many nodes the body has, and at how many places it branches (after T. J. McCabe, 1976)."""
    below = [each for statement in statements(node) for each in ast.walk(statement)]
    counted = [each for each in below if not isinstance(each, ast.expr_context)]
    return len(counted), sum(isinstance(each, _BRANCHES) for each in below)


def reaches_further(old: FunctionNode, new: FunctionNode) -> list[str]:
    """What only the new version uses, of all that leads out of a function: a simpler one needs nothing of it."""
    return sorted(_reach(new) - _reach(old))


def _reach(node: FunctionNode) -> set[str]:
    found: set[str] = set()
    for each in ast.walk(node):
        match each:
            case ast.Import(names=names):
                found.update(alias.name for alias in names)
            case ast.ImportFrom(module=str() as module):
                found.add(module)
            case ast.Name(id=name) if name in OUTWARD or name.startswith("__"):
                found.add(name)
            case ast.Attribute(attr=name) if name.startswith("_"):
                found.add(name)
            case ast.Global(names=names):
                found.update(names)
    return found


def future_imports(text: str) -> Iterator[str]:
    """The ``from __future__`` lines of a file: how its functions are to be compiled."""
    module = parse_python(text)
    for node in module.body if module is not None else ():
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            yield ast.unparse(node)


def statements(node: FunctionNode) -> list[ast.stmt]:
    """The body without its docstring."""
    has_docstring = ast.get_docstring(node, clean=False) is not None
    return node.body[1:] if has_docstring else node.body


def is_stub(node: FunctionNode) -> bool:
    """Whether a body is still to be written: ``pass``, ``...``, ``raise NotImplementedError``, only a docstring."""
    return all(isinstance(each, ast.Pass) or _is_dots(each) or _is_not_implemented(each) for each in statements(node))


def parameters_of(node: FunctionNode) -> list[ast.arg]:
    """All parameters, those of ``*`` and ``**`` behind the others."""
    each = node.args
    extra = [name for name in (each.vararg, each.kwarg) if name is not None]
    return [*each.posonlyargs, *each.args, *each.kwonlyargs, *extra]


def parameter_names(node: FunctionNode) -> list[str]:
    """Their names."""
    return [each.arg for each in parameters_of(node)]


def without_annotations(text: str) -> str | None:
    """A file's abstract syntax but for the annotations of its functions and for imports; ``None`` if it has none."""
    module = parse_python(text)
    if module is None:
        return None
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
            for each in parameters_of(node):
                each.annotation = None
    module.body = [node for node in module.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.dump(module)


def _is_dots(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is Ellipsis


def _is_not_implemented(node: ast.stmt) -> bool:
    raised = node.exc if isinstance(node, ast.Raise) else None
    raised = raised.func if isinstance(raised, ast.Call) else raised
    return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
