"""The files around a file → those likeliest to matter for it, best first."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from codeslm_lsp.workspace.paths import Paths, folder_of, name_of, nearest, stem_of

MAX_NEIGHBOURS = 40
"""A prompt has room for a handful; the rest is for whoever ranks them by their text."""

_OF_TEST = re.compile(r"^[Tt]est[_-]?(?=.)|(?<=.)(?:[_.-](?:tests?|spec)|Tests?|Spec)$")
_TEST_FORMS = (
    "test_{}",
    "{}_test",
    "{}_tests",
    "{}Test",
    "{}Tests",
    "Test{}",
    "{}Spec",
    "{}_spec",
    "{}-test",
    "{}-spec",
)
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec", "specs"})
_HEADERS = frozenset({"h", "hh", "hpp", "hxx", "h++", "cuh"})
_HEADED = frozenset({"c", "cc", "cpp", "cxx", "c++", "cu", "m", "mm"})


class Relation(enum.StrEnum):
    """Why a file is a neighbour, in the order in which they count."""

    COUNTERPART = "counterpart"
    """Of the same name: a test and what it tests, a header and its source."""
    IMPORTED = "imported"
    IMPORTER = "importer"
    BESIDE = "beside"
    """In the same folder."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A file, and the strongest reason for which it is near."""

    path: str
    relation: Relation


def ranked(paths: Paths, path: str, imported: Iterable[str], importers: Iterable[str]) -> tuple[Neighbour, ...]:
    """Counterparts, what the file imports, what imports it, and what lies beside it; each file once.

    Imports keep their order; importers and counterparts that share more folders with the file come first.
    """
    found: dict[str, Relation] = {}
    groups = (
        (Relation.COUNTERPART, counterparts(paths, path)),
        (Relation.IMPORTED, imported),
        (Relation.IMPORTER, nearest(importers, path)),
        (Relation.BESIDE, paths.inside(folder_of(path))),
    )
    for relation, members in groups:
        for each in members:
            if each != path:
                found.setdefault(each, relation)
    return tuple(Neighbour(each, relation) for each, relation in found.items())[:MAX_NEIGHBOURS]


def counterparts(paths: Paths, path: str) -> list[str]:
    """``queue.py`` ↔ ``test_queue.py``, ``Queue.java`` ↔ ``QueueTest.java``, ``queue.h`` ↔ ``queue.c``."""
    plain, folder = _plain(path), name_of(folder_of(path))
    if not plain:
        return []
    subjects = {plain, f"{folder}_{plain}"}
    if "_" in plain:  # ``test_engine_load.py`` tests ``engine/load.py``.
        subjects.add(plain.partition("_")[2])
    stems = subjects.union(*({form.format(each) for form in _TEST_FORMS} for each in subjects))
    found = {each for stem in stems for each in paths.with_stem(stem) if each != path}
    return nearest((each for each in found if _is_pair(path, each)), path)


def is_test(path: str) -> bool:
    """Whether a file tests another one, by its name or by the folder it lies in."""
    return _name_without_ending(path) != _plain(path) or not _TEST_FOLDERS.isdisjoint(path.split("/")[:-1])


def _is_pair(one: str, other: str) -> bool:
    if is_test(one) != is_test(other):
        test, source = (one, other) if is_test(one) else (other, one)
        return _plain(test) in (_plain(source), f"{name_of(folder_of(source))}_{_plain(source)}")
    # A header and its source have one name and lie together, or one in ``include`` and one in ``src``.
    endings = {each.rpartition(".")[2] for each in (one, other)}
    return stem_of(one) == stem_of(other) and len(endings & _HEADERS) == 1 and bool(endings & _HEADED)


def _plain(path: str) -> str:
    return _OF_TEST.sub("", _name_without_ending(path))


def _name_without_ending(path: str) -> str:
    return name_of(path).rpartition(".")[0]
