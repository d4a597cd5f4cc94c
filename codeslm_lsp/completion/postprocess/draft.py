"""The value that filters hand to each other, and the questions that most of them ask of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.lexical import Scanned, scan
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.values import Extent, StopReason

MAX_PREFIX_CHARS = 20_000
MAX_SUFFIX_CHARS = 4_000
"""How much of the text around the cursor decides where a completion ends; it is looked at for every token."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A completion on its way to the user, with the text around it. Made by ``new_draft``.

    ``before`` is what the prefix leaves open.
    """

    text: str
    prefix: str
    suffix: str
    extent: Extent
    stop: StopReason
    language: Language | None
    before: Scanned


Filter = Callable[[Draft], Draft]


def new_draft(
    text: str, prefix: str, suffix: str, extent: Extent, stop: StopReason, language: Language | None
) -> Draft:
    """A draft whose prefix has been scanned, once for all filters: 20,000 code points take 2 ms."""
    return Draft(text, prefix, suffix, extent, stop, language, scan(prefix, language))


def cut(draft: Draft, end: int) -> Draft:
    """The draft up to ``end``. What was cut on purpose is whole: no budget ended it."""
    return draft if end >= len(draft.text) else replace(draft, text=draft.text[:end], stop=StopReason.END)


def typed_of(draft: Draft) -> str:
    """The cursor's line up to the cursor."""
    return draft.prefix[line_start(draft.prefix, len(draft.prefix)) :]


def last_line_of(draft: Draft) -> str:
    """The last line of the text, with what is typed before it if it is the cursor's."""
    return (typed_of(draft) + draft.text).rpartition("\n")[2]


def rest_of(draft: Draft) -> str:
    """The cursor's line behind the cursor, without white space at its end."""
    return draft.suffix[: line_end(draft.suffix, 0)].rstrip()


def was_cut_off(draft: Draft) -> bool:
    """Whether a budget ended it, and not the model."""
    return draft.stop in (StopReason.TIME_BUDGET, StopReason.MAX_TOKENS)


def pairs_up(language: Language | None) -> bool:
    """Whether brackets and quotes of this language come in pairs that can be counted."""
    return language is not None and not language.unbalanced and bool(language.quotes)


def is_prose(language: Language | None) -> bool:
    """Whether sentences may stand where code stands elsewhere; true of a language that is not known."""
    return language is None or language.prose
