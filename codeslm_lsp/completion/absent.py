"""A completion in a Python document → the names it takes from modules that have none such.

Only what is surely wrong is told: where anything else might be meant by a name, nothing is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from codeslm_lsp.completion.grounding import Grounding
from codeslm_lsp.syntax.imports import import_ranges
from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.values import AbsentName

MAX_CHARS = 200_000
"""In larger files it is not looked up what else a name may stand for: that takes a millisecond for each 20,000."""

GUARD_CHARS = 1000
"""So far around a name it is looked for what asks whether it exists."""

IMPORT_CHARS = 2000
"""An import in parentheses may have begun so far before the cursor."""

_TEXTS = re.compile(
    r"\"\"\"[\s\S]*?(?:\"\"\"|\Z)|'''[\s\S]*?(?:'''|\Z)"
    r"|\"(?:\\.|[^\"\\\n])*(?:\"|$)|'(?:\\.|[^'\\\n])*(?:'|$)|#[^\n]*",
    re.MULTILINE,
)
_CHAIN = re.compile(r"(?<![\w.])([^\W\d]\w*)((?:\.[^\W\d]\w*)+)")
_FROM = re.compile(r"^[ \t]*from[ \t]+([^\W\d][\w.]*)[ \t]+import[ \t]+(\([^()]*|[^\n;(]*)", re.MULTILINE)
_OPEN_FROM = re.compile(r"^[ \t]*from[ \t]+[\w.]+[ \t]+import[ \t]*\([^()]*\Z", re.MULTILINE)
_FROM_NAME = re.compile(r"(?<![\w.])([^\W\d]\w*)(?:\s+as\s+\w+)?\s*(?:[,)]|\Z)")
_NAME = re.compile(r"[^\W\d]\w*")
_WORD = re.compile(r"\w*")
_GUARDS = re.compile(r"\b(?:AttributeError|ImportError|ModuleNotFoundError|hasattr)\b")


def absent_names(shown: str, grounding: Grounding, *, is_whole: bool) -> tuple[AbsentName, ...]:
    """Attributes and imported names that ``shown``, at the cursor, writes or completes, in order.

    Where it is not ``is_whole`` its last name may go on.
    """
    text, cursor = grounding.document.text, grounding.cursor
    if not grounding.is_in_code:
        return ()
    start = _statement_start(text, cursor)
    after = _WORD.match(text, cursor)
    behind = after.group() if after is not None else ""
    n_before = cursor - start
    code = without_texts(text[start:cursor] + shown + behind)
    found = []
    for module, name, end in (*_attributes(code, grounding), *_imported(code, grounding)):
        n_written = min(end - n_before, len(shown))
        is_finished = is_whole or end < len(code)
        if n_written > 0 and is_finished and not _may_be_right(name, shown, grounding):
            found.append(AbsentName(module, name, n_written))
    return tuple(sorted(found, key=lambda each: each.end))


def without_texts(code: str) -> str:
    """The same code with blanks for strings and comments, so that nothing in it moves."""
    return _TEXTS.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), code)


def _statement_start(text: str, cursor: int) -> int:
    """The start of the cursor's line, or of the import in parentheses that it stands in."""
    start = max(0, cursor - IMPORT_CHARS)
    opened = _OPEN_FROM.search(text[start:cursor])
    return start + opened.start() if opened is not None else line_start(text, cursor)


def _attributes(code: str, grounding: Grounding) -> Iterator[tuple[str, str, int]]:
    """Module, name and the end of the first part of each ``a.b.c`` that the one before it does not have."""
    for chain in _CHAIN.finditer(code):
        meaning = grounding.meaning(chain.group(1))
        if meaning is None:
            continue
        for part in _NAME.finditer(code, chain.start(2), chain.end(2)):
            if grounding.lacks(meaning, part.group()):
                if _is_only_imported(chain.group(1), code, grounding):
                    yield meaning, part.group(), part.end()
                break
            meaning = f"{meaning}.{part.group()}"


def _imported(code: str, grounding: Grounding) -> Iterator[tuple[str, str, int]]:
    for statement in _FROM.finditer(code):
        for name in _FROM_NAME.finditer(code, statement.start(2), statement.end(2)):
            if grounding.lacks(statement.group(1), name.group(1)):
                yield statement.group(1), name.group(1), name.end(1)


def _is_only_imported(name: str, code: str, grounding: Grounding) -> bool:
    """Whether a name stands for its import alone: elsewhere it is followed by a dot, so that nothing else binds it."""
    document = grounding.document.text
    if len(document) > MAX_CHARS:
        return False
    lines = import_ranges(grounding.tree)
    bare = re.compile(rf"(?<![\w.]){re.escape(name)}\b(?!\s*\.)")
    elsewhere = (
        found.start()
        for found in bare.finditer(without_texts(document))
        if not any(start <= found.start() < end for start, end in lines)
    )
    return next(elsewhere, None) is None and bare.search(code) is None


def _may_be_right(name: str, shown: str, grounding: Grounding) -> bool:
    """Whether the document has such an attribute elsewhere, or is asked nearby whether there is one."""
    text, cursor = grounding.document.text, grounding.cursor
    around = text[max(0, cursor - GUARD_CHARS) : cursor] + shown + text[cursor : cursor + GUARD_CHARS]
    return re.search(rf"\.\s*{re.escape(name)}\b", text) is not None or _GUARDS.search(around) is not None
