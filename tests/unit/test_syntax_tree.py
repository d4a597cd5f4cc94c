"""Trees: incremental parsing, and text that is no source at all."""

from __future__ import annotations

import gc
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from codeslm_lsp.syntax.definitions import definitions
from codeslm_lsp.syntax.extent import wanted_extent
from codeslm_lsp.syntax.imports import import_ranges, imports
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.parses import tree_error_count
from codeslm_lsp.syntax.position import kind_at
from codeslm_lsp.syntax.references import references
from codeslm_lsp.syntax.scopes import enclosing_scopes
from codeslm_lsp.syntax.source import source_of
from codeslm_lsp.syntax.tree import MAX_CODE_POINTS, MAX_GIVEN_UP, SyntaxTree, parse

PIECES = [
    "def f(x):\n",
    "    return x\n",
    "x = 'ü'\n",
    "    if x:\n",
    "        y = '€uro 😀'\n",
    "\n",
    "class A:\n",
    "# ß\n",
]
JS_PIECES = ["function f(x) {\n", "  return `ü${x}`;\n", "}\n", "const y = '😀';\n", "if (x) {\n", "\n", "// ß\n"]


def _shape(tree: SyntaxTree) -> str:
    """Types and positions of all nodes."""
    assert tree.root is not None
    lines, waiting = [], [tree.root]
    while waiting:
        node = waiting.pop()
        lines.append(f"{node.type} {node.byte_range} {node.is_missing} {node.start_point} {node.end_point}")
        waiting.extend(node.children)
    return "\n".join(lines)


def _check_update(name: str, old: str, new: str) -> None:
    language = languages()[name]
    before = parse(old, language)
    shape = _shape(before)
    updated, cold = before.updated(new), parse(new, language)
    # With errors, tree-sitter may recover differently when it can reuse nodes; both trees are then valid guesses.
    if cold.root is not None and not cold.root.has_error:
        assert _shape(updated) == _shape(cold)
    if updated.finished is None:
        assert updated.source == cold.source
    else:
        assert cold.root is not None
        assert cold.root.has_error
    assert _shape(before) == shape


def _texts(pieces: list[str]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(pieces), max_size=12).map("".join)


@settings(deadline=None, max_examples=150)
@given(_texts(PIECES), _texts(PIECES))
@example("x = 'é'\n", "x = 'è'\n")
@example("x = 'é'\n", "x = 'éé'\n")
@example("aa", "aaa")
def test_an_updated_python_tree_equals_a_cold_one(old: str, new: str) -> None:
    _check_update("python", old, new)


@settings(deadline=None, max_examples=100)
@given(_texts(JS_PIECES), _texts(JS_PIECES))
def test_an_updated_javascript_tree_equals_a_cold_one(old: str, new: str) -> None:
    _check_update("javascript", old, new)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_small_edit_of_any_length_of_text(data: st.DataObject) -> None:
    """Edits beyond the first chunk that is compared, at every kind of character."""
    text = "".join(f"value_{i} = 'ä€😀{i}'\n" for i in range(data.draw(st.integers(0, 400))))
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 8)))
    _check_update("python", text, text[:start] + data.draw(st.text(max_size=4)) + text[end:])


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(), max_size=3000), st.integers(0, 3000))
def test_offsets_round_trip(text: str, offset: int) -> None:
    source = source_of(text)
    offset = min(offset, len(text))
    assert source.to_byte(offset) == len(text[:offset].encode("utf-8", "replace"))
    assert source.to_offset(source.to_byte(offset)) == offset


@pytest.mark.parametrize("length", [1023, 1024, 1025, 2048, 5000])
def test_offsets_at_checkpoints(length: int) -> None:
    text = ("ä€😀a" * length)[:length]
    source = source_of(text)
    for offset in {0, 1, 1023, 1024, length - 1, length} & set(range(length + 1)):
        assert source.to_byte(offset) == len(text[:offset].encode())
        assert source.to_offset(source.to_byte(offset)) == offset


NOT_SOURCE = {
    "empty": "",
    "NUL": "x = 1\0\0\ny = 2\0",
    "lone surrogates": "x = '\ud800'\n\udfff\n",
    "carriage returns": "def f():\r\n    return 1\r\n\r\nclass A {\r\n}\r\n",
    "old Mac": "a\rb\rc",
    "binary": "".join(map(chr, range(256))) * 4,
    "brackets": "([{" * 300 + ")}",
    "quotes": "\"'`" * 100,
    "blank": " \t\n" * 50,
    "byte order mark": "\ufeffimport os\n",
    "emoji": "😀" * 2000,
}


