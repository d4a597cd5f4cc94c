"""A hole in a document → everything of its folder that might be shown there, scored. Runs in a thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codeslm_lsp.context.called import called_near
from codeslm_lsp.context.choose_chunks import STAY_SCORE
from codeslm_lsp.context.chunks import Chunk, ChunkedFile, chunked, chunked_lines, spans
from codeslm_lsp.context.desk import OnDesk, edited_regions
from codeslm_lsp.context.near import counted_names, names_near, receiver_before, types_of
from codeslm_lsp.context.returned import returned_types
from codeslm_lsp.context.similar import NEAR_LINES, ChunkSet, Query, Rarity, Scored, chunk_set, query_at, ranked, rarity
from codeslm_lsp.context.stubs import Stub, stubs
from codeslm_lsp.context.texts import Texts
from codeslm_lsp.context.touched import touched_chunks
from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.values import Cursor, Document
from codeslm_lsp.workspace.index import Index

MAX_NEIGHBOURS = 20
"""The best by what they are to the file. Counterparts and imports come first and are rarely more."""

MAX_TOUCHED_FILES = 8

OWN_LINES = 1500
"""Above and below the cursor: as far as the open file's own lines are compared, which takes some milliseconds."""

CALLED_CHARACTERS = 2000
"""Above and below the cursor, in which calls are looked for: some forty lines."""

WINDOW_CHARACTERS_PER_TOKEN = 4
"""Code has about three: what is further away than this is rarely in the prompt's window."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Where something is to be written, and what was made out about it from the document alone.

    ``defined`` are the document's own definitions, ``renamed`` what it imports under another name, with the last part
    of its own. ``n_window`` tokens at most are shown of the document.
    """

    document: Document
    cursor: Cursor
    language: str
    imported: tuple[Import, ...]
    enclosing: tuple[str, ...]
    defined: frozenset[str]
    n_window: int
    renamed: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a hole, heaviest and most alike first; ``before`` is what was shown and still stands."""

    stubs: tuple[Stub, ...]
    chunks: tuple[Scored, ...]
    before: tuple[Scored, ...]
    query: Query
    rarity_of: Rarity


def find(index: Index, texts: Texts, desk: OnDesk, hole: Hole, before: Sequence[Chunk]) -> Found:
    """Look at the index, and at the texts of the hole's neighbours. Some ten milliseconds, and a limited time more."""
    query = query_at(hole.document.text, hole.cursor)
    others, own = _other_files(index, texts, desk, hole), _far_parts(hole)
    files = [*others.files, own]
    rarity_of = rarity([others, chunk_set([own])])
    regions = [each for each in edited_regions(desk) if each[0].path != hole.document.path]
    touched = touched_chunks(regions, files, desk.documents)
    candidates = [*touched, *(chunk for file in files for chunk in file.chunks)]
    still = {file.path: file.text for file in files}
    standing = [chunk for chunk in before if chunk.text in still.get(chunk.path, "")]
    return Found(
        _stubs(index, hole),
        tuple(ranked(candidates, query, rarity_of, STAY_SCORE)),
        tuple(ranked(standing, query, rarity_of, STAY_SCORE)),
        query,
        rarity_of,
    )


def _stubs(index: Index, hole: Hole) -> tuple[Stub, ...]:
    text, cursor = hole.document.text, hole.cursor
    receiver = receiver_before(text, cursor)
    types = [hole.renamed.get(each, each) for each in types_of(text, cursor, receiver)] if receiver else []
    types += returned_types(index, types)
    near, counts = dict(names_near(text, cursor)), counted_names(text)
    for name, original in hole.renamed.items():
        near[original] = max(near.get(original, 0.0), near.get(name, 0.0))
        counts[original] += counts[name] - 1
    return stubs(
        index,
        hole.document.path,
        hole.language,
        hole.imported,
        near,
        types,
        hole.enclosing,
        counts,
        hole.defined,
        called_near(text[max(0, cursor - CALLED_CHARACTERS) : cursor + CALLED_CHARACTERS], near),
    )


def _other_files(index: Index, texts: Texts, desk: OnDesk, hole: Hole) -> ChunkSet:
    """Neighbours, and where somebody works; only what the index knows, so nothing ignored and no secret."""
    own = hole.document.path
    neighbours = [each.path for each in index.neighbours(own)[:MAX_NEIGHBOURS]]
    touched = list(dict.fromkeys(region.path for region, _ in desk.regions if region.path not in (own, *neighbours)))
    known = [path for path in touched[:MAX_TOUCHED_FILES] if index.has(path)]
    return texts.files([*neighbours, *known], desk.documents)


def _far_parts(hole: Hole) -> ChunkedFile:
    """The open document's own lines that the prompt's window is not likely to reach, as if they were another file's."""
    path, text, cursor = hole.document.path, hole.document.text, hole.cursor
    lines = text.replace("\r\n", "\n").split("\n")
    line = text.count("\n", 0, cursor)
    n_characters = hole.n_window * WINDOW_CHARACTERS_PER_TOKEN
    first = min(line - NEAR_LINES, text.count("\n", 0, max(0, cursor - n_characters)))
    last = max(line + NEAR_LINES, text.count("\n", 0, cursor + n_characters))
    if first <= 0 and last >= len(lines):
        return chunked(path, "")
    # The lines of a chunk shall not depend on the cursor: they are counted from a place that is the same for long.
    begin, end = max(0, line - OWN_LINES) // OWN_LINES * OWN_LINES, line + OWN_LINES
    placed = [(begin + start, begin + stop) for start, stop in spans(lines[begin:end])]
    far = "\n".join([*lines[begin : max(begin, first)], *lines[last + 1 : end]])
    return chunked_lines(path, far, lines, [span for span in placed if span[1] <= first or span[0] > last])
