"""The mirror against a reference that slices one string by the words of the specification."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pygls.workspace import PositionCodec

from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.values import Document

UTF8, UTF16, UTF32 = (
    types.PositionEncodingKind.Utf8,
    types.PositionEncodingKind.Utf16,
    types.PositionEncodingKind.Utf32,
)
ENCODINGS = [UTF8, UTF16, UTF32]

CHARACTERS = [*"ab \n\r\f\v\x1c\x1d\x1e\x85\u2028\u2029é漢字", "e\u0301", "\r\n", "\n\r", "😀", "\U0010ffff", "\ufeff"]
"""Line ends, what only looks like one, and characters of every length in every encoding."""
HALVES = ["\ud83d", "\ude00"]

texts = st.lists(st.sampled_from(CHARACTERS), max_size=12).map("".join)
wild_texts = st.lists(st.sampled_from(CHARACTERS + HALVES), max_size=12).map("".join)
positions = st.tuples(st.integers(0, 9), st.integers(0, 14)).map(lambda pair: types.Position(*pair))


@dataclass
class Edit:
    start: types.Position
    end: types.Position
    text: str


def edits_of(new: st.SearchStrategy[str]) -> st.SearchStrategy[list[Edit]]:
    return st.lists(st.builds(Edit, positions, positions, new), max_size=8)


def mirror(text: str, encoding: types.PositionEncodingKind = UTF16) -> MirroredDocument:
    return MirroredDocument("file:///a.py", text, 1, "python", position_codec=PositionCodec(encoding))


def change(document: MirroredDocument, start: tuple[int, int], end: tuple[int, int], text: str) -> None:
    span = types.Range(types.Position(*start), types.Position(*end))
    document.apply_change(types.TextDocumentContentChangePartial(span, text))


def reference_units(character: str, encoding: types.PositionEncodingKind) -> int:
    point = ord(character)
    if encoding == UTF8:
        return 1 if point < 0x80 else 2 if point < 0x800 else 3 if point < 0x10000 else 4
    return 2 if encoding == UTF16 and point > 0xFFFF else 1


def reference_offset(text: str, position: types.Position, encoding: types.PositionEncodingKind) -> int:
    """Walk over the line's characters, as the specification tells it."""
    ends = [*re.finditer(r"\r\n|\n|\r", text)]
    if position.line > len(ends):
        return len(text)
    offset = ends[position.line - 1].end() if position.line else 0
    line_end = ends[position.line].start() if position.line < len(ends) else len(text)
    left = position.character
    while offset < line_end and (left := left - reference_units(text[offset], encoding)) >= 0:
        offset += 1
    return offset


def reference_edit(text: str, edit: Edit, encoding: types.PositionEncodingKind) -> str:
    start, end = sorted(reference_offset(text, position, encoding) for position in (edit.start, edit.end))
    return joined(text[:start] + edit.text + text[end:])


def joined(text: str) -> str:
    """Two halves of a surrogate pair side by side are its character."""
    return re.sub("[\ud800-\udbff][\udc00-\udfff]", lambda pair: _character(pair[0]), text)


def _character(pair: str) -> str:
    return chr(0x10000 + ((ord(pair[0]) - 0xD800) << 10) + (ord(pair[1]) - 0xDC00))


def shown(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=texts, edits=edits_of(texts))
def test_the_mirror_equals_the_reference(encoding: types.PositionEncodingKind, text: str, edits: list[Edit]) -> None:
    document = mirror(text, encoding)
    for edit in edits:
        document.apply_change(types.TextDocumentContentChangePartial(types.Range(edit.start, edit.end), edit.text))
        text = reference_edit(text, edit, encoding)
        assert list(document.lines) == re.split(r"(?<=\n)|(?<=\r)(?!\n)", text)
    assert document.source == text


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=wild_texts, edits=edits_of(wild_texts))
def test_halves_of_characters_are_no_error(encoding: types.PositionEncodingKind, text: str, edits: list[Edit]) -> None:
    document, text = mirror(text, encoding), joined(text)
    for edit in edits:
        document.apply_change(types.TextDocumentContentChangePartial(types.Range(edit.start, edit.end), edit.text))
        text = reference_edit(text, edit, encoding)
        assert document.source == shown(text)
        document.source.encode()


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=wild_texts, position=positions)
def test_offsets_and_positions(encoding: types.PositionEncodingKind, text: str, position: types.Position) -> None:
    document, text = mirror(text, encoding), joined(text)
    offset = document.offset_at(position)
    assert offset == reference_offset(text, position, encoding)
    there = document.position_at(offset)
    assert document.offset_at(there) == offset
    assert document.is_inside(there)
    exact = (there.line, there.character) == (position.line, position.character)
    assert document.is_inside(position) or not exact


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=texts)
def test_every_offset_has_a_position(encoding: types.PositionEncodingKind, text: str) -> None:
    document = mirror(text, encoding)
    for offset in range(len(text) + 1):
        inside_line_end = text[offset - 1 : offset + 1] == "\r\n" if offset else False
        assert document.offset_at(document.position_at(offset)) == offset - inside_line_end
    assert document.position_at(-1) == types.Position(0, 0)
    assert document.position_at(len(text) + 5) == document.position_at(len(text))


