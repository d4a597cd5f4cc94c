"""``prompts/chat.toml`` → the families of instruction-tuned models and how each writes a conversation."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from codeslm_lsp.prompt.families import build
from codeslm_lsp.resources import read_text
from codeslm_lsp.values import InputError

TEXT = "{text}"
"""Stands for what is said in a turn."""


@dataclass(frozen=True, slots=True)
class ChatFamily:
    """One table of ``prompts/chat.toml``, which says what each field means."""

    title: str
    marks: tuple[str, ...]
    user: tuple[str, ...]
    answer: tuple[str, ...]
    opening: tuple[str, ...]
    stop: tuple[str, ...]
    note: str
    names: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    beginning_of_text: str = "metadata"


@cache
def load_chat_families() -> Mapping[str, ChatFamily]:
    """The families of this installation by their id."""
    return parse_chat_families(read_text("prompts/chat.toml"))


def parse_chat_families(text: str) -> Mapping[str, ChatFamily]:
    """Parse and check the contents of a ``chat.toml``.

    Raises ``InputError`` for an unknown or missing key, and for a turn that does not say its text exactly once.
    """
    table = tomllib.loads(text)
    if unknown := table.keys() - {"families"}:
        raise InputError(f"prompts/chat.toml has an unknown table {min(unknown)!r}; remove it or fix its name.")
    return {name: _family(name, entries) for name, entries in table.get("families", {}).items()}


def _family(name: str, table: Mapping[str, Any]) -> ChatFamily:
    family = build(ChatFamily, table, f"families.{name}", "prompts/chat.toml")
    turns = {"user": family.user, "answer": family.answer} | ({"system": family.system} if family.system else {})
    for turn, parts in turns.items():
        if sum(part.count(TEXT) for part in parts) != 1:
            raise InputError(f"prompts/chat.toml: families.{name}.{turn} must have {TEXT} exactly once.")
    if family.beginning_of_text not in ("always", "metadata"):
        raise InputError(f"prompts/chat.toml: families.{name}.beginning_of_text must be 'always' or 'metadata'.")
    return family
