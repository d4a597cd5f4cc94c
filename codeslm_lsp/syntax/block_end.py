"""Text that streams in at a cursor → where the block that is being written there is complete.

Shows input → output (``|`` is the cursor, ``¦`` the end that is found)::

    def double(x):|              →       return x * 2¦

                                     def triple(x):
"""

from __future__ import annotations

from dataclasses import dataclass

from codeslm_lsp.syntax.extent import is_header
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import is_word, scan_lines
from codeslm_lsp.syntax.lines import indentation, line_start, lines_after, lines_before

_LOOK_AROUND = 200
"""Lines of prefix and suffix that are looked at: this runs for every line that streams in."""

_TAIL = 20_000
"""Code points of the prefix that may hold those lines."""

_CLOSERS = ")]}"


@dataclass(frozen=True, slots=True)
class _Block:
    """The block being written: its lines are indented by ``base`` columns or more.

    ``first_line_belongs`` when the first generated line goes on with the line of the cursor.
    """

    base: int
    first_line_belongs: bool


def block_end(prefix: str, generated: str, suffix: str, language: Language | None) -> int | None:
    """The offset in ``generated`` behind the block's last character, or ``None`` while the block may go on.

    Only lines that have ended are judged; append a line end to ``generated`` to have the last one judged as well.
    One pass over ``generated``, and a bounded look at ``prefix`` and ``suffix``.
    """
    block = _block(prefix, generated, language)
    if block is None:
        return None
    end = 0
    n_blank = 0
    deeper = False
    for line in scan_lines(generated, language):
        if line.end == len(generated):
            return None
        text = generated[line.start : line.end]
        bare = text.strip()
        if line.start == 0 and block.first_line_belongs:
            end = len(text.rstrip())
            continue
        if line.depth or line.inside != "code":
            end, n_blank = line.start + len(text.rstrip()), 0
            deeper = True
            continue
        if not bare:
            n_blank += line.start > 0
            if n_blank >= 2 and block.base == 0 and end > 0:
                return end
            continue
        if language is not None and language.directive and bare.startswith(language.directive):
            end, n_blank = line.start + len(text.rstrip()), 0
            continue
        depth = indentation(text)
        if depth < block.base:
            return _end_with_closer(line.start, text, suffix, depth, end, language)
        # At the left edge a block is one definition: after its body, a blank line and a new start end it.
        if block.base == 0 and depth == 0 and deeper and n_blank and not _closes(bare, language):
            return end
        deeper = deeper or depth > block.base
        end, n_blank = line.start + len(text.rstrip()), 0
    return None


def _block(prefix: str, generated: str, language: Language | None) -> _Block | None:
    """The block at the cursor, or ``None`` when the text so far does not tell how deep it is."""
    prefix = prefix[-_TAIL:]
    typed = prefix[line_start(prefix, len(prefix)) :]
    if typed.strip():
        if is_header(typed, language):
            return _Block(indentation(typed) + 1, first_line_belongs=True)
        return _Block(indentation(typed), first_line_belongs=True)

    first, _, _ = generated.partition("\n")
    first_line_belongs = bool(first.strip())
    if first_line_belongs:
        base = indentation(typed + first)
    elif typed:
        base = indentation(typed)
    else:
        below = next((line for line in generated.split("\n") if line.strip()), None)
        if below is None:
            return None
        base = indentation(below)
    above = next((line for _, line in lines_before(prefix, len(prefix), _LOOK_AROUND)), "")
    if is_header(above, language):
        base = max(base, indentation(above) + 1)
    return _Block(base, first_line_belongs)


def _end_with_closer(start: int, text: str, suffix: str, depth: int, end: int, language: Language | None) -> int:
    """Where the block ends when ``text`` is the first line outside it: behind its closer, if that is missing below."""
    bare = text.strip()
    if not _closes(bare, language) or _suffix_closes(suffix, depth, language):
        return end
    at = start + len(text) - len(text.lstrip())
    return at + _closer_length(bare, language)


def _closes(bare: str, language: Language | None) -> bool:
    return bare[0] in _CLOSERS or _closing_word(bare, language) is not None


def _closing_word(bare: str, language: Language | None) -> str | None:
    for word in language.closing_words if language is not None else ():
        behind = bare[len(word) : len(word) + 1]
        if bare.startswith(word) and not (word[-1].isalnum() and is_word(behind)):
            return word
    return None


def _closer_length(bare: str, language: Language | None) -> int:
    """Length of the closer at the start of ``bare``, with the punctuation that belongs to it."""
    word = _closing_word(bare, language)
    if word == "</":
        return bare.find(">") + 1 or len(bare)
    length = len(word) if word is not None else 0
    while length < len(bare) and bare[length] in ")]};,":
        length += 1
    return length


def _suffix_closes(suffix: str, depth: int, language: Language | None) -> bool:
    """Whether the first line of the suffix that is not deeper than ``depth`` is the closer already."""
    rest, _, _ = suffix.partition("\n")
    if rest.strip() and _closes(rest.strip(), language):
        return True
    for _, line in lines_after(suffix, 0, _LOOK_AROUND):
        if indentation(line) <= depth:
            return indentation(line) == depth and _closes(line.strip(), language)
    return False
