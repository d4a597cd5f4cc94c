"""A Python function, or a few statements → the formula that they compute. Nothing is run.

Understood are assignments of numbers to names, ``if``, ``assert``, ``raise``, ``return``, and loops over a range that
only add up or multiply. Everything else is refused with its line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codeslm_lsp.mathematics.expressions import Call, Expression, Name, Number, free_names, walk, within_limits
from codeslm_lsp.mathematics.functions import CONSTANTS
from codeslm_lsp.mathematics.python_calls import both, cases, negation, writable
from codeslm_lsp.mathematics.python_expressions import PythonExpressions
from codeslm_lsp.mathematics.python_names import FRAGMENT, MODULES, PythonNames, names_of, parts_of
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.tree import Node, SyntaxTree, parse, text_of
from codeslm_lsp.values import ExpressionError

MAX_ENDS = 20
"""Ways through a function. A formula with more cases is none that anybody reads."""

NOT_NUMBERS = ("str", "bytes", "list", "dict", "set", "tuple", "List", "Dict", "Sequence", "Iterable")
"""Annotations that begin so are of no number."""

HARMLESS = frozenset({"staticmethod", "classmethod", "property", "cache", "lru_cache", "functools.cache"})
"""Decorators that leave a result what it is."""

UNDERSTOOD = "only assignments, if, assert, raise, return, and sums over a range are understood"


@dataclass(frozen=True, slots=True)
class Formula:
    """``expression`` in ``parameters``, of which ``whole`` are declared as ``int``; ``name`` may be empty.

    ``others`` are attributes of ``self``, and constants of the file that keep their names. ``is_function`` is false of
    an expression and of assignments.
    """

    name: str
    parameters: tuple[str, ...]
    expression: Expression
    whole: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    is_function: bool = True

    @property
    def variables(self) -> tuple[str, ...]:
        """All that its value depends on."""
        return (*self.parameters, *self.others)


def formula_at(tree: SyntaxTree, def_start: int, names: PythonNames | None = None) -> Formula:
    """The formula of the function whose ``def`` begins at a code point. Raises ``ExpressionError``."""
    byte = tree.source.to_byte(def_start)
    node = tree.root.descendant_for_byte_range(byte, byte) if tree.root is not None else None
    while node is not None and node.type != "function_definition":
        node = node.parent
    if node is None:
        raise ExpressionError("There is no Python function there; put the cursor into one.")
    if node.has_error:
        raise ExpressionError("The function has a syntax error; correct it first.")
    _plain(tree, node)
    name = text_of(tree, node.child_by_field_name("name"))
    declared = dict(_parameters(tree, node.child_by_field_name("parameters")))
    body = node.child_by_field_name("body")
    reading = _Reading(tree, _seen_from(node, names or names_of(tree), tree))
    value = reading.value(_nodes(body), {each: Name(each) for each in declared})
    if value is None:
        raise ExpressionError(f"Line {node.start_point[0] + 1}: {name} only raises; there is no formula in it.")
    others = sorted(_variables(value) - declared.keys())
    whole = tuple(each for each, kind in declared.items() if kind == "int")
    return checked(Formula(name, tuple(declared), value, whole, tuple(others)))


def formula_in(text: str, first_line: int = 1, names: PythonNames | None = None) -> Formula:
    """The formula of an expression, or of assignments, the last of which counts. Raises ``ExpressionError``."""
    tree = parse(text, languages()["python"])
    if tree.root is None or tree.root.has_error:
        raise ExpressionError("The code has a syntax error; select a whole expression, assignment or function.")
    nodes = _nodes(tree.root)
    functions = [node for node in nodes if node.type == "function_definition"]
    if len(functions) == 1 == len([node for node in nodes if "import" not in node.type]):
        return formula_at(tree, tree.source.to_offset(functions[0].start_byte), names)
    known: dict[str, Expression] = {}
    reading, name, value = _Reading(tree, names or FRAGMENT, first_line, is_open=True), "", None
    for node in nodes:
        inner = parts_of(node)[0] if node.type == "expression_statement" else node
        before = dict(known)
        if inner.type in ("assignment", "augmented_assignment"):
            reading.assign(inner, known)
        elif node.type == "for_statement":
            reading.loop(node, known)
        elif node.type in ("expression_statement", "return_statement") and len(parts_of(node)) == 1:
            name, value = "", reading.expressions(known).of(parts_of(node)[0])
        else:
            raise reading.expressions(known).refused(node, f"has {_article(node)}; {UNDERSTOOD}")
        changed = ((each, known[each]) for each in known if known[each] is not before.get(each))
        name, value = next(changed, (name, value))
    if value is None:
        raise ExpressionError("There is no code to read; select an expression, an assignment or a function.")
    return checked(Formula(name, tuple(sorted(_variables(value))), value, is_function=False))


def checked(formula: Formula) -> Formula:
    """The formula itself. Raises ``ExpressionError`` where a name is a function's and a variable's at once."""
    called = {each.function for each in walk(formula.expression) if isinstance(each, Call)}
    twice = called & {*formula.variables, *(each.name for each in walk(formula.expression) if isinstance(each, Name))}
    if twice:
        raise ExpressionError(f"{min(twice)} is a variable and a function there; rename the variable.")
    return formula


class _Reading:
    """Of one function's statements, along each way through them."""

    def __init__(
        self,
        tree: SyntaxTree,
        names: PythonNames,
        first_line: int = 1,
        *,
        is_open: bool = False,
    ) -> None:
        self._tree = tree
        self._names = names
        self._first_line = first_line
        self._is_open = is_open
        self._n_ends = 0

    def expressions(self, known: Mapping[str, Expression]) -> PythonExpressions:
        return PythonExpressions(self._tree, self._names, known, is_open=self._is_open, first_line=self._first_line)

    def value(self, statements: Sequence[Node], known: dict[str, Expression]) -> Expression | None:
        """What is returned in the end; None where an exception is raised instead."""
        for place, node in enumerate(statements):
            rest = statements[place + 1 :]
            match node.type:
                case "return_statement" if parts_of(node):
                    self._n_ends += 1
                    return within_limits(self.expressions(known).of(parts_of(node)[0]))
                case "raise_statement":
                    return None
                case "assert_statement":
                    holds = self.expressions(known).condition(parts_of(node)[0])
                    return self._either(node, holds, self.value(rest, dict(known)), None)
                case "if_statement":
                    return self._branched(node, rest, known)
                case "for_statement":
                    self.loop(node, known)
                case "pass_statement":
                    continue
                case "import_statement" if self._is_known_import(node):
                    continue
                case "expression_statement" if _is_docstring(node):
                    continue
                case "expression_statement" if parts_of(node)[0].type in ("assignment", "augmented_assignment"):
                    self.assign(parts_of(node)[0], known)
                case _:
                    raise self.expressions(known).refused(node, f"has {_article(node)}; {UNDERSTOOD}")
        raise ExpressionError("The function ends without a return, at least where its conditions do not hold; add one.")

    def _is_known_import(self, node: Node) -> bool:
        """``import math`` within the function, where that name means nothing else."""
        words = text_of(self._tree, node).split()
        return (
            words[1] in MODULES
            and (len(words) == 2 or MODULES.get(words[-1]) == words[1])
            and (self._names.modules.get(words[-1]) == MODULES[words[1]])
        )

    def assign(self, node: Node, known: dict[str, Expression]) -> None:
        """Put the value of an assignment into ``known``."""
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        expressions = self.expressions(known)
        if left is None or right is None:
            raise expressions.refused(node, "has an assignment without a value, which is no formula")
        lefts = parts_of(left) if left.type in ("pattern_list", "tuple_pattern") else [left]
        rights = parts_of(right) if right.type in ("expression_list", "tuple") else [right]
        if len(lefts) != len(rights) or any(each.type != "identifier" for each in lefts):
            raise expressions.refused(node, "assigns to something else than names, which is no formula")
        values = [expressions.of(each) for each in rights]
        if node.type == "augmented_assignment":
            operator = text_of(self._tree, node.child_by_field_name("operator")).removesuffix("=")
            values = [expressions.operation(node, operator, expressions.of(lefts[0]), values[0])]
        for each, value in zip(lefts, values, strict=True):
            known[text_of(self._tree, each)] = within_limits(value)

    def loop(self, node: Node, known: dict[str, Expression]) -> None:
        """``for k in range(a, b): total += …`` as a sum; ``*=`` as a product."""
        expressions = self.expressions(known)
        if node.child_by_field_name("alternative") is not None or any(each.type == "async" for each in node.children):
            raise expressions.refused(node, f"has a loop with else or async; {UNDERSTOOD}")
        name, low, high = expressions.counted(node)
        inner: dict[str, Expression] = {**known, name: Name(name)}
        statements = [
            parts_of(each)[0]
            for each in _nodes(node.child_by_field_name("body"))
            if each.type == "expression_statement"
        ]
        n_all = len(_nodes(node.child_by_field_name("body")))
        last = statements[-1] if statements else None
        operator = text_of(self._tree, last.child_by_field_name("operator")) if last is not None else ""
        total = text_of(self._tree, last.child_by_field_name("left")) if last is not None else ""
        if len(statements) != n_all or last is None or operator not in ("+=", "*=") or total not in known:
            raise expressions.refused(node, f"has a loop that does more than add up or multiply; {UNDERSTOOD}")
        before = inner.pop(total)
        reading = self._without(total)
        for each in statements[:-1]:
            target = text_of(self._tree, each.child_by_field_name("left"))
            if each.type != "assignment" or target in known:
                raise expressions.refused(each, f"changes {target or 'something'} in a loop; {UNDERSTOOD}")
            reading.assign(each, inner)
        added = last.child_by_field_name("right")
        assert added is not None
        term = reading.expressions(inner).of(added)
        function, operation, neutral = ("sum", "+", "0") if operator == "+=" else ("product", "*", "1")
        series: Expression = Call(function, (term, Name(name), low, high))
        is_neutral = before == Number(neutral) or before == Number(f"{neutral}.0")
        known[total] = within_limits(series if is_neutral else expressions.operation(node, operation, before, series))

    def _without(self, total: str) -> _Reading:
        """The same where ``total``, which changes from turn to turn, has no value."""
        return _Reading(self._tree, self._names.without({total}), self._first_line)

    def _branched(self, node: Node, rest: Sequence[Node], known: dict[str, Expression]) -> Expression | None:
        test, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        assert test is not None
        branches: list[tuple[Expression, list[Node]]] = [(self.expressions(known).condition(test), _nodes(then))]
        otherwise: list[Node] = []
        for each in node.children_by_field_name("alternative"):
            if each.type == "elif_clause":
                test = each.child_by_field_name("condition")
                assert test is not None
                inside = _nodes(each.child_by_field_name("consequence"))
                branches.append((self.expressions(known).condition(test), inside))
            else:
                otherwise = _nodes(each.child_by_field_name("body"))
        value = self.value([*otherwise, *rest], dict(known))
        for condition, statements in reversed(branches):
            value = self._either(node, condition, self.value([*statements, *rest], dict(known)), value)
        return value

    def _either(
        self, node: Node, condition: Expression, value: Expression | None, other: Expression | None
    ) -> Expression | None:
        """Cases. Where one of them raises, the other has to say when it does not."""
        if self._n_ends > MAX_ENDS:
            raise self.expressions({}).refused(node, f"makes more than {MAX_ENDS} cases; split the function")
        if value is None:
            return None if other is None else _only(other, negation(condition))
        return cases(value, condition, other)


