"""Two texts → how far they are from each other in inserted, deleted and replaced characters."""

from __future__ import annotations


def distance(a: str, b: str) -> int:
    """Levenshtein's distance, by the bit-parallel method of H. Hyyrö (2003, figure 3): a column in a few operations."""
    if not a or not b:
        return max(len(a), len(b))
    places: dict[str, int] = {}
    for place, character in enumerate(a):
        places[character] = places.get(character, 0) | 1 << place
    everywhere, last = (1 << len(a)) - 1, 1 << (len(a) - 1)
    rises, falls, found = everywhere, 0, len(a)  # Down a column, whose last cell is ``found``.
    for character in b:
        same = places.get(character, 0)
        diagonal = (((same & rises) + rises) ^ rises) | same | falls
        right_rises = falls | (everywhere & ~(diagonal | rises))
        right_falls = diagonal & rises
        if right_rises & last:
            found += 1
        elif right_falls & last:
            found -= 1
        right_rises, right_falls = right_rises << 1 | 1, right_falls << 1
        rises = (right_falls | ~(diagonal | right_rises)) & everywhere
        falls = right_rises & diagonal & everywhere
    return found


def similarity(a: str, b: str) -> float:
    """1 − distance / the longer length, from 0 to 1; 1 for two empty texts."""
    longer = max(len(a), len(b))
    return 1 - distance(a, b) / longer if longer else 1.0
