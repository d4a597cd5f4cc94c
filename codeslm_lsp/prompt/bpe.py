"""A byte-level BPE vocabulary → ranks by bytes, the form that tiktoken merges by, if that is the same thing.

tiktoken merges any two neighbours whose joint bytes are a token, and takes a whole piece that is a token at once.
Merge rules name the two neighbours. Both come to the same exactly if every token's own bytes merge to that token,
which is checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codeslm_lsp.prompt.vocabulary import TokenType, Vocabulary

Rule = tuple[str, str, int]
"""The two halves of a token and the place of their merge."""


@dataclass(frozen=True, slots=True)
class BytePairs:
    """``ranks``: bytes → rank, the 256 bytes first and then every merge in order. ``ids[rank]`` is the token's id."""

    ranks: dict[bytes, int]
    ids: tuple[int, ...]


def byte_pairs(vocabulary: Vocabulary) -> BytePairs | None:
    """The ranks of a byte-level BPE vocabulary; ``None`` when merging by rank would not be exact."""
    decode = byte_of_character()
    ids = {piece: token for token, piece in enumerate(vocabulary.tokens)}
    byte_ids = [ids.get(character) for character in decode]
    rules: dict[str, Rule] = {}
    for place, merge in enumerate(vocabulary.merges):
        left, _, right = merge.partition(" ")
        rules.setdefault(left + right, (left, right, place))
    tokens = [ids.get(piece) for piece in rules]
    if len(rules) != len(vocabulary.merges) or None in byte_ids or None in tokens or not _is_proper(rules):
        return None
    table = {ord(character): chr(byte) for character, byte in decode.items()}
    try:
        pieces = [piece.translate(table).encode("latin-1") for piece in rules]
    except UnicodeEncodeError:
        return None
    ranks = {bytes([byte]): rank for rank, byte in enumerate(decode.values())}
    ranks |= {piece: rank for rank, piece in enumerate(pieces, start=len(ranks))}
    return BytePairs(ranks, tuple(token for token in (*byte_ids, *tokens) if token is not None))


def has_unmerged_words(vocabulary: Vocabulary, pairs: BytePairs) -> bool:
    """Whether there are ordinary tokens that no merge makes."""
    return sum(kind == TokenType.NORMAL for kind in vocabulary.types) > len(pairs.ids)


def byte_of_character() -> dict[str, int]:
    """The printable character that stands for each byte, in GPT-2's order (``bytes_to_unicode`` in its encoder.py)."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _is_proper(rules: Mapping[str, Rule]) -> bool:
    """Whether the bytes of every token merge to exactly that token."""
    places = {(left, right): place for left, right, place in rules.values()}
    return all(_is_reached(rule, rules, places) for rule in rules.values())


def _is_reached(rule: Rule, rules: Mapping[str, Rule], places: Mapping[tuple[str, str], int]) -> bool:
    """Whether nothing merges across the middle of a token before its two halves are complete.

    Runs the making of both halves backwards: whichever was merged later is taken apart, and the two that then meet in
    the middle must not have merged by that time. Of equal places the left one merges first.
    """
    left, right, place = rule
    left_rule, right_rule = rules.get(left), rules.get(right)
    if (left_rule and left_rule[2] >= place) or (right_rule and right_rule[2] >= place):
        return False
    while left_rule or right_rule:
        if left_rule and (not right_rule or left_rule[2] > right_rule[2]):
            left, latest = left_rule[1], left_rule[2]
            left_rule = rules.get(left)
        elif right_rule:
            right, latest = right_rule[0], right_rule[2] + 1
            right_rule = rules.get(right)
        if places.get((left, right), latest) < latest:
            return False
    return True


def as_tokens(ranks: Sequence[int], pairs: BytePairs) -> list[int]:
    """Ranks, as tiktoken gives them, to token ids."""
    return [pairs.ids[rank] for rank in ranks]