@pytest.mark.parametrize("name", languages())
@pytest.mark.parametrize("text", NOT_SOURCE.values(), ids=NOT_SOURCE.keys())
def test_anything_is_input(name: str, text: str) -> None:
    tree = parse(text, languages()[name])
    _ask_everything(tree)
    _ask_everything(tree.updated(text[: len(text) // 2]))
    _ask_everything(tree.updated(text + "\nx = (1"))


def test_too_long_a_text_has_no_nodes() -> None:
    tree = parse("x = 1\n" * (MAX_CODE_POINTS // 6 + 1), languages()["python"])
    assert tree.root is None
    _ask_everything(tree)
    short = tree.updated("x = 1\n")
    assert short.root is not None
    assert short.updated(tree.text).root is None


METHOD = """    def f{0}(self, x: int = 1) -> str:
        \"\"\"The word (or ``words``) of {0}; it isn't what follows.

        Raises ``KeyError``: see below.
        \"\"\"
        for y in range(x):
            if y > 3 and self.z["k"] == {{1: 2}}:
                raise KeyError("no")
        return f"ü{0}"

"""
BROKEN = "import os\n\n\nclass A:\n" + "".join(METHOD.format(i) for i in range(4000, 5000))


def _type(tree: SyntaxTree, at: int, keys: str) -> SyntaxTree:
    for n, key in enumerate(keys):
        tree = tree.updated(tree.text[: at + n] + key + tree.text[at + n :])
    return tree


def test_a_tree_is_given_up_while_a_string_is_open_and_finished_again_when_it_is_closed() -> None:
    before = parse(BROKEN, languages()["python"])
    at = BROKEN.index("        for", BROKEN.index("f4300"))
    opened = _type(before, at, '        """What')
    assert opened.root is None
    assert opened.finished is not None
    cursor = at + len('        """What')
    assert kind_at(opened, cursor) == "string"
    assert (kind_at(opened, at - 30), kind_at(opened, at + 4)) == ("string", "code")
    assert kind_at(opened, len(opened.text)) == kind_at(parse(BROKEN, before.language), len(BROKEN))
    assert [scope.name for scope in enclosing_scopes(opened, cursor)] == ["A", "f4300"]
    assert import_ranges(opened) == import_ranges(before)
    assert imports(opened) == imports(before)
    _ask_everything(opened)
    further = _type(opened, cursor, " it is")
    assert further.finished is opened.finished
    closed = _type(further, cursor + len(" it is"), '"""\n')
    assert closed.finished is None
    assert _shape(closed) == _shape(parse(closed.text, closed.language))


FUNCTION = """import os.path as path_{0}

LIMIT_{0} = {0}


def f{0}(x: int = 1) -> str:
    for y in range(x):
        if y > 3 and LIMITS["k"] == {{1: 2}}:
            raise KeyError("no")
    return f"ü{0}"


"""
SOUND = "".join(FUNCTION.format(i) for i in range(1000, 1800))


@pytest.mark.parametrize("end", ["", "\n\n  \n", "# The end"])
@pytest.mark.parametrize("place", ["f1001", "f1400", "f1798"])
def test_the_tree_of_a_sound_file_of_many_statements_is_never_given_up(place: str, end: str) -> None:
    """All that follows a change is taken over statement by statement, and put in order at the end."""
    text = SOUND + end
    tree = parse(text, languages()["python"])
    at = text.index("    return", text.index(place))
    typed = _type(tree, at, "    y = x\n")
    assert typed.finished is None
    assert _shape(typed) == _shape(parse(typed.text, typed.language))


def test_broken_text_is_parsed_to_its_end_once_much_of_it_has_changed() -> None:
    before = parse(BROKEN, languages()["python"])
    at = BROKEN.index("        for", BROKEN.index("f4300"))
    opened = _type(before, at, '        """What')
    assert opened.finished is not None
    elsewhere = opened.updated(opened.text[: at + 20 + MAX_GIVEN_UP] + "x" + opened.text[at + 20 + MAX_GIVEN_UP :])
    assert elsewhere.finished is None
    assert elsewhere.root is not None
    assert elsewhere.source == source_of(elsewhere.text)


def _ask_everything(tree: SyntaxTree) -> None:
    definitions(tree)
    imports(tree)
    references(tree)
    tree_error_count(tree)
    for start, end in import_ranges(tree):
        assert 0 <= start <= end <= len(tree.text)
    size = len(tree.text)
    for cursor in {0, size // 3, size // 2, size, size + 5}:
        kind_at(tree, cursor)
        wanted_extent(tree.text, cursor, tree)
        for scope in enclosing_scopes(tree, cursor):
            assert 0 <= scope.start == scope.header_start <= scope.header_end <= scope.end <= size


def test_a_key_costs_no_memory_for_ever() -> None:
    """The bindings keep every piece of text that they have read: over a day that was more than the model."""
    python = languages()["python"]
    text = "".join(f"value_{number} = compute({number})\n" for number in range(250))
    tree = parse(text, python)
    n_keys = 200
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(n_keys):
            tree = tree.updated(f"{text[:3000]}{'x' * number}{text[3000:]}")
        gc.collect()
        n_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert n_bytes < n_keys * len(text) / 4
