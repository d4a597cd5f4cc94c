"""``prompts/fim.toml`` → the model families and their fill-in-the-middle formats. Knows nothing of any model file."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from codeslm_lsp.resources import read_text
from codeslm_lsp.values import InputError

_T = TypeVar("_T")

SENTINELS = ("prefix", "suffix", "middle", "file_separator", "repository_name")
"""The names that layouts and repository formats may use, each a field of ``Family``."""


@dataclass(frozen=True, slots=True)
class RepositoryPieces:
    """How a family shows other files: sentinel names, and texts with ``{repository}``, ``{path}`` and ``{text}``.

    ``header`` stands in front of all files, ``file`` once for each snippet, ``current`` before the file being edited.
    ``prefix`` is put before the prefix itself, and ``snippet_in_prefix``, once for each snippet, before that.
    """

    header: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    current: tuple[str, ...] = ()
    prefix: str = ""
    snippet_in_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """One table of ``prompts/fim.toml``, which says what each field means."""

    title: str
    names: tuple[str, ...]
    prefix: str
    suffix: str
    layouts: Mapping[str, tuple[str, ...]]
    note: str
    middle: str = ""
    file_separator: str = ""
    repository_name: str = ""
    stop: tuple[str, ...] = ()
    only_by_name: bool = False
    beginning_of_text: str = "metadata"
    space_before_prefix: bool = False
    repository: RepositoryPieces | None = None

    def pieces(self) -> dict[str, str]:
        """Its sentinels by name: ``{"prefix": "<fim_prefix>", …}``."""
        return {name: getattr(self, name) for name in SENTINELS if getattr(self, name)}


@dataclass(frozen=True, slots=True)
class Formats:
    """All families by their id, and what begins a line comment by language id."""

    families: Mapping[str, Family]
    comments: Mapping[str, str]


@cache
def load_formats() -> Formats:
    """The formats of this installation."""
    return parse_formats(read_text("prompts/fim.toml"))


def parse_formats(text: str) -> Formats:
    """Parse and check the contents of a ``fim.toml``.

    Raises ``InputError`` for an unknown or missing key, and for a sentinel that is used but not named.
    """
    table = tomllib.loads(text)
    if unknown := table.keys() - {"families", "comments"}:
        raise InputError(f"prompts/fim.toml has an unknown table {sorted(unknown)[0]!r}; remove it or fix its name.")
    families = {name: _family(name, entries) for name, entries in table.get("families", {}).items()}
    comments = {language: leader for leader, languages in table.get("comments", {}).items() for language in languages}
    return Formats(families, comments)


def _family(name: str, table: Mapping[str, Any]) -> Family:
    entries = dict(table)
    if "repository" in entries:
        entries["repository"] = build(RepositoryPieces, entries["repository"], f"families.{name}.repository")
    entries["layouts"] = {order: tuple(parts) for order, parts in entries.get("layouts", {}).items()}
    family = build(Family, entries, f"families.{name}")
    if not family.layouts or family.beginning_of_text not in ("always", "metadata"):
        raise InputError(f"prompts/fim.toml: families.{name} needs a layout, and beginning_of_text as described there.")
    repository = family.repository or RepositoryPieces()
    known = family.pieces()
    for part in (*sum(family.layouts.values(), ()), *repository.header, *repository.file, *repository.current):
        if part in SENTINELS and part not in known:
            raise InputError(f"prompts/fim.toml: families.{name} uses the sentinel '{part}' but does not name it.")
    return family


def build(kind: type[_T], table: Mapping[str, Any], where: str, file: str = "prompts/fim.toml") -> _T:
    """A frozen dataclass from a TOML table: lists become tuples, unknown and missing keys are ``InputError``."""
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    fields = dataclasses.fields(kind)  # type: ignore[arg-type]
    required = {item.name for item in fields if item.default is dataclasses.MISSING}
    if wrong := sorted((values.keys() - {item.name for item in fields}) | (required - values.keys())):
        raise InputError(f"{file}: the key '{wrong[0]}' of {where} is unknown or missing.")
    return kind(**values)