@given(texts, texts)
def test_inherited_conversions_agree(first: str, second: str) -> None:
    document = mirror(first + second)
    start, end = document.position_at(len(first)), document.position_at(len(first + second))
    span = types.Range(start, end)
    assert document.range_to_client_units(document.range_from_client_units(span)) == span
    assert document.text_in_client_range(span) == document.source[document.offset_at(start) : document.offset_at(end)]
    assert document.client_position_at_offset(document.offset_at(start)) == start


@pytest.mark.parametrize(
    ("text", "start", "end", "new", "expected"),
    [
        ("a\rb", (1, 0), (1, 0), "\n", ["a\r\n", "b"]),  # A new "\n" meets the "\r" above it.
        ("a\rb\nc", (1, 0), (1, 1), "", ["a\r\n", "c"]),  # What stood between both is deleted.
        ("a\nb", (0, 1), (0, 1), "\r", ["a\r\n", "b"]),  # A new "\r" meets the "\n" behind it.
        ("a\r\nb", (0, 1), (0, 1), "x", ["ax\r\n", "b"]),
        ("a\r\nb", (0, 1), (1, 0), "", ["ab"]),
        ("a\r\nb", (0, 9), (0, 9), "!", ["a!\r\n", "b"]),  # Behind the line's end is its end.
        ("a\nb", (7, 3), (9, 0), "!", ["a\n", "b!"]),  # Behind the last line is the document's end.
        ("a\n", (1, 0), (1, 0), "b", ["a\n", "b"]),
        ("", (0, 0), (0, 0), "a\n", ["a\n", ""]),
        ("", (4, 4), (4, 4), "", [""]),
        ("abc", (0, 2), (0, 1), "X", ["aXc"]),  # The range's ends the wrong way around.
        ("a\fb\x85c\u2028d\ne", (1, 0), (1, 1), "f", ["a\fb\x85c\u2028d\n", "f"]),
        ("😀x", (0, 1), (0, 2), "", ["x"]),  # Inside a pair is before it.
    ],
)
def test_edits(text: str, start: tuple[int, int], end: tuple[int, int], new: str, expected: list[str]) -> None:
    document = mirror(text)
    change(document, start, end, new)
    assert list(document.lines) == expected
    assert document.text == document.source == "".join(expected)


def test_a_pair_may_arrive_in_halves() -> None:
    document = mirror("x")
    change(document, (0, 0), (0, 0), "\ud83d")
    assert document.source == "\ufffdx"
    change(document, (0, 1), (0, 1), "\ude00")
    assert document.source == "😀x"
    assert document.offset_at(types.Position(0, 2)) == 1


def test_the_whole_text_may_be_replaced() -> None:
    document = mirror("old")
    assert document.offset_at(types.Position(0, 3)) == 3
    document.apply_change(types.TextDocumentContentChangeWholeDocument("né\rw\n"))
    assert list(document.lines) == ["né\r", "w\n", ""]
    assert document.offset_at(types.Position(2, 0)) == 5


@pytest.mark.parametrize(
    ("line", "character", "inside"),
    [(0, 0, True), (0, 3, True), (0, 4, False), (1, 0, True), (1, 1, False), (2, 0, False)],
)
def test_positions_outside_are_told(line: int, character: int, inside: bool) -> None:
    assert mirror("x😀\r\n").is_inside(types.Position(line, character)) is inside


def test_a_snapshot_is_a_value() -> None:
    document = mirror("a\n")
    before = document.snapshot("a.py")
    change(document, (0, 0), (0, 1), "b")
    assert before == Document("file:///a.py", "a.py", "python", 1, "a\n")
    assert document.snapshot("a.py").text == "b\n"


def test_a_document_that_nobody_opened_is_empty() -> None:
    assert MirroredDocument("file:///etc/hostname").snapshot("hostname").text == ""
    assert MirroredDocument("file://[nonsense").uri == "file://[nonsense"
