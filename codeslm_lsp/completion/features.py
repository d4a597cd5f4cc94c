"""A completion and how it came about → the figures by which its chance of being right can be told. Judges nothing."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from codeslm_lsp.completion.absent import absent_names
from codeslm_lsp.completion.grounding import Grounding
from codeslm_lsp.context.near import IDENTIFIER
from codeslm_lsp.syntax.lexical import is_word
from codeslm_lsp.syntax.parses import tree_error_count
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Document, Evidence, Features, StopReason, Token

MAX_AROUND_CHARS = 15_000
"""Names are looked for so far before and behind the cursor, at every answer."""

MAX_PARSED_CHARS = 20_000
"""Larger files are not parsed with the completion in them: that takes 1 to 2 ms for these, 5 ms for twice as much."""

IMPOSSIBLE = -100.0
"""The logarithm of a probability that no token has; of what was not generated. JSON has no infinity."""

_LINE = re.compile(r"[^\r\n]+")

_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|#[^\n]*|//[^\n]*")
_BOUND = re.compile(
    r"([^\W\d]\w*)\s*(?::[^=\n]*)?=(?!=)"
    r"|\b(?:for|as|def|class|let|const|var|fn|func|function|lambda|import|struct|enum|interface|type)\s+([^\W\d]\w*)"
)

Knows = Callable[[str], bool]
"""Whether a name stands anywhere in the workspace."""


def evidence_of(
    shown: str,
    tokens: Sequence[Token],
    stop: StopReason,
    document: Document,
    cursor: int,
    tree: SyntaxTree | None,
    knows: Knows,
    grounding: Grounding | None = None,
) -> Evidence:
    """What speaks for ``shown``, inserted at ``cursor`` of ``document``; ``tokens`` are what was generated for it."""

    def knows_too(name: str) -> bool:
        return knows(name) or (grounding is not None and grounding.knows(name))

    absent = absent_names(shown, grounding, is_whole=stop is StopReason.END) if grounding is not None else ()
    return Evidence(
        tokens=tuple(_tokens_of(shown, tokens)),
        unknown_names=unknown_names(shown, document, cursor, tree, knows_too),
        absent_names=absent,
        parse_gain=_parse_gain(shown, document, cursor, tree),
        ended=stop is StopReason.END or _is_whole_line(shown, tokens),
    )


def features_by_line(shown: str, evidence: Evidence) -> tuple[Features, ...]:
    """The figures of the first line of ``shown`` that says anything, of it with the next, and so on to all of it."""
    ends = _line_ends(shown)
    return tuple(
        _features(shown[:end], evidence, n_lines, is_all=end == ends[-1]) for n_lines, end in enumerate(ends, start=1)
    )


def end_of_lines(shown: str, n_lines: int) -> int:
    """Where the first ``n_lines`` of ``features_by_line`` end."""
    return _line_ends(shown)[n_lines - 1]


def _line_ends(shown: str) -> list[int]:
    """The end of every line with anything in it, without its line end; the last one is that of all of ``shown``."""
    found = [line.end() for line in _LINE.finditer(shown) if line.group().strip()]
    return [*found[:-1], len(shown)]


def rest_of(evidence: Evidence, n_typed: int) -> Evidence:
    """What speaks for the rest of a completion whose first ``n_typed`` characters were written by the user as well.

    A token that was only begun counts whole: what the user has confirmed of it is not known.
    """
    tokens, n_left = list(evidence.tokens), n_typed
    while tokens and n_left >= len(tokens[0].text):
        n_left -= len(tokens.pop(0).text)
    if tokens and n_left:
        tokens[0] = replace(tokens[0], text=tokens[0].text[n_left:])
    absent = tuple(replace(each, end=each.end - n_typed) for each in evidence.absent_names if each.end > n_typed)
    return replace(evidence, tokens=tuple(tokens), absent_names=absent)


def _is_whole_line(shown: str, tokens: Sequence[Token]) -> bool:
    """Whether the model went on in another line: what is shown is all of its lines, though time was over."""
    generated = "".join(token.text for token in tokens)
    return generated.startswith(shown) and generated[len(shown) :].lstrip(" \t\r").startswith("\n")


def _features(shown: str, evidence: Evidence, n_lines: int, *, is_all: bool) -> Features:
    logprobs = [token.logprob for token in _tokens_of(shown, evidence.tokens)]
    return Features(
        sum_logprob=sum(logprobs) if logprobs else IMPOSSIBLE,
        mean_logprob=sum(logprobs) / len(logprobs) if logprobs else IMPOSSIBLE,
        min_logprob=min(logprobs, default=IMPOSSIBLE),
        first_logprob=logprobs[0] if logprobs else IMPOSSIBLE,
        n_tokens=len(logprobs),
        n_lines=n_lines,
        n_characters=len(shown.strip()),
        n_unknown_names=sum(bool(re.search(rf"\b{re.escape(name)}\b", shown)) for name in evidence.unknown_names),
        parse_gain=evidence.parse_gain if is_all else 0,
        ended=evidence.ended or not is_all,
        n_absent_names=sum(each.end <= len(shown) for each in evidence.absent_names),
    )


def _tokens_of(shown: str, tokens: Sequence[Token]) -> list[Token]:
    """The tokens that ``shown`` consists of."""
    length, found = 0, []
    for token in tokens:
        if length >= len(shown):
            break
        length += len(token.text)
        found.append(token)
    return found


def unknown_names(
    shown: str, document: Document, cursor: int, tree: SyntaxTree | None, knows: Knows
) -> tuple[str, ...]:
    """Names in ``shown`` that neither the file nor the workspace nor the language has, and that it does not bind."""
    code = _STRING.sub("", shown)
    around = document.text[max(0, cursor - MAX_AROUND_CHARS) : cursor + MAX_AROUND_CHARS]
    # The first and last name may be parts of names whose rest stands around the cursor.
    joined = _word_before(document.text, cursor) + code + _word_after(document.text, cursor)
    known = {name for pair in _BOUND.findall(joined) for name in pair if name}
    if tree is not None and tree.language.name == "python":
        known |= _python_names()
    names = (name for name in dict.fromkeys(IDENTIFIER.findall(joined)) if name not in known)
    return tuple(name for name in names if not _stands_in(name, around) and not knows(name))


def _stands_in(name: str, text: str) -> bool:
    """Whether ``name`` is one of the names of ``text``, and not only a part of one."""
    found = text.find(name)
    while found >= 0:
        end = found + len(name)
        if not is_word(text[found - 1 : found]) and not is_word(text[end : end + 1]):
            return True
        found = text.find(name, found + 1)
    return False


def _parse_gain(shown: str, document: Document, cursor: int, tree: SyntaxTree | None) -> int:
    """How many errors fewer the file's tree has with ``shown`` in it; 0 where that is not known."""
    if tree is None or tree.root is None or len(document.text) > MAX_PARSED_CHARS:
        return 0
    after = tree.updated(document.text[:cursor] + shown + document.text[cursor:])
    return tree_error_count(tree) - tree_error_count(after) if after.root is not None else 0


def _word_before(text: str, cursor: int) -> str:
    found = re.search(r"\w*$", text[max(0, cursor - 100) : cursor])
    return found.group() if found else ""


def _word_after(text: str, cursor: int) -> str:
    found = re.match(r"\w*", text[cursor : cursor + 100])
    return found.group() if found else ""


@cache
def _python_names() -> frozenset[str]:
    """Keywords, built-in names, and what the built-in types have; of the Python that runs this."""
    types = (str, bytes, int, float, list, dict, set, tuple, BaseException)
    members = {name for each in types for name in dir(each)}
    return frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *members, "self", "cls"})
