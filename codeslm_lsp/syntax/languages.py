"""An editor's language id or a file name → ``Language``. Languages are data: ``grammars/languages/registry.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from types import MappingProxyType

from codeslm_lsp.resources import read_text


@dataclass(frozen=True, slots=True)
class Language:
    """What is known about one language besides its queries; ``registry.toml`` says what each field means."""

    name: str
    grammar: str
    lsp_ids: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    line_comment: str | None = None
    block_comment: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    multiline_quotes: tuple[str, ...] = ()
    comment_nodes: tuple[str, ...] = ()
    string_nodes: tuple[str, ...] = ()
    code_nodes: tuple[str, ...] = ()
    by_indentation: bool = False
    block_header: str = ""
    closing_words: tuple[str, ...] = ()
    directive: str = ""
    filler: str = ""
    opening: str = ""
    prose: bool = False
    unbalanced: bool = False


def language_of(language_id: str, path: str) -> Language | None:
    """The language of a document: by its LSP id, else by its file name, else by its extension, else ``None``."""
    by_id, by_name, by_extension = _lookup()
    name = PurePosixPath(path.replace("\\", "/")).name
    return by_id.get(language_id.lower()) or by_name.get(name) or by_extension.get(PurePosixPath(name).suffix.lower())


@cache
def languages() -> Mapping[str, Language]:
    """Every language of the registry by name. An unknown key in the registry raises ``TypeError``."""
    tables = tomllib.loads(read_text("grammars/languages/registry.toml"))
    return MappingProxyType({name: _language(name, table) for name, table in tables.items()})


def _language(name: str, table: dict[str, object]) -> Language:
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return Language(name=name, **fields)  # type: ignore[arg-type]  # the registry's test checks the types


@cache
def _lookup() -> tuple[Mapping[str, Language], Mapping[str, Language], Mapping[str, Language]]:
    known = languages().values()
    return (
        {key: language for language in known for key in language.lsp_ids},
        {key: language for language in known for key in language.filenames},
        {key: language for language in known for key in language.extensions},
    )
