"""How work grows with the size n of an input: powers of n, logarithms, exponentials, and how they combine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True, order=True)
class Growth:
    """n to the ``power`` times log n to the ``logs``; more than any of these where it is ``exponential``.

    ``unknown``: at least that; how often something is repeated could not be told.
    """

    exponential: bool = False
    power: Fraction = Fraction(0)
    logs: int = 0
    unknown: bool = False

    def __mul__(self, other: Growth) -> Growth:
        return Growth(
            self.exponential or other.exponential,
            self.power + other.power,
            self.logs + other.logs,
            self.unknown or other.unknown,
        )

    def __or__(self, other: Growth) -> Growth:
        """One after the other: the faster growing of both."""
        most = max(self, other)
        return Growth(most.exponential, most.power, most.logs, self.unknown or other.unknown)

    def __str__(self) -> str:
        """``O(n² log n)``; ``O(?)`` where it is not known."""
        if self.unknown:
            return "O(?)"
        if self.exponential:
            return "O(2ⁿ)"
        power = "" if not self.power else "n" if self.power == 1 else f"n{_raised(self.power)}"
        logs = "" if not self.logs else "log n" if self.logs == 1 else f"log{str(self.logs).translate(_RAISED)} n"
        if self.power == Fraction(1, 2):
            power = "√n"
        return f"O({' '.join(filter(None, (power, logs))) or '1'})"

    def at(self, n: float) -> float:
        """Its value, but for a factor; infinite where that is too much."""
        try:
            base: float = 2.0**n if self.exponential else 1.0
            return base * math.pow(n, self.power) * math.pow(math.log2(max(n, 2.0)), self.logs)
        except OverflowError:
            return math.inf


def _raised(power: Fraction) -> str:
    return str(power).translate(_RAISED) if power.denominator == 1 else f"^({power})"


ONE = Growth()
LOG = Growth(logs=1)
ROOT = Growth(power=Fraction(1, 2))
N = Growth(power=Fraction(1))
N_LOG_N = N * LOG
EXPONENTIAL = Growth(exponential=True)
UNKNOWN = Growth(unknown=True)
