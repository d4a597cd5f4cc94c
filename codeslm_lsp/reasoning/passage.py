"""A document and a selection → the code that is meant, cut by its syntax, and an outline of what stands around it."""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.syntax.definitions import Definition, definitions
from codeslm_lsp.syntax.imports import import_ranges
from codeslm_lsp.syntax.languages import Language, language_of
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.syntax.tree import SyntaxTree, parse
from codeslm_lsp.values import Document, InputError

MAX_CHARACTERS = 6000
"""Of code in one question: some 2,000 tokens, which a 1.5B on two cores reads in 20 seconds."""

MAX_OUTLINE_CHARACTERS = 1500
"""Of what stands around it: imports and some twenty signatures."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Whole lines of a document, ``[start, end)`` in code points, and what is known of them.

    ``outline`` are the file's imports and other signatures.
    """

    document: Document
    language: Language | None
    tree: SyntaxTree | None
    start: int
    end: int
    outline: str

    @property
    def text(self) -> str:
        """Its source."""
        return self.document.text[self.start : self.end]

    @property
    def first_line(self) -> int:
        """Counted from 1."""
        return self.document.text.count("\n", 0, self.start) + 1

    @property
    def language_name(self) -> str:
        """As a Markdown fence wants it."""
        return self.language.name if self.language is not None else ""

    @property
    def is_python(self) -> bool:
        """Whether it is code that the checks for Python can read."""
        return self.language is not None and self.language.name == "python"


def passage_of(document: Document, start: int, end: int, *, most: int = MAX_CHARACTERS) -> Passage:
    """The selected lines; with nothing selected the definition around the cursor, or the whole of a short file.

    What is longer than ``most`` characters is cut: first to the innermost definition, then to lines around the cursor.
    Raises ``InputError`` where there is nothing.
    """
    if not document.text.strip():
        raise InputError(f"{document.path or 'The file'} is empty; there is nothing to ask about.")
    language = language_of(document.language_id, document.path)
    tree = parse(document.text, language) if language is not None else None
    known = definitions(tree) if tree is not None else ()
    # What is on one line is asked about with what stands around it.
    blocks = [each for each in known if "\n" in document.text[each.start : each.end]]
    around = [each for each in blocks if each.start <= start and end <= _through_line(document.text, each.end)]
    fitting = [each for each in around if each.end - each.start <= most]
    if end > start and document.text[start:end].strip():
        low, high = _whole_lines(document.text, start, end)
    elif around:
        innermost = fitting[0] if fitting else around[-1]
        low, high = _whole_lines(document.text, innermost.start, innermost.end)
    elif len(document.text) <= most:
        low, high = 0, len(document.text)
    else:
        low, high = _lines_around(document.text, start, most)
    if high - low > most:
        low, high = _lines_around(document.text, max(low, start), most)
    return Passage(document, language, tree, low, high, _outline(tree, known, low, high))


def _outline(tree: SyntaxTree | None, known: tuple[Definition, ...], low: int, high: int) -> str:
    """Import lines and signatures outside of ``[low, high)``, as many as there is room for."""
    if tree is None:
        return ""
    text = tree.text
    lines = [text[start:end].strip() for start, end in import_ranges(tree) if not low <= start < high]
    lines += [each.signature for each in known if not low <= each.start < high]
    shown: list[str] = []
    n_left = MAX_OUTLINE_CHARACTERS
    for line in lines:
        n_left -= len(line) + 1
        if n_left < 0:
            break
        shown.append(line)
    return "\n".join(shown)


def _through_line(text: str, offset: int) -> int:
    return line_end(text, min(offset, len(text)))


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    last = end - 1 if end > start and text[end - 1 : end] == "\n" else end
    return line_start(text, start), min(len(text), line_end(text, last) + 1)


def _lines_around(text: str, offset: int, most: int) -> tuple[int, int]:
    """Whole lines with the cursor in their middle; part of one where it is longer than that."""
    low, high = max(0, offset - most // 2), min(len(text), offset + most // 2)
    whole_low, whole_high = line_end(text, low) + 1 if low else 0, line_start(text, high) if high < len(text) else high
    return (whole_low, whole_high) if whole_low <= offset <= whole_high and whole_low < whole_high else (low, high)
