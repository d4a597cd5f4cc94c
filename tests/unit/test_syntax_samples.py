"""One realistic file per language in ``tests/data/syntax``; ``‸`` marks the cursors that are asked about."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from codeslm_lsp.syntax.definitions import definitions
from codeslm_lsp.syntax.imports import import_ranges, imports
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.parses import error_count
from codeslm_lsp.syntax.position import kind_at
from codeslm_lsp.syntax.references import references
from codeslm_lsp.syntax.scopes import enclosing_scopes
from codeslm_lsp.syntax.tree import SyntaxTree, parse

SAMPLES = Path(__file__).parents[1] / "data" / "syntax"


def _read(name: str) -> tuple[SyntaxTree, list[int], dict[str, list[str]]]:
    pieces = (SAMPLES / name / "sample.txt").read_text(encoding="utf-8").split("‸")
    cursors = [sum(map(len, pieces[: i + 1])) for i in range(len(pieces) - 1)]
    expected = tomllib.loads((SAMPLES / name / "expected.toml").read_text(encoding="utf-8"))
    return parse("".join(pieces), languages()[name]), cursors, expected


@pytest.mark.parametrize("name", languages())
def test_sample(name: str) -> None:
    tree, cursors, expected = _read(name)
    text = tree.text
    at_cursors = []
    headers: dict[str, None] = {}
    for cursor in cursors:
        scopes = enclosing_scopes(tree, cursor)
        at_cursors.append(f"{kind_at(tree, cursor)}: {' > '.join(f'{s.kind} {s.name}' for s in scopes)}".strip())
        headers.update((text[scope.header_start : scope.header_end], None) for scope in scopes)
    lines = [f"{text.count(chr(10), 0, a) + 1}-{text.count(chr(10), 0, b)}" for a, b in import_ranges(tree)]
    modules = [" → ".join(filter(None, (each.module, ", ".join(each.names)))) for each in imports(tree)]
    found = {
        "cursors": at_cursors,
        "headers": list(headers),
        "imports": modules,
        "import_lines": lines,
        "definitions": [f"{each.kind} {each.name}: {each.signature}" for each in definitions(tree)],
        "references": list(dict.fromkeys(f"{each.kind} {each.name}" for each in references(tree))),
    }
    assert found == expected


@pytest.mark.parametrize("name", languages())
def test_offsets_are_code_points(name: str) -> None:
    tree, _, _ = _read(name)
    for each in definitions(tree):
        assert tree.text[each.name_start :].lstrip("\"'").startswith(each.name)
        assert each.start <= each.name_start <= each.end
    for reference in references(tree):
        assert tree.text.startswith(reference.name, reference.start)


@pytest.mark.parametrize("name", languages())
def test_sample_has_no_errors(name: str) -> None:
    tree, _, _ = _read(name)
    assert error_count(tree.text, tree.language) == 0


@pytest.mark.parametrize(
    ("name", "text", "broken"),
    [
        ("python", "def f(:\n    pass\n", True),
        ("javascript", "function f() { return (1 + ; }\n", True),
        ("javascript", "function f() {\n", True),
        ("rust", "fn main() {}\n", False),
        ("json", '{"a": }', True),
    ],
)
def test_error_count(name: str, text: str, broken: bool) -> None:
    assert (error_count(text, languages()[name]) > 0) is broken


@pytest.mark.parametrize("name", languages())
def test_scopes_survive_typing_in_the_middle(name: str) -> None:
    """At every mark at a line's end, half a call is typed: functions and classes stay known."""
    tree, cursors, _ = _read(name)
    if not tree.language.block_header or name in ("json", "yaml", "toml", "html", "css", "markdown"):
        return
    for cursor in cursors:
        if kind_at(tree, cursor) != "code":
            continue
        line_end = tree.text.find("\n", cursor)
        if tree.text[cursor:line_end].strip() not in ("", ";", ")", ");"):
            continue
        text = tree.text[:cursor] + "(bar," + tree.text[line_end:]
        typed = tree.updated(text)
        before = [(s.kind, s.name) for s in enclosing_scopes(tree, cursor)]
        after = [(s.kind, s.name) for s in enclosing_scopes(typed, cursor + 5)]
        assert after == before, text[max(0, cursor - 60) : cursor + 5]