def _only(value: Expression, condition: Expression) -> Expression:
    """``value`` where the condition holds, and nothing elsewhere."""
    if not (isinstance(value, Call) and value.function == "cases"):
        return Call("cases", (value, condition))
    parts = list(value.arguments)
    guarded: list[Expression] = []
    for each, own in zip(parts[::2], parts[1::2], strict=False):
        guarded += [each, both(condition, own)]
    if len(parts) % 2:
        guarded += [parts[-1], condition]
    return within_limits(Call("cases", tuple(guarded)))


def _nodes(block: Node | None) -> list[Node]:
    return parts_of(block) if block is not None else []


def _parameters(tree: SyntaxTree, node: Node | None) -> Iterator[tuple[str, str]]:
    """The name and the type, as far as it is written, of each but ``self`` and ``cls``."""
    for each in parts_of(node) if node is not None else ():
        kind = text_of(tree, each.child_by_field_name("type"))
        named = each if each.type == "identifier" else each.child_by_field_name("name")
        if named is None and each.type == "typed_parameter":
            named = parts_of(each)[0]
        if named is not None and named.type == "identifier":
            name = text_of(tree, named)
            if kind.startswith(NOT_NUMBERS):
                raise ExpressionError(f"The parameter {name} is no number but {kind}; there is no formula in it.")
            if name not in ("self", "cls"):
                yield writable(name), kind
        elif each.type not in ("comment", "positional_separator", "keyword_separator"):
            raise ExpressionError("A function with *arguments is no formula; name its parameters.")


