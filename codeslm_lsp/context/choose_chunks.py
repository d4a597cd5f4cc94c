"""Scored chunks → the one or two that a prompt shows: only what is very alike, and what was chosen stays for long.

A chunk that comes, goes, or is cut at another line has everything behind it evaluated again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from codeslm_lsp.context.chunks import Chunk, trimmed
from codeslm_lsp.context.similar import Scored

ENTER_SCORE = 0.3
"""Of 4,800 lines taken out of five Python projects, 3 % had a chunk of this score: 40 % of these held a name that the
line needed and the 40 lines around it lacked, 30 % the very line, 57 % either. At 0.25: of 6 %, 29, 27 and 45 %."""

STAY_SCORE = 0.2
"""Above it a chosen chunk stays: a third of such chunks are still worth showing, and none is worth a new prompt."""

BETTER = 2.0
"""By how much another chunk must be more alike to take the place of one that would stay."""

MAX_SIMILAR, MAX_TOUCHED = 1, 1
"""A second similar chunk above ``ENTER_SCORE`` held a missing identifier in 15 % of cases: not worth its tokens."""

MIN_CHARACTERS = 500
"""With less room no chunk is cut to fit: cut to 400 characters a quarter were useful, and of whole ones a third."""


def choose_chunks(
    candidates: Sequence[Scored],
    before: Sequence[Scored],
    weights: Mapping[str, float],
    n_characters: int,
    is_worthless: Callable[[Chunk], bool],
) -> tuple[Chunk, ...]:
    """At most one similar and one touched chunk, in this order, together of at most ``n_characters``.

    ``candidates`` have the highest score first; ``before`` are those shown until now, as they score at this place.
    ``is_worthless`` says of a chunk as it would be shown that it repeats what is in sight.
    """
    chosen: list[Chunk] = []
    for is_touched, most in ((False, MAX_SIMILAR), (True, MAX_TOUCHED)):
        for each in _in_order(candidates, before, is_touched=is_touched):
            chunk = each.chunk
            if len(chunk.text) > n_characters >= MIN_CHARACTERS:
                chunk = trimmed(chunk, weights, n_characters) or chunk
            fits = len(chunk.text) <= n_characters and not any(_overlap(chunk, other) for other in chosen)
            if most and fits and not is_worthless(chunk):
                chosen.append(chunk)
                n_characters -= len(chunk.text)
                most -= 1
    return tuple(chosen)


def _in_order(candidates: Sequence[Scored], before: Sequence[Scored], *, is_touched: bool) -> list[Scored]:
    """Those of one kind that may be shown: what stays first, then what is alike enough to enter."""
    ours = [each for each in candidates if is_touched_chunk(each.chunk) is is_touched]
    lowest = max(STAY_SCORE, ours[0].score / BETTER if ours else 0.0)
    staying = [each for each in before if is_touched_chunk(each.chunk) is is_touched and each.score >= lowest]
    return [*staying, *(each for each in ours if each.score >= ENTER_SCORE)]


def is_touched_chunk(chunk: Chunk) -> bool:
    """Whether it is shown because somebody worked there."""
    return chunk.bonus > 1


def _overlap(one: Chunk, other: Chunk) -> bool:
    return one.path == other.path and one.first_line < other.end_line and other.first_line < one.end_line
