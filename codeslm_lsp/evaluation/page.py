"""Cases and what each arm made of them → one HTML page to browse them in, which needs nothing else.

The page's frame, with its styles and the few lines of script that filter, is ``page.html``. Everything that comes from
a benchmark or a model is escaped, and the page may load nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import takewhile
from pathlib import Path
from string import Template
from typing import Any

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.score import Scored
from codeslm_lsp.evaluation.tables import explanation, tables

FRAME = Path(__file__).with_name("page.html")

LINES_BEFORE, LINES_AFTER = 16, 8
"""Of the file around a hole."""
AROUND_DIFFERENCE = 24
"""Characters shown of both texts where they begin to differ."""


def page(
    title: str, cases: Sequence[Case], arms: Mapping[str, Sequence[Scored]], numbers: Mapping[str, Mapping[str, Any]]
) -> str:
    """The page's source. ``arms`` hold the cases in their order; the first one is what the others are compared with."""
    first = next(iter(arms.values()))
    articles = [
        _article(case, {name: scored[at] for name, scored in arms.items()}, first[at]) for at, case in enumerate(cases)
    ]
    return Template(FRAME.read_text(encoding="utf-8")).substitute(
        title=escape(title),
        tables="\n".join(_table(each.titles, each.rows) for each in tables(numbers)),
        explanation=escape(explanation(numbers)),
        arms="".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in arms),
        first=escape(next(iter(arms))),
        n=len(articles),
        articles="\n".join(articles),
    )


def states(scored: Scored, first: Scored) -> tuple[str, ...]:
    """By what an arm's answer is found: ``right`` or ``wrong``, and ``lost`` or ``won`` against the first arm."""
    if scored.exact:
        return ("right",) if first.exact else ("right", "won")
    return ("wrong", "lost") if first.exact else ("wrong",)


def reason(case: Case, scored: Scored) -> str:
    """Why an answer is not the right one, in a sentence; empty for one that is."""
    if scored.exact:
        return ""
    by = f" Changed by: {', '.join(scored.fill.filters)}." if scored.fill.filters else ""
    if not scored.shown:
        return f"Nothing shown: {scored.fill.skip or 'the model has nothing to add'}.{by}"
    wanted, text = case.middle.strip(), scored.fill.text.strip()
    at = _n_common(wanted, text)
    there, here = (repr(each[at : at + AROUND_DIFFERENCE]) if each[at:] else "the end" for each in (wanted, text))
    return f"Differs at character {at + 1}: {there} belongs there, {here} was written.{by}"


def _article(case: Case, answers: Mapping[str, Scored], first: Scored) -> str:
    found = " ".join(f"{name}:{state}" for name, scored in answers.items() for state in states(scored, first))
    before = "".join(case.prefix.splitlines(keepends=True)[-LINES_BEFORE:])
    after = "".join(case.suffix.splitlines(keepends=True)[:LINES_AFTER])
    about = " · ".join(filter(None, (case.kind, case.language, case.repository, case.path)))
    answers_shown = "\n".join(_answer(name, case, scored, first) for name, scored in answers.items())
    return (
        f'<article data-states="{escape(found)}"><h2>{escape(case.id)} <small>{escape(about)}</small></h2>\n'
        f"<pre>\n{escape(before)}<mark>{escape(case.middle)}</mark>{escape(after)}</pre>\n{answers_shown}</article>"
    )


def _answer(name: str, case: Case, scored: Scored, first: Scored) -> str:
    badges = "".join(f' <b class="{state}">{state}</b>' for state in states(scored, first))
    fill = scored.fill
    text, at = fill.text, _n_common(case.middle.strip(), fill.text.strip())
    same = len(text) - len(text.lstrip()) + at
    parts = [
        f'<section data-arm="{escape(name)}"><h3>{escape(name)}{badges} <small>{fill.ms:.0f} ms, '
        f"{100 * scored.edit_similarity:.0f} % alike</small></h3>"
    ]
    if text:
        rest = f"<i>{escape(text[same:])}</i>" if text[same:] and not scored.exact else escape(text[same:])
        parts.append(f"<pre>\n{escape(text[:same])}{rest}</pre>")
    if why := reason(case, scored):
        parts.append(f"<p>{escape(why)}</p>")
    if fill.snippets:
        paths = ", ".join(f"<code>{escape(path)}</code>" for path in fill.snippets)
        parts.append(f"<p>Shown to the model: {paths}</p>")
    if fill.prompt:
        parts.append(f"<details><summary>prompt</summary><pre>\n{escape(fill.prompt)}</pre></details>")
    return "\n".join([*parts, "</section>"])


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _n_common(a: str, b: str) -> int:
    """How many characters two texts have in common at their beginnings."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))
