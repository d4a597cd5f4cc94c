"""The text of a claim → a verdict: first a counterexample is looked for, then a proof, which counts if values agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from codeslm_lsp.mathematics.answers import Verdict
from codeslm_lsp.mathematics.cases import Branch, branches_of, narrowed
from codeslm_lsp.mathematics.domains import Domain
from codeslm_lsp.mathematics.expressions import Call, Expression, Number, Relation, children, with_children
from codeslm_lsp.mathematics.methods import method_of
from codeslm_lsp.mathematics.patience import Clock
from codeslm_lsp.mathematics.printing import to_text
from codeslm_lsp.mathematics.searching import Search, search
from codeslm_lsp.mathematics.statements import Statement, read_statement, where_defined
from codeslm_lsp.values import ExpressionError

SEARCH_SHARE = 0.3
"""Of the time, at most; a search mostly ends before that."""

MIN_POINTS = 5
"""Where a proof has to agree with values. One is all there is without variables."""


def verify(text: str, limit_s: float) -> Verdict:
    """Whether a claim is true where both sides are defined. Raises ``ExpressionError`` where it is not understood."""
    statement = read_statement(text)
    clock = Clock(limit_s)
    verdict = judged(statement, clock)
    if verdict.outcome != "refuted":
        return verdict
    for relation, how in _other_readings(statement.relation):
        described = statement.domain.described()
        text = to_text(relation) + (f" for {described}" if described else "")
        other = judged(replace(statement, relation=relation, text=text), clock)
        if other.outcome != "refuted":
            return replace(other, detail=f"{other.detail.rstrip('.')}; {how}.")
    return verdict


def _other_readings(relation: Relation) -> Iterator[tuple[Relation, str]]:
    """What else it may say: ``log`` to base 10, as schools write it; ``a = b mod m`` as a congruence."""
    decimal = Relation(relation.operators, tuple(map(_decimal_logarithms, relation.operands)))
    if decimal != relation:
        yield decimal, "log is read to base 10"
    match relation:
        case Relation(("=",), (left, Call("mod", (right, modulus)))):
            sides = tuple(Call("mod", (each, modulus)) for each in (left, right))
            yield Relation(("=",), sides), "mod is read as a congruence"


def _decimal_logarithms(node: Expression) -> Expression:
    changed = with_children(node, tuple(map(_decimal_logarithms, children(node))))
    match changed:
        case Call("log", (argument,)):
            return Call("log", (argument, Number("10")))
    return changed


def judged(statement: Statement, clock: Clock) -> Verdict:
    """Whether all relations of a statement hold."""
    links = statement.relation.links
    verdicts = [_link(statement, *link, Clock(clock.left_s / (len(links) - i))) for i, link in enumerate(links)]
    for outcome in ("refuted", "unknown"):
        for verdict in verdicts:
            if verdict.outcome == outcome:
                return verdict
    return verdicts[0] if len(verdicts) == 1 else Verdict("proved", _joined(verdicts), {}, statement.text)


def _joined(verdicts: list[Verdict]) -> str:
    return "Each of its relations is proved: " + "; ".join(each.detail.rstrip(".") for each in verdicts) + "."


def _link(statement: Statement, left: Expression, operator: str, right: Expression, clock: Clock) -> Verdict:
    try:
        branches = branches_of(Relation((operator,), (left, right)))
    except ExpressionError as error:
        return Verdict("unknown", str(error), {}, statement.text)
    if len(branches) > 1 or branches[0].conditions:
        return _by_cases(statement, branches, clock)
    domain = statement.domain
    where = f" for {described}" if (described := domain.described()) else ""
    found = search(left, operator, right, domain, has_i=statement.has_i, clock=Clock(clock.left_s * SEARCH_SHARE))
    if found.counterexample is not None:
        sides = found.counterexample.described()
        detail = f"{sides[0].upper()}{sides[1:]}, so {to_text(Relation((operator,), (left, right)))} is false there."
        return Verdict("refuted", detail, found.counterexample.point, statement.text)
    method = method_of(left, operator, right, statement, clock) if _is_enough(found, domain) else None
    if method is not None:
        note = ", wherever both sides are defined" if domain.ranges else ""
        values = f"at {found.n_points} points" if domain.ranges else "of both sides"
        detail = f"Proved {method}{where}{note}, and it agrees with numerical values {values}."
        return Verdict("proved", detail, {}, statement.text)
    return Verdict(
        "unknown", f"No proof and no counterexample was found{where}: {found.described()}.", {}, statement.text
    )


def _by_cases(statement: Statement, branches: tuple[Branch, ...], clock: Clock) -> Verdict:
    """Proved if all cases are; one that is refuted, or not proved, decides."""
    verdicts: list[Verdict] = []
    for i, branch in enumerate(branches):
        part = narrowed(branch, statement.domain)
        if part is None:
            continue  # It never comes to that.
        relation, domain = part
        left, operator, right = relation.links[0]
        each = replace(statement, relation=relation, domain=where_defined(relation, domain))
        verdicts.append(_link(each, left, operator, right, Clock(clock.left_s / (len(branches) - i))))
        if verdicts[-1].outcome == "refuted":
            break
    for outcome in ("refuted", "unknown"):
        for verdict in verdicts:
            if verdict.outcome == outcome:
                return verdict
    if not verdicts:
        return Verdict("unknown", "No case of it ever occurs.", {}, statement.text)
    details = dict.fromkeys(f"{each.detail[0].lower()}{each.detail[1:].rstrip('.')}" for each in verdicts)
    return Verdict("proved", "Case by case: " + "; ".join(details) + ".", {}, statement.text)


def _is_enough(found: Search, domain: Domain) -> bool:
    return found.n_points >= (MIN_POINTS if domain.ranges else 1)
