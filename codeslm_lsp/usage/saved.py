"""Characters that were taken → the time that typing them would have cost."""

from __future__ import annotations

WORDS_PER_MINUTE = 52
"""How fast somebody types: the mean of 168,000 people who copied sentences (Dhakal, Feit, Kristensson, Oulasvirta 2018,
"Observations on Typing from 136 Million Keystrokes", CHI '18). Code has more signs and is thought up, not copied, so
it is typed more slowly; reading a suggestion takes time, too, which is not counted."""

CHARACTERS_PER_WORD = 5
"""What a "word" is when typing is measured, the space included."""


def typing_s(n_characters: int) -> float:
    """Seconds; 260 characters → 60."""
    return n_characters / (WORDS_PER_MINUTE * CHARACTERS_PER_WORD) * 60
