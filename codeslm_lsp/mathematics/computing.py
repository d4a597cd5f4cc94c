"""Statements as a model writes them, one a line → the exact value of ``answer``, or one sentence saying what is wrong.

``price = 80``, ``x + y = 10``, ``answer = price*25%``: names that are defined are put in, the rest is solved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import sympy as sp

from codeslm_lsp.mathematics.answers import Computed
from codeslm_lsp.mathematics.expressions import MAX_CHARS, Collection, Expression, Name, Relation, free_names
from codeslm_lsp.mathematics.functions import CONSTANTS
from codeslm_lsp.mathematics.latex import is_latex, plain_text
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.patience import Clock, attempted
from codeslm_lsp.mathematics.symbolic import Symbolic, to_sympy
from codeslm_lsp.values import ExpressionError, UnitsError

MAX_STATEMENTS = 60
"""A worked problem has about ten."""

MAX_UNKNOWNS = 12
"""Of one system of equations."""

DECIMALS = 12
"""Significant digits of the decimal answer."""

SOLVE_SHARE = 0.8
"""Of the time, for solving; the rest is for printing what was found."""

MAY_HAVE_UNITS = re.compile(r"\d[ \t]*[A-Za-zµΩ°]")
"""A number with a letter behind it."""

_DEFINED = re.compile(r"^\s*([A-Za-z]\w*)\s*=(?!=)", re.MULTILINE)
_SOLVE = re.compile(r"^\s*(?:answer\s*=\s*)?solve\s*\((.*?)(?:,\s*([A-Za-z]\w*)\s*)?\)\s*$")
_ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    relation: Relation | None
    expression: Expression | None

    @property
    def name(self) -> str | None:
        """What it defines, if it looks like a definition."""
        if self.relation is not None and self.relation.operators == ("=",):
            first = self.relation.operands[0]
            return first.name if isinstance(first, Name) else None
        return None


def compute(text: str, limit_s: float) -> Computed:
    """The answer of statements; what means nothing without units is read as quantities. Raises ``ExpressionError``."""
    clock = Clock(limit_s)
    try:
        return _Program(_lines(text), clock).computed()
    except ExpressionError as error:
        if MAY_HAVE_UNITS.search(text) is None:
            raise
        from codeslm_lsp.mathematics.measuring import measured  # It takes 0.2 s, and is seldom needed.

        try:
            return measured(text)
        except UnitsError:
            raise
        except ExpressionError:
            raise error from None


def _lines(text: str) -> list[_Line]:
    if len(text) > 4 * MAX_CHARS:
        raise ExpressionError(f"The statements are longer than {4 * MAX_CHARS:,} characters; shorten them.")
    names = {name for name in _DEFINED.findall(text) if name not in ("e", "pi", "i")}
    lines: list[_Line] = []
    for number, raw in enumerate(re.split(r"\n|;", text), 1):
        said = raw.split("#")[0].strip().rstrip(".")
        if not said or said.startswith("```"):
            continue
        solved = _SOLVE.match(said)
        if solved is not None:
            said = solved[1]
        try:
            node = parse_plain(plain_text(said) if is_latex(said) else said, names)
        except ExpressionError as error:
            raise ExpressionError(f"Statement {number}: {error}") from error
        if isinstance(node, Relation) and "in" not in node.operators:
            if solved is not None and solved[2] is not None:
                lines.append(_Line(number, Relation(("=",), (Name(_ANSWER), Name(solved[2]))), None))
            lines.append(_Line(number, node, None))
        elif solved is not None:
            lines.append(_Line(number, Relation(("=",), (node, parse_plain("0"))), None))
        else:
            lines.append(_Line(number, None, node))
    if not lines:
        raise ExpressionError("There are no statements; write one a line, the last one 'answer = …'.")
    if len(lines) > MAX_STATEMENTS:
        raise ExpressionError(f"There are more than {MAX_STATEMENTS} statements; write fewer.")
    return lines


class _Program:
    def __init__(self, lines: list[_Line], clock: Clock) -> None:
        self._lines = lines
        self._clock = clock
        self._values: dict[str, Symbolic] = {}
        self._waiting: list[_Line] = []
        self._bare: Expression | None = None
        self._listed: Collection | None = None
        self._symbols = {
            name: sp.Symbol(name, real=True)
            for line in lines
            for node in (line.relation, line.expression)
            if node is not None
            for name in free_names(node)
        }
        self._constants = CONSTANTS - {line.name for line in lines if line.name is not None}

    def computed(self) -> Computed:
        """Take the statements in turn, then solve those that wait."""
        for line in self._lines:
            if line.expression is not None:
                self._bare = line.expression
            elif line.relation is not None and not self._defines(line):
                self._waiting.append(line)
        self._settle()
        if not self._waiting:
            return self._told([self._values])
        return self._told(self._solved())

    def _value(self, node: Expression, values: dict[str, Symbolic]) -> Symbolic:
        value = to_sympy(node, {**self._symbols_left(), **values})
        done = attempted(value.doit, self._clock.share_s(4.0))
        if done is None:
            raise ExpressionError("A value there takes too long to work out; write it in a simpler way.")
        if done.has(sp.zoo, sp.nan):
            raise ExpressionError("Something is divided by zero; correct that.")
        return done

    def _symbols_left(self) -> dict[str, Symbolic]:
        return {name: each for name, each in self._symbols.items() if name not in self._constants}

    def _unknown(self, node: Expression) -> set[str]:
        return {name for name in free_names(node) if name not in self._values and name not in self._constants}

    def _defines(self, line: _Line) -> bool:
        name = line.name
        if name is None or line.relation is None:
            return False
        of = line.relation.operands[1]
        if isinstance(of, Collection) and name == _ANSWER:
            self._listed = of
            return True
        if self._unknown(of):
            return False
        value = self._value(of, self._values)
        before = self._values.get(name)
        if (
            before is not None
            and name not in free_names(of)
            and attempted(lambda: sp.simplify(before - value), 1.0) != 0
        ):
            raise ExpressionError(f"{name} has two values, {text_of(before)} and {text_of(value)}; use two names.")
        self._values.pop(name, None)
        self._values[name] = value
        return True

    def _settle(self) -> None:
        """Definitions that were written before what they use."""
        is_changed = True
        while is_changed:
            before = len(self._waiting)
            self._waiting = [line for line in self._waiting if not self._defines(line)]
            is_changed = len(self._waiting) < before

    def _solved(self) -> list[dict[str, Symbolic]]:
        """All real solutions of what waits, each with what follows from it."""
        results: list[Relation] = []
        system = [line.relation for line in self._waiting if line.relation is not None]
        # What is only told, and used nowhere else, follows from the solution.
        while True:
            told = [each for each in system if _is_result(each, system, self._values)]
            if not told:
                break
            results = [*told, *results]
            system = [each for each in system if each not in told]
        equations = [link for each in system for link in each.links if link[1] == "="]
        conditions = [link for each in system for link in each.links if link[1] != "="]
        unknowns = sorted({name for left, _, right in equations for name in self._unknown(left) | self._unknown(right)})
        if not equations:
            missing = sorted(
                {name for each in results for name in self._unknown(each.operands[1])}
                - {each.operands[0].name for each in results if isinstance(each.operands[0], Name)}
            )
            if missing:
                raise ExpressionError(f"{missing[0]} is not defined; define it before it is used.")
            raise ExpressionError("The definitions go round in a circle; define one of the names by numbers.")
        circular = [
            each
            for each in system
            if isinstance(each.operands[0], Name)
            and each.operands[0].name in free_names(each.operands[1])
            and len(system) == 1
        ]
        if len(unknowns) > MAX_UNKNOWNS:
            raise ExpressionError(f"There are more than {MAX_UNKNOWNS} unknowns; write fewer.")
        solutions = self._solutions(equations, unknowns)
        kept = [each for each in solutions if self._allows(each, conditions)]
        if not kept:
            if circular:
                raise ExpressionError(f"{circular[0].operands[0].name} is defined by itself; define it by other names.")  # type: ignore[union-attr]
            raise ExpressionError("The equations contradict each other, or have no real solution; check them.")
        kept.sort(
            key=lambda each: (
                not all(value.is_nonnegative for value in each.values()),
                [-float(v) if v.is_number else 0 for v in each.values()],
            )
        )
        complete = []
        for solution in kept:
            values = {**self._values, **solution}
            for each in results:
                first = each.operands[0]
                assert isinstance(first, Name)
                values[first.name] = self._value(each.operands[1], values)
            complete.append(values)
        return complete

    def _solutions(
        self, equations: list[tuple[Expression, str, Expression]], unknowns: list[str]
    ) -> list[dict[str, Symbolic]]:
        differences = [
            self._value(left, self._values) - self._value(right, self._values) for left, _, right in equations
        ]
        symbols = [self._symbols[name] for name in unknowns]
        if any(each.is_number and sp.simplify(each) != 0 for each in differences):
            raise ExpressionError("The equations contradict each other, or have no real solution; check them.")
        found = attempted(
            lambda: sp.solve(differences, symbols, dict=True), self._clock.share_s(self._clock.left_s * SOLVE_SHARE)
        )
        if found is None:
            raise ExpressionError("The equations cannot be solved in the time there is; write simpler ones.")
        real = []
        for each in found:
            values = {symbol.name: sp.simplify(value) for symbol, value in each.items()}
            if all(value.is_real is not False for value in values.values()):
                real.append(values)
        return real

    def _allows(self, solution: dict[str, Symbolic], conditions: list[tuple[Expression, str, Expression]]) -> bool:
        for left, operator, right in conditions:
            values = {**self._values, **solution}
            difference = sp.N(self._value(left, values) - self._value(right, values), 30)
            if difference.is_number and not _OPERATORS[operator](difference):
                return False
        return True

    def _told(self, solutions: list[dict[str, Symbolic]]) -> Computed:
        answers = []
        for values in solutions:
            if self._listed is not None:
                parts = [self._checked(self._value(each, values)) for each in self._listed.items]
                brackets = self._listed.brackets or "  "
                opening, closing = brackets[0], brackets[1]
                shown = (opening + ", ".join(map(text_of, parts)) + closing).strip()
                answers.append((shown, (opening + ", ".join(map(decimal_of, parts)) + closing).strip()))
                continue
            if _ANSWER in values:
                answer = values[_ANSWER]
            elif self._bare is not None:
                answer = self._value(self._bare, values)
            elif values:
                answer = list(values.values())[-1]
            else:
                raise ExpressionError("There is no answer; write 'answer = …' as the last statement.")
            answer = self._checked(answer)
            answers.append((text_of(answer), decimal_of(answer)))
        if not solutions or not answers:
            raise ExpressionError("There is no answer; write 'answer = …' as the last statement.")
        told = tuple(dict.fromkeys((name, text_of(value)) for values in solutions for name, value in values.items()))
        return Computed(*answers[0], told)

    def _checked(self, answer: Symbolic) -> Symbolic:
        simplified = attempted(
            lambda: sp.nsimplify(sp.simplify(answer)) if answer.is_Rational else sp.simplify(answer),
            self._clock.share_s(2.0),
        )
        answer = answer if simplified is None else simplified
        if answer.free_symbols:
            names = sorted(each.name for each in answer.free_symbols)
            is_equation = any(
                name in free_names(line.relation) for line in self._waiting if line.relation for name in names
            )
            if any(line.name == names[0] for line in self._waiting):
                raise ExpressionError(f"{names[0]} is defined in a circle; define one of the names by numbers.")
            what = (
                "is not determined by the equations; add one"
                if is_equation
                else "is not defined; define it before it is used"
            )
            raise ExpressionError(f"{names[0]} {what}.")
        if answer.has(sp.zoo, sp.nan) or answer.is_real is False:
            raise ExpressionError("The answer is not a real number; check the statements.")
        return answer


_OPERATORS = {
    "<": lambda d: d < 0,
    "<=": lambda d: d <= 0,
    ">": lambda d: d > 0,
    ">=": lambda d: d >= 0,
    "!=": lambda d: d != 0,
}


def _is_result(relation: Relation, system: list[Relation], values: dict[str, Symbolic]) -> bool:
    """Whether it defines a name that occurs nowhere else."""
    first = relation.operands[0]
    if relation.operators != ("=",) or not isinstance(first, Name) or first.name in values:
        return False
    others = [each for each in system if each is not relation]
    return first.name not in free_names(relation.operands[1]) and not any(
        first.name in free_names(each) for each in others
    )


def text_of(value: Symbolic) -> str:
    """A SymPy value as ``parser`` reads it."""
    text = sp.sstr(value).replace("**", "^")
    return re.sub(r"\bE\b", "e", re.sub(r"\bAbs\b", "abs", re.sub(r"\bceiling\b", "ceil", text)))


def decimal_of(value: Symbolic) -> str:
    """To ``DECIMALS`` significant digits, without zeros at the end."""
    if value.is_Integer:
        return str(value)
    if not value.is_number or value in (sp.oo, -sp.oo):
        return text_of(value)
    shown = str(sp.N(value, DECIMALS))
    return shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown
