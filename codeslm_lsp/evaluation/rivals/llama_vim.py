"""llama.vim: what it shows of an answer of llama-server. The requests themselves are in ``evaluation/rival``."""

from __future__ import annotations

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.rivals.rival import through


def shown(case: Case, text: str) -> tuple[str, tuple[str, ...]]:
    """What is left of it, and the names of the rules that changed it (``s:fim_render`` of ``autoload/llama.vim``)."""
    return through(text, (trailing_blank_lines, repeats_what_follows), case)


def trailing_blank_lines(_case: Case, text: str) -> str:
    """Blank lines at the end are taken off."""
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return "\n".join(lines)


def repeats_what_follows(case: Case, text: str) -> str:
    """Nothing is shown where all of it stands below the cursor, or behind it on the line, already."""
    content = text.split("\n")
    rest, *below = case.suffix.split("\n")
    if len(content) > 1 and not content[0] and content[1:] == below[: len(content) - 1]:
        return ""
    if len(content) == 1 and content[0] == rest:
        return ""
    while len(below) > 1 and not below[0].strip():
        below.pop(0)
    line = case.prefix.rpartition("\n")[2] + content[0]
    if not below or line != below[0]:
        return text
    following = below[1:]
    is_repeated = (
        len(content) == 1
        or (len(content) == 2 and bool(following) and following[0].startswith(content[1]))
        or (len(content) > 2 and content[1:] == following[: len(content) - 1])
    )
    return "" if is_repeated else text
