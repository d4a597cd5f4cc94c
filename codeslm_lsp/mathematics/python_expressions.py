"""An expression in a Python syntax tree → the same as mathematics. What is none is refused, with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from codeslm_lsp.mathematics.expressions import (
    MAX_NESTING,
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Relation,
    Unary,
)
from codeslm_lsp.mathematics.functions import CONSTANTS
from codeslm_lsp.mathematics.python_calls import both, cases, negation, one_less, writable, written_out
from codeslm_lsp.mathematics.python_names import PythonNames, parts_of
from codeslm_lsp.mathematics.tokens import number_token
from codeslm_lsp.syntax.tree import Node, SyntaxTree, text_of
from codeslm_lsp.values import ExpressionError

_OPERATORS = {"+": "+", "-": "-", "*": "*", "/": "/", "**": "^"}
_COMPARED = {"==": "=", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class PythonExpressions:
    """Reads expressions. ``known`` are the values of local names; ``is_open``: any other name is a variable."""

    def __init__(
        self,
        tree: SyntaxTree,
        names: PythonNames,
        known: Mapping[str, Expression],
        *,
        is_open: bool,
        first_line: int = 1,
    ) -> None:
        self._tree = tree
        self._names = names
        self._known = known
        self._is_open = is_open
        self._first_line = first_line
        self._n_deep = 0

    def of(self, node: Node) -> Expression:
        """The value of a node. Raises ``ExpressionError``."""
        self._n_deep += 1
        if self._n_deep > 2 * MAX_NESTING:
            raise self.refused(node, "is nested too deep for a formula; split it")
        expression = self._read(node)
        self._n_deep -= 1
        return expression

    def condition(self, node: Node) -> Expression:
        """A relation, or ``all`` and ``any`` of some; a bare number is true where it is not 0."""
        match node.type:
            case "parenthesized_expression":
                return self.condition(parts_of(node)[0])
            case "comparison_operator":
                return self._relation(node)
            case "boolean_operator":
                is_and = self._text(node.child_by_field_name("operator")) == "and"
                sides = [node.child_by_field_name(side) for side in ("left", "right")]
                first, second = (self.condition(each) for each in sides if each is not None)
                return both(first, second) if is_and else Call("any", (first, second))
            case "call" if (logical := self._logical(node)) is not None:
                function, given = logical
                one, other = (self.condition(each) for each in given)
                return both(one, other) if function == "all" else Call("any", (one, other))
            case "not_operator":
                return negation(self.condition(parts_of(node)[-1]))
        return Relation(("!=",), (self.of(node), Number("0")))

    def _logical(self, node: Node) -> tuple[str, list[Node]] | None:
        """``all`` or ``any`` and its two conditions where it is numpy's ``logical_and`` or ``logical_or``."""
        function = self._names.function(self._text(node.child_by_field_name("function")))
        arguments = node.child_by_field_name("arguments")
        given = parts_of(arguments) if arguments is not None else []
        return (function, given) if function in ("all", "any") and len(given) == 2 else None

    def operation(self, node: Node, operator: str, left: Expression, right: Expression) -> Expression:
        """``a // b`` and the like, as Python works them out."""
        if operator in _OPERATORS:
            return Binary(_OPERATORS[operator], left, right)
        if operator == "//":
            return Call("floor", (Binary("/", left, right),))
        if operator == "%":
            return Call("mod", (left, right))
        raise self.refused(node, f"has the operator {operator}, which is no arithmetic")

    def refused(self, node: Node, why: str) -> ExpressionError:
        """``why`` with the line."""
        return ExpressionError(f"Line {self._first_line + node.start_point[0]} {why}.")

    def with_names(self, known: Mapping[str, Expression]) -> PythonExpressions:
        """The same where more is known."""
        names = {**self._known, **known}
        return PythonExpressions(self._tree, self._names, names, is_open=self._is_open, first_line=self._first_line)

    def _text(self, node: Node | None) -> str:
        return text_of(self._tree, node)

    def _read(self, node: Node) -> Expression:
        text = self._text(node)
        match node.type:
            case "parenthesized_expression":
                return self.of(parts_of(node)[0])
            case "integer" | "float":
                return self._number(node, text)
            case "identifier":
                return self._name(node, text)
            case "unary_operator" if text[0] in "+-":
                operand = self.of(parts_of(node)[0])
                return operand if text[0] == "+" else Unary("-", operand)
            case "binary_operator":
                left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
                if left is not None and right is not None:
                    operator = self._text(node.child_by_field_name("operator"))
                    return self.operation(node, operator, self.of(left), self.of(right))
            case "conditional_expression":
                value, condition, other = parts_of(node)
                return cases(self.of(value), self.condition(condition), self._other(other))
            case "attribute":
                constant = self._names.constant(text)
                if constant is not None and text.partition(".")[0] not in self._known:
                    return self._constant(node, constant)
                if text.startswith("self.") and text.count(".") == 1:
                    return self._attribute(node, text.removeprefix("self."))
            case "call":
                return self._call(node)
        what = node.type.replace("_", " ")
        raise self.refused(node, f"has {text[:40]!r} ({what}), which is no arithmetic of numbers")

    def _number(self, node: Node, text: str) -> Expression:
        digits = text.replace("_", "")
        if digits[:2].lower() in ("0x", "0o", "0b"):
            return Number(str(int(digits, 0)))
        if digits[-1] not in "0123456789.":
            raise self.refused(node, f"has the number {text[:40]}, which is not real")
        number_token(digits.strip("."), 0)
        return Number(f"0{digits}" if digits[0] == "." else digits.removesuffix("."))

    def _name(self, node: Node, name: str) -> Expression:
        if name in self._known:
            return self._known[name]
        constant = self._names.constant(name)
        if constant is not None:
            return self._constant(node, constant)
        if name in self._names.numbers:
            others = {each: value for each, value in self._names.numbers.items() if each != name}
            names = replace(self._names, numbers=others)
            at_top = PythonExpressions(self._tree, names, {}, is_open=False, first_line=self._first_line)
            return at_top.of(self._names.numbers[name])
        if self._is_open or name in self._names.symbols:
            return self._variable(node, name)
        raise self.refused(node, f"uses {name}, which is no parameter and has no value there")

    def _other(self, node: Node) -> Expression | None:
        """What counts where a condition does not hold: ``nan`` is no value."""
        return None if self._names.constant(self._text(node)) == "nan" else self.of(node)

    def _attribute(self, node: Node, name: str) -> Expression:
        """``self.radius`` is the variable radius, unless a local name is called so too."""
        if name in self._known:
            raise self.refused(node, f"uses {name} and self.{name}, which would be the same in a formula; rename one")
        return self._variable(node, name)

    def _variable(self, node: Node, name: str) -> Expression:
        """A name that is no parameter: only these may be called as constants are."""
        if name in CONSTANTS:
            raise self.refused(node, f"uses {name}, which is a constant in formulas; rename it")
        return Name(writable(name))

    def _constant(self, node: Node, name: str) -> Expression:
        if name == "nan":
            raise self.refused(node, "uses nan, which is no number")
        if name in self._known:
            raise self.refused(node, f"uses the constant {name}, which is the name of a parameter too; rename that")
        return Name(name)

    def _relation(self, node: Node) -> Expression:
        operators = [self._text(each) for each in node.children if not each.is_named]
        if any(each not in _COMPARED for each in operators):
            raise self.refused(
                node,
                f"compares by '{next(each for each in operators if each not in _COMPARED)}', "
                "which is no relation of numbers",
            )
        return Relation(tuple(_COMPARED[each] for each in operators), tuple(map(self.of, parts_of(node))))

    def _call(self, node: Node) -> Expression:
        called = self._text(node.child_by_field_name("function"))
        is_local = called.partition(".")[0] in self._known
        function = None if is_local else self._names.function(called)
        given = node.child_by_field_name("arguments")
        if function is None or given is None:
            raise self.refused(node, f"calls {called[:40]}, of which is not known what it computes")
        nodes = [given] if given.type == "generator_expression" else parts_of(given)
        if len(nodes) == 1 and nodes[0].type in ("generator_expression", "list_comprehension"):
            return self._series(node, function, nodes[0])
        if function == "where" and len(nodes) == 3:
            return cases(self.of(nodes[1]), self.condition(nodes[0]), self._other(nodes[2]))
        if any(each.type in ("keyword_argument", "list_splat", "dictionary_splat") for each in nodes):
            raise self.refused(node, f"calls {called[:40]} with named or spread arguments, which are not understood")
        try:
            return written_out(function, tuple(self.of(each) for each in nodes))
        except LookupError:
            raise self.refused(node, f"calls {called[:40]} with arguments that are not understood") from None

    def _series(self, node: Node, function: str, inner: Node) -> Expression:
        """``sum(… for k in range(a, b))``."""
        body, *clauses = parts_of(inner)
        if function not in ("sum", "product") or len(clauses) != 1 or clauses[0].type != "for_in_clause":
            raise self.refused(node, "has a comprehension that is no sum or product over one range")
        name, low, high = self.counted(clauses[0])
        return Call(function, (self.with_names({name: Name(name)}).of(body), Name(name), low, high))

    def counted(self, node: Node) -> tuple[str, Expression, Expression]:
        """``k in range(a, b)`` as its name, a and b - 1."""
        variable, ranged = node.child_by_field_name("left"), node.child_by_field_name("right")
        given = ranged.child_by_field_name("arguments") if ranged is not None and ranged.type == "call" else None
        is_range = ranged is not None and self._text(ranged.child_by_field_name("function")) == "range"
        if variable is None or variable.type != "identifier" or given is None or not is_range:
            raise self.refused(node, "goes over something else than a range, which is no sum")
        ends = [self.of(each) for each in parts_of(given)]
        name = writable(self._text(variable))
        if not 1 <= len(ends) <= 2:
            raise self.refused(node, "has a range with steps, which is no sum")
        if name in self._known:
            raise self.refused(node, f"counts in {name}, which has a value already; rename one of them")
        return name, ends[0] if len(ends) == 2 else Number("0"), one_less(ends[-1])