def _seen_from(node: Node, names: PythonNames, tree: SyntaxTree) -> PythonNames:
    """What names mean within functions around it: what those bind is theirs."""
    bound: set[str] = set()
    around = node.parent
    while around is not None:
        if around.type == "function_definition":
            bound |= set(_bound(tree, around, node))
        around = around.parent
    return names.without(bound) if bound else names


def _bound(tree: SyntaxTree, node: Node, inner: Node) -> Iterator[str]:
    """Any name that stands within a function, but in the one that is read, where something is bound."""
    waiting = [node]
    while waiting:
        each = waiting.pop()
        is_target = each.parent is not None and each.parent.type not in ("call", "attribute", "argument_list")
        if each.type == "identifier" and is_target:
            yield text_of(tree, each)
        waiting += [child for child in each.children if child != inner]


def _plain(tree: SyntaxTree, node: Node) -> None:
    """Raises ``ExpressionError`` where a function gives something else than what it returns."""
    around = node.parent
    decorators = around.children if around is not None and around.type == "decorated_definition" else []
    for each in decorators:
        text = text_of(tree, each).removeprefix("@").partition("(")[0].strip()
        if each.type == "decorator" and text not in HARMLESS:
            line = each.start_point[0] + 1
            raise ExpressionError(f"Line {line} has the decorator {text}, which may change the result.")
    if any(child.type == "async" for child in node.children):
        raise ExpressionError(f"Line {node.start_point[0] + 1} begins an async function, which is no formula.")


def _variables(value: Expression) -> frozenset[str]:
    return free_names(value) - CONSTANTS


def _is_docstring(statement: Node) -> bool:
    children = parts_of(statement)
    return len(children) == 1 and children[0].type == "string"


def _article(node: Node) -> str:
    what = parts_of(node)[0] if node.type == "expression_statement" and parts_of(node) else node
    words = what.type.replace("_", " ").removesuffix(" statement")
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"
