"""A place on the command line → a document and a cursor, or one sentence that says what is wrong with it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.cli.files import MAX_BYTES, cursor_at, parse_place, place_of, read_document
from codeslm_lsp.values import Document, InputError


def document(text: str) -> Document:
    return Document("file:///a.py", "a.py", "", 0, text)


# --- The place ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("a.py:12:8", (Path("a.py"), 12, 8)),
        ("./src/a.py:1:1", (Path("src/a.py"), 1, 1)),
        ("C:\\a.py:3:4", (Path("C:\\a.py"), 3, 4)),
        ("a:1:2:3", (Path("a:1"), 2, 3)),
        ("with space.py:1:2", (Path("with space.py"), 1, 2)),
        ("日本.py:1:2", (Path("日本.py"), 1, 2)),
        ("new\nline.py:1:2", (Path("new\nline.py"), 1, 2)),
        ("a.py:0:0", (Path("a.py"), 0, 0)),
    ],
)
def test_places(place: str, expected: tuple[Path, int, int]) -> None:
    assert parse_place(place) == expected


@pytest.mark.parametrize(
    "place", ["", "a.py", "a.py:1", "a.py:1:", ":1:2", "a.py:-1:2", "a.py:1:x", "a.py:1:2 ", "a.py:1.5:2", "a.py:1:2\n"]
)
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(InputError, match="FILE:LINE:COLUMN"):
        parse_place(place)


def test_a_line_number_of_thousands_of_digits() -> None:
    """Python refuses to read such numbers."""
    with pytest.raises(InputError):
        parse_place(f"a.py:{'9' * 5000}:1")


# --- The file ----------------------------------------------------------------------------------------------------


def test_a_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "src" / "a é.py"
    file.parent.mkdir()
    file.write_text("x = 'é'\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    read = read_document(Path("src/a é.py"))
    assert read == Document(file.as_uri(), "src/a é.py", "", 0, "x = 'é'\n")


def test_a_file_outside_of_this_folder_shows_only_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "a.py").write_text("x")
    monkeypatch.chdir(tmp_path / "here")
    assert read_document(tmp_path / "a.py").path == "a.py"
    assert read_document(Path("../a.py")).path == "a.py"


@pytest.mark.parametrize(
    "text", ["", "\n", "a", "a\r\nb\r\n", "a\rb\r", "a\r\n\nb", "a\fb\u2028c\x85\n", "日本 😀\n", "x" * 8192 + "\0"]
)
def test_text_is_read_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.py").write_bytes(text.encode())
    assert read_document(tmp_path / "a.py").text == text


def test_a_byte_order_mark_is_no_character_of_the_text(tmp_path: Path) -> None:
    """Editors do not count it: the first letter is in column 1."""
    (tmp_path / "a.py").write_bytes(b"\xef\xbb\xbfimport os\n")
    read = read_document(tmp_path / "a.py")
    assert read.text[cursor_at(read, 1, 1) :] == "import os\n"


BAD_FILES = [
    (b"\0\1\2", "is a binary file"),
    (b"x = 1\n\0", "is a binary file"),
    ("text".encode("utf-16"), "is a binary file"),
    (b"a\nb\n\xff\n", r"is not UTF-8 \(line 3\)"),
    ("é".encode("latin-1"), r"is not UTF-8 \(line 1\)"),
    ("é".encode()[:1], r"is not UTF-8 \(line 1\)"),
    ("\ud800".encode("utf-8", "surrogatepass"), r"is not UTF-8 \(line 1\)"),
]


@pytest.mark.parametrize(("data", "words"), BAD_FILES)
def test_files_that_are_no_text(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.py").write_bytes(data)
    with pytest.raises(InputError, match=words):
        read_document(tmp_path / "a.py")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_document(tmp_path / "a.py")
    (tmp_path / "dangling.py").symlink_to(tmp_path / "a.py")
    with pytest.raises(InputError, match="does not exist"):
        read_document(tmp_path / "dangling.py")


def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    for path in (tmp_path, tmp_path / "pipe.py", Path("/dev/null")):
        with pytest.raises(InputError, match="is not a file"):
            read_document(path)


def test_paths_that_the_system_refuses(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    (tmp_path / "loop.py").symlink_to(tmp_path / "loop.py")
    for path in (tmp_path / ("x" * 300), tmp_path / "a.py" / "b.py", tmp_path / "loop.py"):
        with pytest.raises(InputError, match=r"cannot be read|does not exist"):
            read_document(path)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Said by the system itself where it can; nothing is closed to root, so for root its refusal is imitated."""
    (tmp_path / "a.py").write_text("x")
    (tmp_path / "a.py").chmod(0)
    if os.geteuid() == 0:

        def refuse(path: Path) -> bytes:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

        monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_document(tmp_path / "a.py")


def test_a_huge_file_is_not_even_opened(tmp_path: Path) -> None:
    with (tmp_path / "a.py").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(InputError, match="has 100 MB"):
        read_document(tmp_path / "a.py")


# --- The cursor --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "column", "before"),
    [
        ("", 1, 1, ""),
        ("abc", 1, 1, ""),
        ("abc", 1, 4, "abc"),
        ("abc\n", 1, 4, "abc"),
        ("abc\n", 2, 1, "abc\n"),
        ("a\r\nb\r\n", 1, 2, "a"),
        ("a\r\nb\r\n", 2, 2, "a\r\nb"),
        ("a\r\nb\r\n", 3, 1, "a\r\nb\r\n"),
        ("a\rb", 2, 1, "a\r"),
        ("a\n\r\nb", 3, 1, "a\n\r\n"),
        ("a\fb\u2028c\nd", 2, 1, "a\fb\u2028c\n"),
        ("😀é\n", 1, 2, "😀"),
    ],
)
def test_cursors(text: str, line: int, column: int, before: str) -> None:
    assert text[: cursor_at(document(text), line, column)] == before


@pytest.mark.parametrize(
    ("text", "line", "column", "sentence"),
    [
        ("a\nb", 0, 1, "Line 0 is outside the file: a.py has 2 lines."),
        ("a\nb", 3, 1, "Line 3 is outside the file: a.py has 2 lines."),
        ("a\nb\n", 4, 1, "Line 4 is outside the file: a.py has 3 lines."),
        ("abc\nb", 1, 0, "Column 0 is outside line 1 of a.py: it has columns 1 to 4."),
        ("abc\nb", 1, 5, "Column 5 is outside line 1 of a.py: it has columns 1 to 4."),
        ("abc\r\nb", 1, 5, "Column 5 is outside line 1 of a.py: it has columns 1 to 4."),
        ("", 1, 2, "Column 2 is outside line 1 of a.py: it has columns 1 to 1."),
        ("", 2, 1, "Line 2 is outside the file: a.py has 1 lines."),
    ],
)
def test_cursors_outside_the_file(text: str, line: int, column: int, sentence: str) -> None:
    with pytest.raises(InputError) as error:
        cursor_at(document(text), line, column)
    assert str(error.value) == sentence


@given(st.text(st.sampled_from("ab\n\r\f\u2028😀"), max_size=20), st.data())
def test_a_place_and_its_cursor_agree(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    if text[max(0, offset - 1) : offset + 1] == "\r\n":
        return  # No place stands inside of a line end.
    place = place_of(text, offset)
    assert json.dumps(place)
    assert cursor_at(document(text), place["line"] + 1, place["character"] + 1) == offset
