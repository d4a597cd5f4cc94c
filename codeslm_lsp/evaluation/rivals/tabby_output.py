"""Tabby: where its server stops the model, and what its editors show of the answer.

The filters are those of ``clients/tabby-agent/src/codeCompletion/postprocess`` of TabbyML/tabby, in the order of its
``index.ts``. Not reproduced: ``formatIndentation``, which needs the editor's indentation, and tags (``<a>``) among the
pairs that ``calculateReplaceRange`` matches.
"""

from __future__ import annotations

import re
from functools import cache

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.levenshtein import distance
from codeslm_lsp.evaluation.rivals.rival import lines_of, through
from codeslm_lsp.syntax.languages import language_of

TOP_LEVEL_KEYWORDS = {
    "python": "def from class import",
    "rust": "fn trait impl enum pub extern static unsafe use",
    "java": "abstract public private class const exports extends implements static import interface module package var "
    "enum return",
    "javascript": "abstract async class const export function interface module package type var enum let",
    "go": "func interface struct package type import var const",
    "ruby": "begin class def end ensure include module require rescue self",
    "c": "const enum extern inline register static struct typedef union volatile",
    "cpp": "auto class const concept enum extern inline namespace register static struct template typedef union "
    "volatile",
    "csharp": "class struct enum interface abstract static extern namespace using var dynamic async",
}
"""A line that begins so ends the answer: ``crates/tabby-common/assets/languages.toml``."""

BLANK_LINES = ("\n\n", *(f"\n\n{' ' * n}" for n in range(2, 13, 2)), *("\n\n" + "\t" * n for n in range(1, 8)))
"""Always end it: ``DEFAULT`` of ``crates/tabby-common/src/languages.rs``."""

MIN_CHARACTERS = 4
"""``minCompletionChars`` of ``clients/tabby-agent/src/config/default.ts``."""

_REPETITIONS = (re.compile(r"(.{3,}?)\1{5,}$"), re.compile(r"(.{10,}?)\1{3,}$"))
_CLOSERS_ONLY = re.compile(r"([)\]}>\"'`]|(/>))*")
_PAIRS = {")": "(", "]": "[", "}": "{"}


@cache
def stop_words(language_id: str) -> tuple[str, ...]:
    """What ends an answer in a language (``get_stop_words`` of ``languages.rs``)."""
    language_id = "javascript" if language_id.startswith(("javascript", "typescript")) else language_id
    language = language_of(language_id, "")
    comment = (f"\n{language.line_comment}",) if language is not None and language.line_comment else ()
    return (*BLANK_LINES, *comment, *(f"\n{word}" for word in TOP_LEVEL_KEYWORDS.get(language_id, "").split()))


def shown(case: Case, text: str) -> tuple[str, tuple[str, ...]]:
    """What is offered, and the names of the filters that changed it."""
    return through(text, FILTERS, case)


def trim_multi_line_in_single_line_mode(case: Case, text: str) -> str:
    """In the middle of a line only one line is offered, and only where the answer repeats the rest of the line."""
    rest, first, lines = _rest(case), text.partition("\n")[0].rstrip(), lines_of(text)
    if _CLOSERS_ONLY.fullmatch(rest) or len(lines) < 2:
        return text
    return first.removesuffix(rest) if first.endswith(rest) else ""


def remove_line_ends_with_repetition(_case: Case, text: str) -> str:
    """The last line goes where it ends with the same few characters again and again."""
    lines = lines_of(text)
    while lines and not lines[-1].strip():
        lines.pop()
    if lines and any(each.search(lines[-1].rstrip("\n")) for each in _REPETITIONS):
        return "".join(lines[:-1]).rstrip()
    return text


def drop_duplicated(case: Case, text: str) -> str:
    """Nothing is offered whose first lines are nearly those that follow the cursor, three at most."""
    mine, below = _from_content(lines_of(text)), _from_content(lines_of(case.suffix))
    n_lines = min(3, len(mine), len(below))
    if not n_lines:
        return text
    one, other = "".join(mine[:n_lines]).strip(), "".join(below[:n_lines]).strip()
    return "" if distance(one, other) <= max(1, 0.05 * len(one), 0.05 * len(other)) else text


def trim_space(case: Case, text: str) -> str:
    """No space where one stands already."""
    typed, rest = case.prefix.rpartition("\n")[2], case.suffix.partition("\n")[0]
    if typed.strip() and typed[-1].isspace():
        text = text.lstrip()
    return text.rstrip() if not rest.strip() or rest[0].isspace() else text


def drop_minimum(_case: Case, text: str) -> str:
    """Fewer than four characters are not worth showing."""
    return text if len(text.strip()) >= MIN_CHARACTERS else ""


def remove_repetitive_blocks(_case: Case, text: str) -> str:
    """Three blocks in a row that are nearly the same, the last one, which may be cut off, not counted."""
    return _without_repetitions(text, re.split(r"\n\s*\n", text), "\n\n", enough=2)


