"""Which prompts are taken up again: one is built at ``‸`` of the first text, and asked for at that of the second."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.completion.anchors import (
    LONG_LINE_STEP,
    MAX_DOCUMENTS,
    MAX_TYPED_CHARS,
    Anchors,
    anchored_at,
    new_anchor,
)
from codeslm_lsp.values import Cursor, Document, Prompt

MAX_LINES = 2


def parts(marked: str) -> tuple[str, Cursor]:
    before, _, after = marked.partition("‸")
    return before + after, Cursor(len(before))


def document(text: str, uri: str = "file:///a.py") -> Document:
    return Document(uri, "a.py", "python", 1, text)


def prompt(text: str, anchor: int, cursor: int, n_before: int = 10_000, n_after: int = 10_000) -> Prompt:
    """What a prompt keeps of the text: at most ``n_before`` and ``n_after`` characters of it."""
    before = text[max(0, anchor - n_before) : anchor]
    return Prompt((1, 2, 3), text[anchor:cursor], frozenset({9}), before, text[cursor:][:n_after])


def remember(anchors: Anchors, document: Document, anchor: int, prompt: Prompt) -> None:
    anchors.remember(document.uri, anchored_at(document, anchor, prompt))


def reused(built: str, asked: str, n_before: int = 10_000, n_after: int = 10_000) -> str | None:
    """The typed text of the prompt that is taken up, or None."""
    text, cursor = parts(built)
    anchor = new_anchor(text, cursor)
    anchors = Anchors(MAX_LINES)
    original = prompt(text, anchor, cursor, n_before, n_after)
    remember(anchors, document(text), anchor, original)
    text, cursor = parts(asked)
    found = anchors.reuse(document(text), cursor)
    if found is None:
        return None
    assert (found.token_ids, found.stop_ids) == (original.token_ids, original.stop_ids)
    assert (found.prefix_text, found.suffix_text) == (original.prefix_text, original.suffix_text)
    return found.typed


REUSED = {
    "the same place": ("a\n  re‸\nb\n", "a\n  re‸\nb\n", "  re"),
    "a key more": ("a\n  re‸\nb\n", "a\n  ret‸\nb\n", "  ret"),
    "a key less": ("a\n  re‸\nb\n", "a\n  r‸\nb\n", "  r"),
    "the line emptied": ("a\n  re‸\nb\n", "a\n‸\nb\n", ""),
    "other text on the line": ("a\n  re‸\nb\n", "a\nxyz = ‸\nb\n", "xyz = "),
    "a new line": ("a\n  re‸\nb\n", "a\n  return\n  ‸\nb\n", "  return\n  "),
    "as many new lines as are allowed": ("a\nx‸\nb\n", "a\nx\ny\nz‸\nb\n", "x\ny\nz"),
    "carriage returns": ("a\r\nx‸\r\nb\r\n", "a\r\nx\r\ny‸\r\nb\r\n", "x\r\ny"),
    "the first line of the file": ("im‸\nb\n", "import‸\nb\n", "import"),
    "the end of the file": ("a\nx‸", "a\nx = 1‸", "x = 1"),
    "an empty file": ("‸", "x‸", "x"),
    "characters of four bytes": ("a\n😀‸\n", "a\n😀é‸\n", "😀é"),
}

NOT_REUSED = {
    "text after the cursor changed": ("a\n  re‸\nb\n", "a\n  re‸\nc\n"),
    "the cursor went back on its line": ("a\n  re‸\nb\n", "a\n  r‸e\nb\n"),
    "the line before changed": ("a\n  re‸\nb\n", "x\n  re‸\nb\n"),
    "the line before is gone": ("a\nx‸\nb\n", "x‸\nb\n"),
    "more new lines than are allowed": ("a\nx‸\nb\n", "a\nx\ny\nz\n‸\nb\n"),
    "the cursor went above the anchor": ("a\nb\nx‸\nc\n", "a\nb‸\nc\n"),
    "text behind what was the end of the file": ("a\nx‸", "a\nx‸\nb\n"),
    "the end of the file is gone": ("a\nx‸\nb\n", "a\nx‸"),
    "a prompt of the first line, asked on another": ("x‸\n", "\n" * 5 + "x‸\n"),
}


@pytest.mark.parametrize(("built", "asked", "typed"), REUSED.values(), ids=REUSED.keys())
def test_the_prompt_is_taken_up(built: str, asked: str, typed: str) -> None:
    assert reused(built, asked) == typed


@pytest.mark.parametrize(("built", "asked"), NOT_REUSED.values(), ids=NOT_REUSED.keys())
def test_the_prompt_is_built_anew(built: str, asked: str) -> None:
    assert reused(built, asked) is None


def test_only_the_text_in_the_prompt_has_to_be_there() -> None:
    """A window of the file does not care for what lies outside of it."""
    assert reused("aaaa\nb\nx‸\nc\ndddd", "zz\nb\nxy‸\nc\ne", n_before=2, n_after=3) == "xy"
    assert reused("aaaa\nb\nx‸\nc\ndddd", "zz\nb\nxy‸\nc\ne", n_before=3, n_after=3) == "xy"
    assert reused("aaaa\nb\nx‸\nc\ndddd", "zz\nb\nxy‸\nc\ne", n_before=4, n_after=3) is None
    assert reused("aaaa\nb\nx‸\nc\ndddd", "zz\nb\nxy‸\nc\ne", n_before=3, n_after=4) is None


def test_a_prompt_that_begins_with_the_file_is_not_for_a_file_that_begins_otherwise() -> None:
    """An import that was added on top has to be seen."""
    assert reused("def f():\n  x‸\n", "import os\n\ndef f():\n  x‸\n") is None


def test_a_prompt_that_ends_with_the_file_is_not_for_a_file_that_goes_on() -> None:
    assert reused("a\nx‸\ny\n", "a\nx‸\ny\ndef z(): ...\n") is None


def test_typed_text_has_a_limit() -> None:
    assert reused("a\nx‸\n", f"a\n{'y' * MAX_TYPED_CHARS}‸\n") == "y" * MAX_TYPED_CHARS
    assert reused("a\nx‸\n", f"a\n{'y' * (MAX_TYPED_CHARS + 1)}‸\n") is None


def test_a_long_line_has_steps() -> None:
    line = "x" * (2 * LONG_LINE_STEP + 7)
    assert new_anchor(line, Cursor(len(line))) == 2 * LONG_LINE_STEP
    assert new_anchor("a\n" + line, Cursor(2 + LONG_LINE_STEP)) == 2 + LONG_LINE_STEP
    assert new_anchor("a\n" + line, Cursor(1 + LONG_LINE_STEP)) == 2
    assert reused(f"a\n{line}‸;\n", f"a\n{line}yz‸;\n") == "x" * 7 + "yz"
    assert reused(f"a\n{line}‸;\n", f"a\n{line[:-8]}‸;\n") is None


def test_a_long_line_keeps_its_step_on_the_lines_below() -> None:
    line = "x" * (LONG_LINE_STEP + 3)
    assert reused(f"a\n{line}‸\nb", f"a\n{line}\ny‸\nb") == "xxx\ny"


def test_documents_do_not_mix() -> None:
    anchors = Anchors(MAX_LINES)
    remember(anchors, document("a\nx"), 2, prompt("a\nx", 2, 3))
    assert anchors.reuse(document("a\nx", "file:///b.py"), Cursor(3)) is None


def test_the_two_newest_prompts_are_kept() -> None:
    anchors = Anchors(MAX_LINES)
    for number, first in enumerate("abc"):
        built = prompt(f"{first}\nx", 2, 3)
        remember(anchors, document(f"{first}\nx"), 2, replace(built, token_ids=(number,)))
    assert anchors.reuse(document("a\nx"), Cursor(3)) is None
    assert anchors.reuse(document("b\nx"), Cursor(3)) is not None
    assert anchors.reuse(document("c\nx"), Cursor(3)) is not None


def test_of_two_prompts_that_fit_the_newest_counts() -> None:
    anchors = Anchors(MAX_LINES)
    remember(anchors, document("a\nx\n"), 2, prompt("a\nx\n", 2, 3))
    remember(anchors, document("a\nx\ny\n"), 4, replace(prompt("a\nx\ny\n", 4, 5), token_ids=(7,)))
    found = anchors.reuse(document("a\nx\nyz\n"), Cursor(6))
    assert found is not None
    assert (found.token_ids, found.typed) == ((7,), "yz")


def outdated(built: str, asked: str, n_before: int = 10_000, n_after: int = 10_000) -> str | None:
    """The typed text of a prompt that is right around the cursor and does not fit exactly, or None."""
    text, cursor = parts(built)
    anchors = Anchors(MAX_LINES)
    anchor = new_anchor(text, cursor)
    remember(anchors, document(text), anchor, prompt(text, anchor, cursor, n_before, n_after))
    text, cursor = parts(asked)
    assert anchors.reuse(document(text), cursor) is None
    found = anchors.reuse_outdated(document(text), cursor)
    return found.typed if found is not None else None


ABOVE = "".join(f"line_{n} = {n}\n" for n in range(100))
BELOW = "".join(f"last_{n} = {n}\n" for n in range(50))

OUTDATED = {
    "a line on top": (f"{ABOVE}x = 1‸\n{BELOW}", f"import os\n{ABOVE}x = 12‸\n{BELOW}", "x = 12"),
    "a change far above": (f"{ABOVE}x‸\n{BELOW}", f"{ABOVE.replace('line_3 ', 'l3 ')}x‸\n{BELOW}", "x"),
    "a change far below": (f"{ABOVE}x‸\n{BELOW}", f"{ABOVE}xy‸\n{BELOW.replace('last_40', 'l40')}", "xy"),
    "brackets that the editor closed": (f"{ABOVE}f‸\n{BELOW}", f"{ABOVE}f(a[‸])\n{BELOW}", "f(a["),
    "brackets that were closed before": (f"{ABOVE}f(‸)\n{BELOW}", f"{ABOVE}f()‸\n{BELOW}", "f()"),
    "a line was added too": (f"{ABOVE}x‸\n{BELOW}", f"# note\n{ABOVE}x\ny‸\n{BELOW}", "x\ny"),
    "a change on the line above": (f"{ABOVE}x‸\n{BELOW}", f"{ABOVE[:-2]}8\nx‸\n{BELOW}", None),
    "a change on the line below": (f"{ABOVE}x‸\n{BELOW}", f"{ABOVE}x‸\n!{BELOW}", None),
    "code behind the cursor": (f"{ABOVE}x‸\n{BELOW}", f"{ABOVE}x‸ + 1\n{BELOW}", None),
    "another place": (f"{ABOVE}x‸\n{BELOW}", f"{ABOVE}x\n{BELOW}y‸\n", None),
    "the rest of the file is gone": (f"{ABOVE}x‸\n{BELOW}", f"{ABOVE}x‸", None),
}


@pytest.mark.parametrize(("built", "asked", "typed"), OUTDATED.values(), ids=OUTDATED.keys())
def test_a_prompt_that_is_right_around_the_cursor(built: str, asked: str, typed: str | None) -> None:
    assert outdated(built, asked) == typed


def test_a_closed_document_is_forgotten() -> None:
    anchors = Anchors(MAX_LINES)
    remember(anchors, document("a\nx"), 2, prompt("a\nx", 2, 3))
    anchors.forget("file:///a.py")
    anchors.forget("file:///never-seen.py")
    assert anchors.reuse(document("a\nx"), Cursor(3)) is None


def test_the_document_used_longest_ago_is_forgotten() -> None:
    anchors = Anchors(MAX_LINES)
    documents = [document("a\nx", f"file:///{number}.py") for number in range(MAX_DOCUMENTS + 1)]
    for each in documents[:-1]:
        remember(anchors, each, 2, prompt("a\nx", 2, 3))
    assert anchors.reuse(documents[0], Cursor(3)) is not None
    remember(anchors, documents[-1], 2, prompt("a\nx", 2, 3))
    known = [each for each in documents if anchors.reuse(each, Cursor(3)) is not None]
    assert known == [documents[0], *documents[2:]]


texts = st.text(st.sampled_from("ab\n\r😀"), max_size=12)


@given(texts, texts, texts, texts, st.integers(1, 6), st.integers(0, 6))
def test_what_is_taken_up_describes_the_document(
    before: str, after: str, new_before: str, new_after: str, n_before: int, n_after: int
) -> None:
    """Prefix, typed text and suffix of the prompt stand around the cursor without a gap, whatever was edited."""
    text, cursor = before + after, Cursor(len(before))
    anchor = new_anchor(text, cursor)
    anchors = Anchors(MAX_LINES)
    remember(anchors, document(text), anchor, prompt(text, anchor, cursor, n_before, n_after))
    found = anchors.reuse(document(new_before + new_after), Cursor(len(new_before)))
    if found is not None:
        assert new_before.endswith(found.prefix_text + found.typed)
        assert new_after.startswith(found.suffix_text)
        assert found.typed.count("\n") <= MAX_LINES
