"""Tokens written so far → a guess at the next ones, which the model checks in one evaluation instead of several.

Code repeats itself, and after a key the model mostly says what it said before. So what followed the same few tokens
before, latest first, is a draft (prompt lookup decoding, Saxena 2023; speculative decoding, arXiv 2211.17192). Greedy
decoding keeps of it what the model would have chosen anyway; how long a draft pays depends on the machine, and is
worked out from what evaluating several tokens at once costs there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise

LENGTHS = (4, 3, 2)
"""How many tokens have to be the same, the longest first: the more there are, the likelier what followed follows."""

FIRST_GUESS: Mapping[int, float] = {4: 0.8, 3: 0.65, 2: 0.45}
"""How likely a drafted token is right, until that has been observed: by the length that matched."""

MEMORY = 0.05
"""What one observation weighs in the likelihoods: they follow the last dozens."""

LEAST_GAIN = 1.1
"""A draft has to promise this much more speed; less is lost in what cannot be measured."""

MAX_DRAFT = 15

VERIFY_COST: Mapping[int, float] = {1: 1.0, 2: 1.45, 4: 2.44, 7: 3.98, 8: 5.97, 16: 7.2}
"""What evaluating so many tokens at once costs, in evaluations of one, until it is measured (1.5B, two cores of an
EPYC with AVX-512)."""

_BREAK = -1
"""Stands between texts that do not follow each other."""


class Drafter:
    """Drafts for one model. ``begin`` starts a text, ``push`` adds what was written, ``propose`` guesses on.

    ``pieces[token]`` are a token's bytes; one without any separates texts and is never drafted. ``verify_cost[n]`` is
    the time that evaluating ``n`` tokens at once takes, in evaluations of one; what stands between the numbers given is
    interpolated, and beyond the last none is tried.
    """

    def __init__(self, pieces: Sequence[bytes], verify_cost: Mapping[int, float] = VERIFY_COST) -> None:
        self._pieces = pieces
        self.set_costs(verify_cost)
        self._likely = dict(FIRST_GUESS)
        self._history: list[int] = []
        self._follows: dict[tuple[int, ...], int] = {}
        self._written: list[int] = []
        self._pending: deque[int] = deque()
        self._matched = 0
        self.n_drafted = 0
        self.n_kept = 0

    def set_costs(self, verify_cost: Mapping[int, float]) -> None:
        """What evaluating several tokens at once costs has been measured."""
        self._costs = [0.0, *_interpolated(verify_cost)][: MAX_DRAFT + 2]

    def begin(self, text: Sequence[int]) -> None:
        """A text of tokens is to be continued."""
        former, self._written = self._written, []
        self._history, self._follows = [], {}
        self._pending.clear()
        self.n_drafted = self.n_kept = 0
        tail = list(text[-max(LENGTHS) :])
        for part in (text, former, tail):
            for token in part:
                self._note(token if self._pieces[token] else _BREAK)
            if part is not tail:
                self._note(_BREAK)

    def push(self, token: int) -> None:
        """This token was written next; a draft that said otherwise is dropped."""
        if self._pending:
            is_right = self._pending[0] == token
            self._likely[self._matched] += MEMORY * (is_right - self._likely[self._matched])
            if is_right:
                self._pending.popleft()
                self.n_kept += 1
            else:
                self._pending.clear()
        self._written.append(token)
        self._note(token)

    def propose(self, n_max: int) -> list[int]:
        """At most ``n_max`` tokens that may follow, as many as pay; to be evaluated with the last one pushed."""
        self._pending.clear()
        for length in LENGTHS:
            if (start := self._earlier(length)) is not None:
                guess = self._from(start, self._worthwhile(self._likely[length], n_max))
                self._pending.extend(guess)
                self._matched = length
                self.n_drafted += len(guess)
                return guess
        return []

    def _earlier(self, length: int) -> int | None:
        """Where the last ``length`` tokens were followed before."""
        return self._follows.get(tuple(self._history[-length:]))

    def _from(self, start: int, n: int) -> list[int]:
        """What stands there, up to a break."""
        guess = self._history[start : start + n]
        return guess[: guess.index(_BREAK)] if _BREAK in guess else guess

    def _worthwhile(self, likely: float, n_max: int) -> int:
        """How many drafted tokens give the most tokens for the time; 0 where none is worth it."""
        best, best_speed, expected = 0, LEAST_GAIN, 1.0
        for n_drafted in range(1, min(n_max, len(self._costs) - 2) + 1):
            expected += likely**n_drafted
            speed = expected / self._costs[n_drafted + 1]
            if speed > best_speed:
                best, best_speed = n_drafted, speed
        return best

    def _note(self, token: int) -> None:
        """Append to the history; what it follows is known from the next token on."""
        history = self._history
        if token != _BREAK:
            for length in LENGTHS:
                before = tuple(history[-length:])
                if len(before) == length and _BREAK not in before:
                    self._follows[before] = len(history)
        history.append(token)


def _interpolated(costs: Mapping[int, float]) -> list[float]:
    """The cost of 1, 2, 3, … tokens up to the most that is given."""
    known = sorted(costs.items())
    filled = []
    for (low, low_cost), (high, high_cost) in pairwise(known):
        step = (high_cost - low_cost) / (high - low)
        filled += [low_cost + step * n for n in range(high - low)]
    return [*filled, known[-1][1]]
