"""What belongs to the prompt or to a conversation and not into the file: sentinels, fences, prose, headers of files."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

from codeslm_lsp.completion.postprocess.draft import (
    MAX_PREFIX_CHARS,
    Draft,
    cut,
    is_prose,
    last_line_of,
    rest_of,
    typed_of,
)
from codeslm_lsp.prompt.families import load_formats
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.lexical import scan
from codeslm_lsp.syntax.lines import indentation, lines_after

_PLAIN_TAG = re.compile(r"</?[A-Za-z]+>")
"""Sentinels spelled like ``<filename>`` and ``</s>``, which people write themselves."""

_REPLACEMENT = "\ufffd"

_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)

_PROSE = re.compile(
    r"^[ \t]*(?:#{1,6} +)?(?:\*\*)?(?P<said>"
    r"Here(?: is|'s| are) |"
    r"(?:This|The|In this|The above) (?:code|function|method|class|script|program|example|snippet|implementation)\b|"
    r"(?:Explanation|Output|Example usage|Usage|Note)(?:\*\*)?:(?: *$| +[A-Z])|"
    r"(?:Note|Please note) that |"
    r"I(?:'ve| have|'ll| will) |"
    r"You can |"
    r"(?:Sure|Certainly|Of course)[,!.] "
    r")",
    re.MULTILINE,
)
"""How language models begin to talk about the code they have written. Matched at the start of a line of code."""

_PATH_LINE = re.compile(
    r"^[ \t]*(?P<comment>(?:#|//|--|;|%) *)?(?:\+{5} )?(?P<path>[\w.@/\\-]+\.\w+)[ \t\r]*$", re.MULTILINE
)
"""How ``prompts/fim.toml`` has the path of a file written above its text: bare, behind ``+++++``, or in a comment."""

_FIRST_TWO_LINES = re.compile(r"\s*\S.*\n\s*\S.*")

_STUB_BODY = re.compile(r":[ \t]*\.\.\.[ \t\r]*$")

_LOOK_BELOW = 5
"""Lines below the cursor that may be blank before a body begins."""

_MIN_ECHO = 20
"""Characters that the first two lines of a file must have to be recognised when they are written again."""


def leaked_sentinel(draft: Draft) -> Draft:
    """A sentinel of any model family, written out as text. One that the document itself contains is ordinary text."""
    found = _sentinels().search(draft.text)
    while found is not None:
        piece = found.group()
        if piece not in draft.prefix and piece not in draft.suffix:
            return cut(draft, found.start())
        found = _sentinels().search(draft.text, found.end())
    return draft


def broken_character(draft: Draft) -> Draft:
    """U+FFFD, which stands for bytes that are no character: the model stopped inside of one, or lost its way."""
    at = draft.text.find(_REPLACEMENT)
    return draft if at < 0 or _REPLACEMENT in draft.prefix or _REPLACEMENT in draft.suffix else cut(draft, at)


def markdown_fence(draft: Draft) -> Draft:
    """The three backquotes around code in a conversation: the first line goes, and all from the last on."""
    if is_prose(draft.language):
        return draft
    for found in _FENCE.finditer(draft.text):
        if _is_code(draft, found.start(), found.start()):
            if draft.text[: found.start()].strip():
                return _cut_before(draft, found.start())
            _, newline, behind = draft.text[found.end() :].partition("\n")
            return replace(draft, text=behind if newline else "")
    return draft


def prose_after_code(draft: Draft) -> Draft:
    """Sentences about the code, outside of any comment: cut where they begin."""
    if is_prose(draft.language):
        return draft
    for found in _PROSE.finditer(draft.text):
        # Where "#" begins a comment, what stands behind it is one and no heading.
        if _is_code(draft, found.start(), found.start("said")):
            return _cut_before(draft, found.start())
    return draft


def header_of_another_file(draft: Draft) -> Draft:
    """A line that is nothing but a path, as a prompt shows the beginning of another file: cut there.

    In a comment the path must have a folder, for a comment may well be a file's name.
    """
    for found in _PATH_LINE.finditer(draft.text):
        is_header = "/" in found["path"] or not found["comment"]
        if is_header and language_of("", found["path"]) is not None and _is_code(draft, found.start(), found.start()):
            return _cut_before(draft, found.start())
    return draft


def beginning_of_the_file_again(draft: Draft) -> Draft:
    """The first two lines of the file: the model has begun to write it anew."""
    if len(draft.prefix) >= MAX_PREFIX_CHARS:
        return draft
    head = _FIRST_TWO_LINES.match(draft.prefix)
    if head is None or len(head.group()) < _MIN_ECHO or head.group() not in draft.text:
        return draft
    start = draft.text.index(head.group())
    return draft if draft.text[:start].rpartition("\n")[2] else _cut_before(draft, start)


def body_of_a_stub(draft: Draft) -> Draft:
    """``...`` behind a header whose body stands below: so the signatures of other files end, as a prompt shows them."""
    found = _STUB_BODY.search(draft.text)
    if found is None or draft.language is None or not draft.language.by_indentation or rest_of(draft):
        return draft
    below = next((line for _, line in lines_after(draft.suffix, 0, _LOOK_BELOW)), "")
    return cut(draft, found.start() + 1) if indentation(below) > indentation(last_line_of(draft)) else draft


def _is_code(draft: Draft, line_start: int, at: int) -> bool:
    """Whether ``at`` stands in code, on a line that begins at ``line_start`` and with nothing that is typed."""
    if line_start == 0 and typed_of(draft).strip():
        return False
    before = draft.before
    return scan(draft.text[:at], draft.language, before).inside == "code"


def _cut_before(draft: Draft, start: int) -> Draft:
    return cut(draft, len(draft.text[:start].rstrip()))


@cache
def _sentinels() -> re.Pattern[str]:
    """Every piece that ``prompts/fim.toml`` names and that nobody writes by chance. SentencePiece's mark is a space."""
    families = load_formats().families.values()
    pieces = {piece.lstrip("▁") for family in families for piece in (*family.pieces().values(), *family.stop)}
    unmistakable = sorted((piece for piece in pieces if not _PLAIN_TAG.fullmatch(piece)), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, unmistakable)))
