"""Chunks of other files + the text around a hole → how alike each is to it. Pure; works for any language.

The measure is Jaccard's, of names weighted by how rare they are among the chunks and how near they stand to the hole:
what both have, as a share of what either has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from codeslm_lsp.context.chunks import Chunk, ChunkedFile
from codeslm_lsp.context.near import names_near

QUERY_LINES_BEFORE, QUERY_LINES_AFTER, QUERY_HALF_LINES = 12, 6, 6
"""What of the hole's surroundings is compared, and at which distance a name counts half as much. Of 6 / 3, 12 / 6 and
20 / 10 lines the widest found the least; halving at 3 or 6 lines was better than no halving, by some points."""

NEAR_LINES = 60
"""What a prompt shows around the cursor, about. A chunk that repeats it says nothing new."""

REPEATED_SHARE = 0.5
"""A chunk with more than this share of its lines near the cursor already is not shown."""

Rarity = Callable[[str], float]
"""A name's weight among all chunks; 0 for one that none of them holds."""


@dataclass(frozen=True, slots=True)
class ChunkSet:
    """Files that are compared together: how many chunks they have, and how many of these hold each name."""

    files: tuple[ChunkedFile, ...]
    n_chunks: int
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Scored:
    """A chunk and how alike it is to the hole, from 0 to 1 times its bonus."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class Query:
    """The hole as chunks are compared with it: its names with their weights, and the lines near it, stripped."""

    weights: Mapping[str, float]
    lines: frozenset[str]


def chunk_set(files: Iterable[ChunkedFile]) -> ChunkSet:
    """Count the names of several files: some milliseconds for twenty, so it is done once for the same ones."""
    files = tuple(files)
    counts: Counter[str] = Counter()
    for file in files:
        counts.update(file.counts)
    return ChunkSet(files, sum(len(file.chunks) for file in files), counts)


def query_at(text: str, cursor: int) -> Query:
    """What is around ``cursor``."""
    weights = names_near(text, cursor, QUERY_LINES_BEFORE, QUERY_LINES_AFTER, QUERY_HALF_LINES)
    before = text[:cursor].rsplit("\n", NEAR_LINES)[-NEAR_LINES:]
    after = text[cursor:].split("\n", NEAR_LINES)[:NEAR_LINES]
    here = before[-1] + after[0]
    return Query(weights, frozenset(filter(None, map(str.strip, (*before[:-1], here, *after[1:])))))


def rarity(sets: Sequence[ChunkSet]) -> Rarity:
    """How much each name tells: log((n + 1) / (k + ½)) for one that k of n chunks hold (K. Spärck Jones, 1972)."""
    n_chunks = sum(each.n_chunks for each in sets)
    counts = [each.counts for each in sets]

    @cache
    def of(name: str) -> float:
        n_with = sum([each.get(name, 0) for each in counts])
        return math.log((n_chunks + 1) / (n_with + 0.5)) if n_with else 0.0

    return of


def ranked(chunks: Iterable[Chunk], query: Query, rarity_of: Rarity, min_score: float) -> list[Scored]:
    """The chunks with at least ``min_score``, most alike first."""
    wanted = {name: weight * rarity_of(name) for name, weight in query.weights.items()}
    of_query = sum(wanted.values())
    found = []
    for chunk in chunks:
        common = chunk.names & wanted.keys()
        shared = sum(map(wanted.__getitem__, common))
        # All names of the chunk can only make it less alike: most are done with here.
        if shared <= 0 or chunk.bonus * shared < min_score * of_query:
            continue
        score = chunk.bonus * shared / (of_query + sum(map(rarity_of, chunk.names - common)))
        if score >= min_score:
            found.append(Scored(chunk, score))
    return sorted(found, key=lambda each: (-each.score, each.chunk.path, each.chunk.first_line))


def repeats_hole(text: str, query: Query) -> bool:
    """Whether more of these lines than ``REPEATED_SHARE`` stand near the hole already."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return sum(line in query.lines for line in lines) > REPEATED_SHARE * len(lines)
