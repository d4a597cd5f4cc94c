"""A name that is not defined → edits that would define it, the likeliest first. Nothing is asked of the model."""

from __future__ import annotations

import builtins
import difflib
import keyword
import re
import sys
from collections.abc import Iterator

from codeslm_lsp.reasoning.passage import Passage
from codeslm_lsp.syntax.imports import import_ranges, imports
from codeslm_lsp.syntax.lines import line_end, line_start
from codeslm_lsp.values import Edit
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.index import Index

_NAMED = re.compile(r"(?:undefined name|name|cannot find name|unresolved reference)\s+[`'\"]?(\w+)", re.IGNORECASE)

USUAL = {"np": "import numpy as np", "pd": "import pandas as pd", "plt": "import matplotlib.pyplot as plt"}
"""Abbreviations that everybody writes in the same way, in the projects' own documentation."""

FROM_STANDARD_LIBRARY = {
    name: module
    for module, names in {
        "collections": "Counter OrderedDict defaultdict deque namedtuple",
        "collections.abc": "AsyncIterator Awaitable Callable Iterable Iterator Mapping MutableMapping Sequence",
        "contextlib": "asynccontextmanager contextmanager suppress",
        "dataclasses": "asdict dataclass field",
        "datetime": "date timedelta timezone",
        "decimal": "Decimal",
        "enum": "Enum IntEnum StrEnum auto",
        "fractions": "Fraction",
        "functools": "cache cached_property lru_cache partial reduce wraps",
        "io": "BytesIO StringIO",
        "itertools": "chain combinations count cycle groupby islice pairwise permutations product zip_longest",
        "math": "ceil cos exp floor gcd hypot inf isclose log pi sin sqrt tan",
        "pathlib": "Path PurePath",
        "typing": "Any ClassVar Final Generic Literal NamedTuple Optional Protocol TypedDict TypeVar cast",
        "unittest.mock": "MagicMock Mock patch",
    }.items()
    for name in names.split()
}
"""Where names of Python's own library that programs use bare are imported from."""

MAX_USERS = 5
"""Files that are looked at for how they import a name."""

LOOKING_UP_S = 15.0
"""How long an installed package may take to be read the first time, by a process of low priority. The model takes
longer."""

_STANDARD = sys.stdlib_module_names

N_SIMILAR = 2
SIMILARITY = 0.75
"""Of ``difflib``: a letter that is missing, doubled or in the wrong place in a name of five."""


def undefined_name(message: str) -> str:
    """The name that a diagnostic calls undefined, or ``""``.

    >>> undefined_name("Undefined name `math`")
    'math'
    """
    if not any(words in message.lower() for words in ("undefined", "not defined", "cannot find", "unresolved")):
        return ""
    found = _NAMED.search(message)
    return found[1] if found else ""


def repairs(passage: Passage, name: str, offset: int, index: Index | None) -> Iterator[tuple[Edit, ...]]:
    """What may define ``name``, which stands behind ``offset``: imports, then names of the file that look like it."""
    document = passage.document
    if not name or not passage.is_python:
        return
    for statement in import_statements(name, document.path, index):
        yield (import_edit(passage, statement),)
    text = document.text
    match = re.compile(rf"\b{re.escape(name)}\b").search(text, line_start(text, offset))
    if match is None or match.start() > line_end(text, offset):
        return
    known = {word for word in re.findall(r"[^\W\d]\w+", text) if not keyword.iskeyword(word)} | set(dir(builtins))
    for similar in difflib.get_close_matches(name, known - {name}, N_SIMILAR, SIMILARITY):
        yield (Edit(document.uri, document.path, match.start(), match.end(), similar),)


def import_for(name: str, passage: Passage, index: Index | None) -> Edit | None:
    """The likeliest import that defines a name, from Python's library or the workspace."""
    statement = next(import_statements(name, passage.document.path, index), None)
    if statement is None:
        return None
    return import_edit(passage, statement)


def import_edit(passage: Passage, statement: str) -> Edit:
    """The statement among the file's imports."""
    place = place_for_import(passage)
    return Edit(passage.document.uri, passage.document.path, place, place, f"{statement}\n")


async def installed(name: str, passage: Passage, environment: Environment | None) -> list[str]:
    """Statements that import a name from an installed package which the file imports something else from.

    Tried are the modules it imports, their packages, and modules of these that are called like the name.
    """
    if environment is None or passage.tree is None:
        return []
    modules = [each.module for each in imports(passage.tree) if not each.module.startswith(".")]
    roots = [module.partition(".")[0] for module in modules]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    below = [f"{root}.{word}" for root in roots for word in (name.lower(), snake)]
    asked = [each for each in dict.fromkeys([*modules, *roots, *below]) if each.partition(".")[0] not in _STANDARD]
    await environment.answered(asked, LOOKING_UP_S)
    return [f"from {module} import {name}" for module in asked if name in (environment.members(module) or ())]


def import_statements(name: str, path: str, index: Index | None) -> Iterator[str]:
    """Statements that may define a name in the file ``path``, the likeliest first."""
    if name in sys.stdlib_module_names and not name.startswith("_"):
        yield f"import {name}"
    if name in USUAL:
        yield USUAL[name]
    if index is not None:
        for definition in index.definitions(name)[:3]:
            if definition.path != path and definition.path.endswith(".py") and not definition.symbol.parent:
                module = definition.path.removesuffix(".py").removesuffix("/__init__").removeprefix("src/")
                yield f"from {module.replace('/', '.')} import {name}"
        for path_of_user in index.users(name)[:MAX_USERS]:
            record = index.file(path_of_user)
            for each in record.imports if record is not None else ():
                if name in each.names and each.module and not each.module.startswith("."):
                    yield f"from {each.module} import {name}"
    if name in FROM_STANDARD_LIBRARY:
        yield f"from {FROM_STANDARD_LIBRARY[name]} import {name}"


def place_for_import(passage: Passage) -> int:
    """Behind the file's last import at its margin; else behind its opening comments and docstring."""
    text = passage.document.text
    ranges = import_ranges(passage.tree) if passage.tree is not None else ()
    at_margin = [end for start, end in ranges if text[start : start + 1].strip()]  # Not within a try or a function.
    if at_margin:
        return min(len(text), line_end(text, at_margin[-1] - 1) + 1)
    return _top(text)


def _top(text: str) -> int:
    """Where the first import of a Python file may stand: behind its opening comments and docstring."""
    match = re.match(r"(?:[ \t]*#[^\n]*\n)*(?:[ \t]*\n)*(?:[rRuU]?(\"\"\"|''').*?\1[ \t]*\n)?", text, re.S)
    return match.end() if match else 0
