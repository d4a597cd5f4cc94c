"""Files read for their chunks, the documents on the desk, and where somebody works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from codeslm_lsp.context.chunks import MAX_FILE_CHARACTERS
from codeslm_lsp.context.desk import MAX_EDIT_LINES, RECENT_S, Desk, LineEdit, edited_regions
from codeslm_lsp.context.texts import MAX_FILES, PATIENCE_S, Texts
from codeslm_lsp.context.touched import CONTEXT_LINES, LATEST_BONUS, touched_chunks
from codeslm_lsp.values import Document

KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA" * 5 + "\n-----END RSA PRIVATE KEY-----\n"


class Clock:
    """Goes on only when it is told to, or by ``step_s`` each time it is looked at."""

    def __init__(self, step_s: float = 0.0) -> None:
        self.now_s = 1000.0
        self.step_s = step_s

    def __call__(self) -> float:
        self.now_s += self.step_s
        return self.now_s


def document(path: str, text: str, version: int = 1) -> Document:
    return Document(f"file:///p/{path}", path, "python", version, text)


def first_lines(texts: Texts, paths: list[str], *documents: Document) -> list[str]:
    found = texts.files(paths, {each.path: each for each in documents})
    return [file.chunks[0].text.split("\n")[0] for file in found.files]


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    texts = Texts(tmp_path, Clock())
    (tmp_path / "a.py").write_text("one = 1\n")
    [before] = texts.files(["a.py", "missing.py"], {}).files
    assert before is texts.files(["a.py"], {}).files[0]
    (tmp_path / "a.py").write_text("two = 2\n")
    os.utime(tmp_path / "a.py", (1, 1))
    assert first_lines(texts, ["a.py"]) == ["two = 2"]
    (tmp_path / "a.py").unlink()
    assert first_lines(texts, ["a.py"]) == []


def test_what_the_editor_has_wins_over_the_disk(tmp_path: Path) -> None:
    texts = Texts(tmp_path, Clock())
    (tmp_path / "a.py").write_text("saved = 1\n")
    assert first_lines(texts, ["a.py"], document("a.py", "typed = 1\n")) == ["typed = 1"]
    assert first_lines(texts, ["a.py"], document("a.py", "typed = 2\n")) == ["typed = 2"]
    assert first_lines(texts, ["a.py"]) == ["saved = 1"]


def test_secrets_are_never_read_nor_taken_from_the_editor(tmp_path: Path) -> None:
    texts = Texts(tmp_path, Clock())
    (tmp_path / ".env").write_text("password = 1\n")
    (tmp_path / "key.py").write_text(f'KEY = """{KEY}"""\n')
    (tmp_path / "a.py").write_text("fine = 1\n")
    assert first_lines(texts, [".env", "key.py", "a.py"]) == ["fine = 1"]
    assert first_lines(texts, ["a.py"], document("a.py", f'KEY = """{KEY}"""\n')) == []


def test_binary_and_endless_files_have_no_chunks(tmp_path: Path) -> None:
    (tmp_path / "binary.py").write_bytes(b"a = 1\n\0\n")
    (tmp_path / "long.py").write_text("a = 1\n" * (MAX_FILE_CHARACTERS // 6 + 1))
    assert first_lines(Texts(tmp_path, Clock()), ["binary.py", "long.py"]) == []


def test_reading_ends_in_time_and_goes_on_at_the_next_question(tmp_path: Path) -> None:
    paths = [f"{n}.py" for n in range(3)]
    for path in paths:
        (tmp_path / path).write_text(f"name_{path[0]} = 1\n")
    texts = Texts(tmp_path, Clock(step_s=PATIENCE_S * 0.75))
    assert [len(texts.files(paths, {}).files) for _ in range(4)] == [1, 2, 3, 3]


def test_not_all_files_are_kept(tmp_path: Path) -> None:
    texts = Texts(tmp_path, Clock())
    for n in range(MAX_FILES + 1):
        (tmp_path / f"{n}.py").write_text("a = 1\n")
    [first] = texts.files(["0.py"], {}).files
    texts.files([f"{n}.py" for n in range(1, MAX_FILES + 1)], {})
    assert texts.files(["0.py"], {}).files[0] is not first


def test_an_edit_is_shown_with_the_lines_around_it_and_counts_less_with_time(tmp_path: Path) -> None:
    clock = Clock()
    desk = Desk(clock)
    other = document("b.py", "\n".join(f"line_{n} = {n}" for n in range(100)))
    desk.opened(other)
    desk.changed(other, [LineEdit(50, 51, 52)])
    files = Texts(tmp_path, clock).files(["b.py"], desk.now().documents).files
    [chunk] = touched_chunks(edited_regions(desk.now()), files, desk.now().documents)
    assert (chunk.first_line, chunk.end_line) == (50 - CONTEXT_LINES, 52 + CONTEXT_LINES)
    assert chunk.bonus == LATEST_BONUS
    clock.now_s += RECENT_S / 2
    [later] = touched_chunks(edited_regions(desk.now()), files, desk.now().documents)
    assert later.bonus == pytest.approx((1 + LATEST_BONUS) / 2)
    clock.now_s += RECENT_S / 2 + 1
    assert desk.now().regions == ()


def test_where_a_closed_document_has_changed_nothing_is_known(tmp_path: Path) -> None:
    desk, clock = Desk(Clock()), Clock()
    text = "\n".join(f"line_{n} = {n}" for n in range(100))
    desk.changed(document("b.py", text), [LineEdit(50, 51, 52)])
    desk.closed("file:///p/b.py")
    assert desk.now().documents == {}
    (tmp_path / "b.py").write_text(text)
    [chunk] = touched_chunks(edited_regions(desk.now()), Texts(tmp_path, clock).files(["b.py"], {}).files, ())
    assert "line_50" in chunk.text
    (tmp_path / "b.py").write_text("\n" + text)
    assert touched_chunks(edited_regions(desk.now()), Texts(tmp_path, clock).files(["b.py"], {}).files, ()) == []


@pytest.mark.parametrize("edits", [None, [LineEdit(0, MAX_EDIT_LINES + 1, 3)], [LineEdit(0, 1, MAX_EDIT_LINES + 1)]])
def test_a_text_that_was_replaced_was_not_typed(edits: list[LineEdit] | None) -> None:
    desk = Desk(Clock())
    desk.changed(document("b.py", "a = 1\n" * 300), [LineEdit(2, 3, 3)])
    assert [region.path for region, _ in edited_regions(desk.now())] == ["b.py"]
    desk.changed(document("b.py", "b = 1\n" * 300), edits)
    assert edited_regions(desk.now()) == ()
    assert desk.now().documents["b.py"].text.startswith("b")
