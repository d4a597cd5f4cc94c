"""What the mathematician answers, and the same as JSON for the way between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

Outcome: TypeAlias = Literal["proved", "refuted", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a statement is true. ``detail`` is one sentence: the method and the domain, both sides at the
    counterexample, or what was searched. ``counterexample`` has a value for each variable, as text that can be read."""

    outcome: Outcome
    detail: str
    counterexample: Mapping[str, str] = field(default_factory=dict)
    statement: str = ""


@dataclass(frozen=True, slots=True)
class Computed:
    """``answer`` is exact, ``decimal`` the same to some digits; ``values`` are those of all names, in order.

    Of several solutions ``answer`` has the first, positive ones before others; all are in ``values``.
    """

    answer: str
    decimal: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """The value at one point, both as Python writes numbers."""

    point: tuple[tuple[str, str], ...]
    value: str


@dataclass(frozen=True, slots=True)
class Samples:
    """Values of one expression."""

    all: tuple[Sample, ...]


Answer: TypeAlias = Verdict | Computed | Samples | bool


def to_json(answer: Answer) -> Any:
    """Values that ``json`` can write."""
    return answer if isinstance(answer, bool) else asdict(answer)


def verdict_from(said: Mapping[str, Any]) -> Verdict:
    """Of what ``to_json`` made."""
    return Verdict(said["outcome"], said["detail"], dict(said["counterexample"]), said["statement"])


def samples_from(said: Mapping[str, Any]) -> tuple[Sample, ...]:
    """Of what ``to_json`` made."""
    return tuple(Sample(tuple((name, at) for name, at in each["point"]), each["value"]) for each in said["all"])


def computed_from(said: Mapping[str, Any]) -> Computed:
    """Of what ``to_json`` made."""
    return Computed(said["answer"], said["decimal"], tuple((name, value) for name, value in said["values"]))
