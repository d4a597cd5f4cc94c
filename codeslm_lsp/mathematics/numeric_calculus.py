"""A function of one number → its integral, infinite sum or product, limit or derivative.

Each is found in two ways that have to agree: a wrong number is worse than none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import mpmath
from mpmath import mp

from codeslm_lsp.mathematics.numeric import Undefined

Function: TypeAlias = Callable[[Any], Any]

AGREEMENT = 1e-10
"""Relative; what these methods reach for smooth functions with 25 digits."""

LOSS = 1e-8
"""How much of the result may be lost where large numbers cancel; sides that differ by 1e-5 differ."""

LIMIT_AGREEMENT = 1e-6
"""What a function must be within of its limit at a distance of 1e-12, or at 1e12."""


def integral(at: Function, low: Any, high: Any) -> Any:
    """From ``low`` to ``high``, with different inner points. Raises ``Undefined``, also where it seems to diverge."""
    if low == high:
        return mpmath.mpf(0)
    if low > high:
        return -integral(at, high, low)
    if mpmath.isinf(low) and mpmath.isinf(high):
        splits = ([low, mpmath.mpf(0), high], [low, mpmath.mpf("-1.3"), mpmath.mpf("0.7"), high])
    elif mpmath.isinf(low) or mpmath.isinf(high):
        start, sign = (high, -1) if mpmath.isinf(low) else (low, 1)
        splits = tuple(
            sorted([low, *(start + sign * mpmath.mpf(step) for step in steps), high])
            for steps in (("1.1", "4"), ("0.6", "2.3", "9"))
        )  # type: ignore[assignment]
    else:
        width = high - low
        splits = ([low, low + width * mpmath.mpf("0.4142"), high], [low, low + width * mpmath.mpf("0.737"), high])

    found = []
    with mp.workdps(_rough_digits()):
        for split in splits:
            value, error = mp.quad(lambda x: _mp(at(x)), split, error=True, maxdegree=7)
            if error > AGREEMENT * max(1, abs(value)):
                raise Undefined("the integral is not found")
            found.append(value)
    return _agreed(found, AGREEMENT)[0]


def infinite(function: str, at: Function, first: Any) -> Any:
    """A sum or product without an end. Raises ``Undefined`` unless what it adds up to clearly converges."""
    with mp.workdps(_rough_digits()):
        partial: list[Any] = []
        total = largest = mpmath.mpf(0 if function == "sum" else 1)
        for n in range(1, 801):
            term = mpmath.mpmathify(_mp(at(first + n - 1)))
            total = total + term if function == "sum" else total * term
            largest = max(largest, abs(term), abs(total))
            if n in (200, 400, 800):
                partial.append(total)
        if largest * mpmath.mpf(10) ** -mp.dps > LOSS:
            raise Undefined("large terms cancel")
        steps = [abs(partial[1] - partial[0]), abs(partial[2] - partial[1])]
        if steps[1] > mpmath.mpf(10) ** -18 and steps[1] > 0.8 * steps[0]:
            raise Undefined("it does not converge quickly")
        rest = abs(term) if function == "sum" else abs(term - 1)
        if steps[1] <= mpmath.mpf(10) ** -18:
            if rest > mpmath.mpf(10) ** -15:
                raise Undefined("it does not converge")
            return total
        if function == "product":
            raise Undefined("the product is not found")
        value = mp.nsum(lambda k: _mp(at(int(k))), [int(first), mp.inf])
        if abs(partial[2] - value) > 0.9 * abs(partial[1] - value):
            raise Undefined("the sum is not found")
        return value


def limit(at: Function, target: Any, signs: tuple[int, ...]) -> Any:
    """Near ``target`` on these sides of it. Raises ``Undefined`` where the function does not settle."""
    found = []
    with mp.workdps(mp.dps + 10):
        if mpmath.isinf(target):
            for exponent in (9, 12, 13):
                x = 10**exponent * (1 if target > 0 else -1)
                found.append(_mp(at(x)))
        else:
            for sign in signs:
                for exponent in (9, 12, 13):
                    found.append(_mp(at(_mp(target) + sign * mpmath.mpf(10) ** -exponent)))
    return _agreed(found, LIMIT_AGREEMENT)[-1]


def derivative(at: Function, x: Any, n: int) -> Any:
    """The n-th derivative, which has to be the same from both sides."""
    if not 0 < n <= 4:
        raise Undefined("a derivative of high order")
    with mp.workdps(_rough_digits()):
        found = [mp.diff(lambda t: _mp(at(t)), x, n, direction=side) for side in (0, 1, -1)]
    return _agreed(found, LIMIT_AGREEMENT)[0]


def _rough_digits() -> int:
    """Half of what is asked for: 25 are enough, and are not the same at another precision, so that noise shows."""
    return int(mp.dps // 2)


def _agreed(values: list[Any], within: float) -> list[Any]:
    largest = max(1, *(abs(each) for each in values))
    if any(not mpmath.isfinite(each) or abs(each - values[0]) > within * largest for each in values):
        raise Undefined("two ways to find it do not agree")
    return values


def _mp(value: Any) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator if hasattr(value, "denominator") else value
