"""What a rival is to an evaluation: a prompt for a hole, where its answer ends, and what is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.prompt.detect import FimFormat, Slot
from codeslm_lsp.prompt.families import load_formats
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.prompt.user_text import encode_user_texts

Parts = tuple[int | str, ...]
"""A prompt: ids of sentinels, and texts."""

Files = Mapping[str, str]
"""The other files of a case's repository, and its own: ``{path: text}``."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RivalPrompt:
    """What is asked. ``snippets`` are the paths of other files' code in it."""

    parts: Parts
    snippets: tuple[str, ...] = ()


class Rival(Protocol):
    """One assistant on one model and repository."""

    max_tokens: int

    async def prompt(self, case: Case) -> RivalPrompt | None:
        """What it asks at the hole; ``None`` where it would not ask."""

    def end(self, case: Case, text: str) -> int | None:
        """Where in the text generated so far it stops the model. Asked after every token."""

    def shown(self, case: Case, text: str) -> tuple[str, tuple[str, ...]]:
        """What it offers of what was generated, and the names of the rules that changed it."""


def in_fim(fim: FimFormat, prefix: str, suffix: str) -> Parts:
    """Prefix and suffix in the model's own order, between its sentinels."""
    texts = {Slot.PREFIX: prefix, Slot.SUFFIX: suffix}
    return tuple(part if isinstance(part, int) else texts[part] for part in fim.layout)


async def encoded(parts: Parts, fim: FimFormat, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The prompt's token ids. A sentinel's spelling in a text is ordinary text."""
    tokens = iter(await encode_user_texts(tokenizer, fim, [part for part in parts if isinstance(part, str)]))
    written = [token for part in parts for token in ([part] if isinstance(part, int) else next(tokens))]
    return (*fim.bos_ids, *written)


def spelled(parts: Parts, fim: FimFormat) -> str:
    """The prompt as a person reads it, its sentinels spelled as the family's vocabulary has them."""
    family = load_formats().families.get(fim.family)
    names: dict[int, str] = {}
    if family is not None:
        pieces = family.pieces()
        named: list[tuple[Sequence[str], Sequence[object]]] = [
            (family.layouts[order], fim.layouts[order]) for order in fim.layouts
        ]
        if family.repository is not None and fim.repository is not None:
            mine, its = family.repository, fim.repository
            named += [(mine.header, its.header), (mine.file, its.file)]
        for words, ids in named:
            names.update((each, pieces[word]) for word, each in zip(words, ids, strict=True) if isinstance(each, int))
    return "".join(part if isinstance(part, str) else names.get(part, f"<{part}>") for part in parts)


def through(text: str, rules: Sequence[Callable[[T, str], str]], about: T) -> tuple[str, tuple[str, ...]]:
    """The text behind rules that run in order, and the names of those that changed it."""
    changed = []
    for rule in rules:
        before, text = text, rule(about, text)
        if text != before:
            changed.append(rule.__name__)
    return text, tuple(dict.fromkeys(changed))


def lines_of(text: str) -> list[str]:
    """Its lines with their ends; the last one has none: ``"a\\n"`` → ``["a\\n", ""]``."""
    *whole, last = text.split("\n")
    return [*(line + "\n" for line in whole), last]
