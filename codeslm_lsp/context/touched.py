"""Regions of other documents that were edited lately → chunks, which count more the later that was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codeslm_lsp.context.chunks import SIZE_LINES, Chunk, ChunkedFile, chunk_of
from codeslm_lsp.context.desk import RECENT_S
from codeslm_lsp.workspace.recent import Region, digest_of

CONTEXT_LINES = 4
"""Shown above and below an edit: enough to see what it belongs to."""

LATEST_BONUS = 2.0
"""What was written just now needs to be half as alike as what lies anywhere; after ten minutes there is no difference.
An assumption: what was edited together is what changes together, and no recorded work has been measured."""

MAX_REGIONS = 16
"""Of the latest. Who works in more places at once is renaming something."""


def touched_chunks(
    regions: Iterable[tuple[Region, float]], files: Sequence[ChunkedFile], open_paths: Iterable[str]
) -> list[Chunk]:
    """One chunk for each region, latest first. ``regions`` come with their age in seconds.

    Where a region lies in a document that was closed is known only as long as its text is what it was.
    """
    by_path, is_open = {file.path: file for file in files}, frozenset(open_paths)
    found: list[Chunk] = []
    for region, age_s in list(regions)[:MAX_REGIONS]:
        file = by_path.get(region.path)
        if file is None:
            continue
        lines = file.text.split("\n")
        if region.path not in is_open and digest_of("\n".join(lines[region.first_line : region.end_line])) != (
            region.digest
        ):
            continue
        first = max(0, region.first_line - CONTEXT_LINES)
        end = min(len(lines), region.end_line + CONTEXT_LINES, first + SIZE_LINES)
        bonus = 1 + (LATEST_BONUS - 1) * max(0.0, 1 - age_s / RECENT_S)
        if bonus > 1 and first < end and (chunk := chunk_of(region.path, lines, first, end, bonus)).names:
            found.append(chunk)
    return found
