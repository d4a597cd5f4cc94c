"""What is looked for only where the text has changed is what looking everywhere finds."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeslm_lsp.syntax.imports import Import, import_ranges, imports
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.tree import SyntaxTree, parse

SAMPLES = Path(__file__).parents[1] / "data" / "syntax"

IMPORTS = {
    "python": "from a import b\n",
    "javascript": 'const x = require("y")\n',
    "rust": "use a::{b, c};\n",
    "c": "#include <a.h>\n",
    "bash": "source a.sh\n",
    "php": "use A\\B;\n",
    "lua": 'local a = require("b")\n',
    "html": '<script src="a.js"></script>\n',
}


@cache
def sample(name: str) -> str:
    return (SAMPLES / name / "sample.txt").read_text(encoding="utf-8").replace("‸", "")


def asked_anew(tree: SyntaxTree) -> tuple[tuple[tuple[int, int], ...], tuple[Import, ...]]:
    """The same tree, asked as if nothing were known of it or of an earlier version."""
    if tree.finished is not None:
        asked_anew(tree.finished)
    tree.found.clear()
    tree.asked = None
    return import_ranges(tree), imports(tree)


def edits(name: str) -> st.SearchStrategy[tuple[int, int, str]]:
    """Where, how much is taken away, and what is put there: as a rule among the imports at the top."""
    pieces = ["", "\n", " ", "é😀", *"()[]{}\"'`;:,.#/*\\<>", '"""', "/*", "*/", IMPORTS.get(name, "import a\n")]
    place = st.one_of(st.integers(0, 300), st.integers(0, 5000))
    return st.tuples(place, st.sampled_from([0, 0, 1, 8, 60]), st.sampled_from(pieces))


@pytest.mark.parametrize("name", languages())
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_imports_after_edits_are_those_of_the_whole_tree(name: str, data: st.DataObject) -> None:
    text = sample(name)
    tree = parse(text, languages()[name])
    import_ranges(tree)
    for start, n_removed, new in data.draw(st.lists(edits(name), min_size=1, max_size=8)):
        start = min(start, len(text))
        text = text[:start] + new + text[start + n_removed :]
        tree = tree.updated(text)
        if data.draw(st.booleans()):  # Several edits may lie between two questions.
            quick = import_ranges(tree), imports(tree)
            assert quick == asked_anew(tree)


def test_only_one_earlier_version_is_kept_in_memory() -> None:
    tree = parse(sample("python"), languages()["python"])
    import_ranges(tree)
    second = tree.updated("x = 1\n" + tree.text)
    third = second.updated("y = 1\n" + second.text)
    kept = [third.asked]
    import_ranges(third)
    assert [*kept, third.asked] == [tree, None]
    assert third.updated("z = 1\n" + third.text).asked is third


def test_a_change_moves_the_imports_below_it() -> None:
    tree = parse("# é\nimport a\n\nimport b\n", languages()["python"])
    assert import_ranges(tree) == ((4, 13), (14, 23))
    longer = tree.updated("# éé\nimport a\n\nimport b\n")
    assert import_ranges(longer) == ((5, 14), (15, 24))
    assert [each.module for each in imports(longer)] == ["a", "b"]
    assert import_ranges(tree) == ((4, 13), (14, 23))


def test_what_stands_on_the_line_of_an_import_belongs_to_its_range() -> None:
    """Though the statement's own nodes are where they were."""
    tree = parse("import a\nx = 1\n", languages()["python"])
    assert import_ranges(tree) == ((0, 9),)
    assert import_ranges(tree.updated("import a; y = 2\nx = 1\n")) == ((0, 16),)
