"""Code → the formula that it computes, in LaTeX. No model is asked; what was written is read again and compared."""

from __future__ import annotations

from codeslm_lsp.mathematics.expressions import Call, Expression, Name, walk
from codeslm_lsp.mathematics.latex import plain_text
from codeslm_lsp.mathematics.latex_writing import latex_of, name_of, spelled
from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.mathematics.naming import canonical
from codeslm_lsp.mathematics.parser import parse_plain
from codeslm_lsp.mathematics.python_formulas import Formula
from codeslm_lsp.reasoning.formula_of_code import PREMISE, formula_of_code
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.values import Answer, Badge, Check, ExpressionError

BADGES = {"proved": Badge.PROVED, "refuted": Badge.REFUTED, "unknown": Badge.UNVERIFIED}


async def latex(question: Question, means: Means) -> Answer:
    """The LaTeX of typed or selected code, or of the function at the cursor. Raises ``InputError`` where it is none."""
    formula = formula_of_code(question)
    body = latex_of(formula.expression)
    check, badge = await _read_back(body, formula, means.mathematician)
    text = f"{_left_side(formula)}{body}"
    shown = fenced(text, "latex")
    means.listen(shown)
    return Answer("latex", shown, badge, (check, Check("exact", True, PREMISE)))


def _left_side(formula: Formula) -> str:
    """``f\\left(x, y\\right) = ``; nothing before a bare expression."""
    if not formula.name:
        return ""
    if not formula.is_function:
        return f"{name_of(formula.name)} = "
    escaped = formula.name.replace("_", r"\_")
    head = escaped if len(escaped) == 1 else rf"\operatorname{{{escaped}}}"
    written = ", ".join(name_of(each, formula.parameters) for each in formula.parameters)
    return rf"{head}\left({written}\right) = "


async def _read_back(body: str, formula: Formula, mathematician: Mathematician) -> tuple[Check, Badge]:
    """Whether the LaTeX says what the code does, by reading it as a formula of its own."""
    names = {each.name for each in walk(formula.expression) if isinstance(each, Name)}
    try:
        read = spelled(parse_plain(plain_text(body), names - {"pi", "e", "oo"} | set(formula.variables)), names)
    except ExpressionError as error:
        return Check("read back", False, f"It cannot be read back to be compared: {error}", body), Badge.UNVERIFIED
    if canonical(read) == canonical(formula.expression):
        return Check("read back", True, "Read back, it is the formula of the code.", body), Badge.PROVED
    if _is_partial(formula.expression):
        detail = "Read back, it is another formula, and where each has a value was not compared."
        return Check("read back", False, detail, body), Badge.UNVERIFIED
    verdict = await mathematician.agree(formula.expression, read, formula.whole, formula.variables)
    detail = f"Read back and compared with the code: {verdict.detail}"
    return Check("read back", verdict.outcome == "proved", detail, verdict.statement), BADGES[verdict.outcome]


def _is_partial(node: Expression) -> bool:
    """Whether it has cases that leave out some values."""
    return any(isinstance(e, Call) and e.function == "cases" and len(e.arguments) % 2 == 0 for e in walk(node))
