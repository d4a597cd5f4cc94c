"""A Python function → how the number of its instructions grows with the size of its input, counted in the sandbox."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codeslm_lsp.reasoning.growth import Growth
from codeslm_lsp.reasoning.project import module_of
from codeslm_lsp.reasoning.room import Room
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.syntax.python_function import Function

RUN = Limits(wall_s=180.0, cpu_s=60)
"""The script stops by itself after 20 seconds, and the call that it is in."""

LEAST_SIZES = 4

TOLERANCE = 0.2
"""Of an exponent. Lower terms bend it by 0.1 at these sizes; a factor of log n passes too: it adds 0.14 at n = 500."""

CONSTANT = 1.02
"""A count that grows by less than 2 % over half of the sizes does not grow."""

SLOW = 0.3
"""An exponent of a logarithm at these sizes: that of log n is 0.14, of its square 0.28."""

LEAST_RATIO = 1.15
"""From one size to the next: what grows by such a factor each time is exponential. That of n² is less from n = 14."""

_SCRIPT = "codeslm_count.py"


@dataclass(frozen=True, slots=True)
class Measured:
    """``counts`` of instructions for inputs of these ``sizes``; ``kinds`` says what was made for each parameter."""

    sizes: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def is_enough(self) -> bool:
        """Whether there are sizes enough to see a growth."""
        return len(self.sizes) >= LEAST_SIZES

    @property
    def is_constant(self) -> bool:
        """Whether larger inputs take no more."""
        half = len(self.counts) // 2
        return max(self.counts[half:]) <= CONSTANT * max(1, min(self.counts[half:]))

    @property
    def factor(self) -> float:
        """By which the count grows from one size to the next, at the end; only where sizes grow by one."""
        last = self.counts[-4:]
        return float((last[-1] / max(1, last[0])) ** (1 / (len(last) - 1)))

    @property
    def is_exponential(self) -> bool:
        """Whether each step of one multiplies the count."""
        if self.sizes[1] - self.sizes[0] != 1 or self.sizes[-1] - self.sizes[-2] != 1:
            return False
        pairs = zip(self.counts[-4:], self.counts[-3:], strict=False)
        return all(after >= LEAST_RATIO * before for before, after in pairs)

    @property
    def exponent(self) -> float:
        """p, where the count grows like n to the p."""
        return _exponent([float(each) for each in self.sizes], [float(each) for each in self.counts])

    def agrees_with(self, growth: Growth) -> bool:
        """Whether an estimate is what was counted, but for a factor of log n."""
        if growth.unknown or not self.is_enough:
            return False
        if growth.exponential or self.is_exponential:
            return growth.exponential and self.is_exponential
        if not growth.power and not growth.logs:
            return self.is_constant
        if self.is_constant:
            return False
        expected = _exponent([float(n) for n in self.sizes], [growth.at(n) for n in self.sizes])
        return abs(self.exponent - expected) <= TOLERANCE

    def sentence(self) -> str:
        """What was counted."""
        if not self.is_enough:
            return f"It could not be counted for inputs of sizes enough: {self.error or self.sizes}."
        made = ", ".join(f"{name}: {kind.replace('_', ' ')}" for name, kind in self.kinds.items())
        span = (
            f"for n from {self.sizes[0]} to {self.sizes[-1]} ({made}) it takes "
            f"{self.counts[0]:,} to {self.counts[-1]:,}"
        )
        if self.is_constant:
            how = "do not grow"
        elif self.is_exponential:
            how = f"grow by a factor of {self.factor:.2f} with each step of n"
        elif self.exponent < SLOW:
            how = f"hardly grow (like n^{self.exponent:.2f}), as log n does"
        else:
            how = f"grow like n^{self.exponent:.2f}"
        return f"Counted: {span} instructions, which {how}."


async def measure(function: Function, path: str, room: Room) -> Measured:
    """Count a function of the file ``path``, one of the room's."""
    script = Path(__file__).with_name("count_inside.py").read_text(encoding="utf-8")
    outcome = await room.run_python([_SCRIPT, module_of(path), function.owner, function.name], {_SCRIPT: script})
    try:
        told = json.loads(outcome.stdout)
        counts = tuple(int(each) for each in told.get("counts", ()))
        return Measured(tuple(map(int, told.get("sizes", ()))), counts, told.get("kinds", {}), told.get("error", ""))
    except (ValueError, TypeError, AttributeError):
        return Measured(error=f"the run was ended ({outcome.ended.value})")


def _exponent(sizes: list[float], counts: list[float]) -> float:
    """The slope of a straight line through the last points, both on logarithmic scales, without what is constant."""
    half = len(sizes) // 2
    x = [math.log(each) for each in sizes[half:]]
    y = [math.log(max(each - counts[0], 1e-9)) for each in counts[half:]]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
