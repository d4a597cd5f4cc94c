"""Code before and after → the smallest edits, by whole lines, that lead from one to the other."""

from __future__ import annotations

from difflib import SequenceMatcher, unified_diff

from codeslm_lsp.values import Document, Edit


def line_edits(document: Document, start: int, end: int, new: str) -> tuple[Edit, ...]:
    """What has to be replaced in ``[start, end)``, in the order of the document, so that ``new`` stands there."""
    old_lines, new_lines = document.text[start:end].splitlines(keepends=True), new.splitlines(keepends=True)
    offsets = [start]
    for line in old_lines:
        offsets.append(offsets[-1] + len(line))
    matcher = SequenceMatcher(a=old_lines, b=new_lines, autojunk=False)
    return tuple(
        Edit(document.uri, document.path, offsets[low], offsets[high], "".join(new_lines[new_low:new_high]))
        for kind, low, high, new_low, new_high in matcher.get_opcodes()
        if kind != "equal"
    )


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    """The text with edits that do not overlap."""
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def diff_of(document: Document, edits: tuple[Edit, ...], n_context: int = 2) -> str:
    """The edits as ``diff -u`` shows them, without the names of the files."""
    before, after = document.text.splitlines(keepends=True), applied(document.text, edits).splitlines(keepends=True)
    lines = [line if line.endswith("\n") else f"{line}\n" for line in unified_diff(before, after, n=n_context)]
    return "".join(lines[2:])