def remove_repetitive_lines(_case: Case, text: str) -> str:
    """Six lines in a row that are nearly the same, the last one not counted."""
    return _without_repetitions(text, lines_of(text), "", enough=5)


def limit_scope(case: Case, text: str) -> str:
    """The answer ends where its indentation falls below that of what it belongs to (``limitScopeByIndentation``)."""
    lines = lines_of(text)
    typed = case.prefix.rpartition("\n")[2]
    seen = [typed + lines[0], *lines[1:]]  # As they will stand in the file.
    limit, closing_allowed = _scope(case, lines, seen)
    for at in range(1, len(lines)):
        if not lines[at].strip() or _indentation(lines[at]) >= limit:
            continue
        if _closes(seen, at) and _opens(seen, at):
            continue
        follows_blank = case.language == "python" and not lines[at - 1].strip()
        end = at + (closing_allowed and not follows_blank)
        return "".join(lines[:end]).rstrip() if end < len(lines) else text
    return text


def remove_duplicated_block_closing_line(case: Case, text: str) -> str:
    """Its last line goes where it closes a block as the next line of the file does."""
    lines = lines_of(text)
    seen = [case.prefix.rpartition("\n")[2] + lines[0], *lines[1:]]
    below = _from_content(lines_of(case.suffix)[1:])
    if len(lines) < 2 or not below or not _closes(seen, len(lines) - 1):
        return text
    repeats = lines[-1].startswith(below[0].rstrip()) or below[0].startswith(lines[-1].rstrip())
    return "".join(lines[:-1]).rstrip() if repeats else text


def calculate_replace_range(case: Case, text: str) -> str:
    """Closers that it has too many, and the rest of the line has as well, replace those.

    The file comes out as if they had not been offered, where the answer ends with them; nothing is changed elsewhere.
    """
    rest, unpaired = _rest(case).rstrip(), _unpaired(text)
    if not rest or not unpaired or not (rest.startswith(unpaired) or unpaired.startswith(rest)):
        return text
    return text.removesuffix(min(rest, unpaired, key=len))


FILTERS = (
    trim_multi_line_in_single_line_mode,
    remove_line_ends_with_repetition,
    drop_duplicated,
    trim_space,
    drop_minimum,
    remove_repetitive_blocks,
    remove_repetitive_lines,
    limit_scope,
    remove_duplicated_block_closing_line,
    drop_duplicated,
    trim_space,
    drop_minimum,
    calculate_replace_range,
)


def _scope(case: Case, lines: list[str], seen: list[str]) -> tuple[int, bool]:
    """The least indentation that goes on, and whether the line that closes the block may be added."""
    above = [line for line in lines_of(case.prefix) if line.strip()]
    content = [line for line in lines if line.strip()]
    if not above or not content:
        return 0, True
    before = _indentation(above[-1])
    goes_on = bool(lines[0].strip()) and bool(case.prefix.rpartition("\n")[2].strip())
    mine = _indentation(seen[0] if lines[0].strip() else content[0])
    limit = before + (goes_on or mine > before)
    closing_allowed = _opens(seen, 0) if goes_on else True
    below = _from_content(lines_of(case.suffix)[1:])
    return limit, closing_allowed and (not below or _indentation(below[0]) < limit)


def _without_repetitions(text: str, units: list[str], joint: str, enough: int) -> str:
    """``text`` with one of the units at its end that are nearly the same, where so many follow the first of them."""
    at, n_repeated = len(units) - 2, 0
    while at >= 1:
        before = at - 1
        while before >= 0 and not units[before].strip():
            before -= 1
        if not units[at].strip():
            at -= 1
            continue
        if before < 0:
            break
        one, other = units[at].strip(), units[before].strip()
        if distance(one, other) > max(0.1 * len(one), 0.1 * len(other)):
            break
        n_repeated += 1
        at = before
    return joint.join(units[: at + 1]).rstrip() if n_repeated >= enough else text


def _rest(case: Case) -> str:
    """The cursor's line behind the cursor."""
    return case.suffix.partition("\n")[0].rstrip()


def _from_content(lines: list[str]) -> list[str]:
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    return lines[first:]


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))


def _opens(lines: list[str], at: int) -> bool:
    """Whether the line opens a block: the next one is indented more."""
    return 0 <= at < len(lines) - 1 and _indentation(lines[at]) < _indentation(lines[at + 1])


def _closes(lines: list[str], at: int) -> bool:
    return 0 < at < len(lines) and _indentation(lines[at - 1]) > _indentation(lines[at])


def _unpaired(text: str) -> str:
    """The closers and quotes that nothing in ``text`` opens or closes, in their order."""
    stack: list[str] = []
    for character in text:
        if character in _PAIRS and stack and stack[-1] == _PAIRS[character]:
            stack.pop()
        elif character in "\"'`" and character in stack:
            del stack[stack.index(character) :]
        elif character in "()[]{}\"'`":
            stack.append(character)
    return "".join(character for character in stack if character not in "([{")
