"""How likely a completion is right → how much of it is offered unasked.

A logistic regression over ``Features``, whose weights are in ``confidence.json``: that file is written by
``python -m tests.eval.train_confidence`` from completions that were compared with what stood in their places.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codeslm_lsp.settings import Caution
from codeslm_lsp.values import Features

WEIGHTS = Path(__file__).with_name("confidence.json")

LEAST_LOGPROB = -6.0
LEAST_SUM = -12.0
"""Below these, all completions are equally wrong."""

MOST_TOKENS = 24
"""From so many on, length says no more: longer completions were too few to learn from."""

INPUTS: Mapping[str, Callable[[Features], float]] = {
    "sum_logprob": lambda features: max(features.sum_logprob, LEAST_SUM),
    "first_logprob": lambda features: max(features.first_logprob, LEAST_LOGPROB),
    "log_tokens": lambda features: math.log1p(min(features.n_tokens, MOST_TOKENS)),
    "parse_gain": lambda features: float(max(-2, min(2, features.parse_gain))),
    "ended": lambda features: float(features.ended),
}
"""What the regression sees of the features, by the names that its weights have. The mean and the smallest logarithm
say nothing that these do not. Unknown names are left out because new code has names of its own: right completions had
more of them than wrong ones. Names that cannot be there count otherwise (``completion/doubt``)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The trained weights of ``INPUTS``, and the chance from which on something is shown at each caution."""

    bias: float
    weights: Mapping[str, float]
    thresholds: Mapping[str, float]

    def chance(self, features: Features) -> float:
        """How likely these lines are exactly what belongs there, in [0, 1]; 0 for what names something absent."""
        if features.n_absent_names:
            return 0.0
        total = self.bias + sum(weight * INPUTS[name](features) for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, total))))


@cache
def calibration() -> Calibration:
    """The one that codeslm was shipped with."""
    data = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return Calibration(data["bias"], data["weights"], data["thresholds"])


def n_likely_lines(chances: Sequence[float], caution: Caution) -> int:
    """How many lines of a completion are offered: up to the first doubtful one. ``chances`` as ``Report`` has them."""
    least = calibration().thresholds[caution]
    return next((number for number, chance in enumerate(chances) if chance < least), len(chances))
