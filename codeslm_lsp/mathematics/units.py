"""The name of a unit → pint's unit of that name; quantities → sums. Only single names reach pint, no other text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any, TypeAlias

import pint

from codeslm_lsp.values import UnitsError

Unit: TypeAlias = Any
Quantity: TypeAlias = Any
"""Of pint, which has no types for exact numbers."""

_WRITTEN: Mapping[str, str] = {
    "meter": "m", "kilometer": "km", "centimeter": "cm", "millimeter": "mm", "micrometer": "um µm", "nanometer": "nm",
    "inch": "in", "foot": "ft", "yard": "yd", "mile": "mi", "nautical_mile": "nmi",
    "second": "s sec secs", "minute": "min mins", "hour": "h hr hrs", "day": "d", "week": "wk", "year": "yr yrs",
    "millisecond": "ms", "microsecond": "us µs", "nanosecond": "ns",
    "gram": "g", "kilogram": "kg kilo kilos", "milligram": "mg", "microgram": "ug µg", "tonne": "t",
    "pound": "lb lbs", "ounce": "oz", "liter": "l L", "milliliter": "ml mL", "centiliter": "cl cL", "gallon": "gal",
    "newton": "N", "kilonewton": "kN", "joule": "J", "kilojoule": "kJ", "megajoule": "MJ", "calorie": "cal",
    "kilocalorie": "kcal", "watt": "W", "kilowatt": "kW", "megawatt": "MW", "milliwatt": "mW",
    "watt_hour": "Wh", "kilowatt_hour": "kWh", "volt": "V", "millivolt": "mV", "kilovolt": "kV", "ampere": "A amp amps",
    "milliampere": "mA", "ohm": "Ω", "kiloohm": "kΩ", "coulomb": "C", "farad": "F", "tesla": "T", "hertz": "Hz",
    "kilohertz": "kHz", "megahertz": "MHz", "gigahertz": "GHz", "pascal": "Pa", "hectopascal": "hPa",
    "kilopascal": "kPa", "bar": "", "atmosphere": "atm", "kelvin": "K", "mole": "mol", "mile_per_hour": "mph",
    "kilometer_per_hour": "kph kmh", "knot": "kn", "degree_Celsius": "°C celsius degC",
    "degree_Fahrenheit": "°F fahrenheit degF", "hectare": "ha", "acre": "", "byte": "B", "bit": "",
    "kilobyte": "kB KB", "megabyte": "MB", "gigabyte": "GB", "terabyte": "TB", "kibibyte": "KiB", "mebibyte": "MiB",
    "gibibyte": "GiB", "tebibyte": "TiB", "kilobit": "kbit", "megabit": "Mbit", "gigabit": "Gbit",
}  # fmt: skip
SYMBOLS: Mapping[str, str] = MappingProxyType(
    {name: unit for unit, names in _WRITTEN.items() for name in (unit, *names.split())}
)
"""Short names, as they are meant in daily life → as pint calls them: ``h`` is an hour, no Planck constant."""

PREFIXES = frozenset(
    {"kilo", "mega", "giga", "tera", "milli", "micro", "nano", "pico", "centi", "deci", "hecto", "kibi", "mebi", "gibi"}
)
"""Before a name that is written out."""

MAX_DENOMINATOR = 4
"""Of the power of a unit: roots of it come as fractions."""

MIN_LETTERS = 4
"""Of a name that is not among ``SYMBOLS``."""

_NAME = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)*")


@cache
def registry() -> Any:
    """With exact numbers. It reads its own list of units, and keeps nothing in files."""
    return pint.UnitRegistry(non_int_type=Fraction, cache_folder=None, autoconvert_offset_to_baseunit=True)


def unit_named(name: str) -> Unit | None:
    """The unit that a single name means, singular or plural; None where it is none."""
    known = SYMBOLS.get(name) or (SYMBOLS.get(name[:-1]) if len(name) >= MIN_LETTERS and name.endswith("s") else None)
    if known is None and _NAME.fullmatch(name) and len(name) >= MIN_LETTERS:
        found = registry().parse_unit_name(name, case_sensitive=True) or registry().parse_unit_name(name.lower())
        # Other prefixes are one letter, which would make c-at-s of cats.
        written_out = (
            prefix + unit
            for prefix, unit, _ in found
            if not prefix or (prefix in PREFIXES and name.lower().startswith(prefix))
        )
        known = next((unit for unit in written_out if len(unit) >= MIN_LETTERS), None)
    return registry().Unit(known) if known is not None else None


def shown_unit(unit: Unit) -> str:
    """As it is read again: ``kg*m/s^2``."""
    above: list[str] = []
    below: list[str] = []
    for name, exponent in registry().Quantity(1, unit).unit_items():
        power = Fraction(exponent).limit_denominator(MAX_DENOMINATOR)
        shown = "" if abs(power) == 1 else f"^{abs(power)}" if power.denominator == 1 else f"^({abs(power)})"
        (above if power > 0 else below).append(registry().get_symbol(name) + shown)
    return "*".join(above) + "".join(f"/{each}" for each in below) if above else "/".join(["1", *below])


def added(left: Quantity, right: Quantity) -> Quantity:
    """Raises ``UnitsError`` where they measure different things."""
    if left.dimensionality != right.dimensionality:
        names = [shown_unit(each.units) if each.dimensionality else "a plain number" for each in (right, left)]
        raise UnitsError(f"{names[0]} cannot be added to {names[1]}: they measure different things; check the units.")
    try:
        return left + right
    except pint.OffsetUnitCalculusError:
        raise UnitsError(
            "Temperatures in °C or °F are points on a scale and are not added; write them in kelvins."
        ) from None


def reduced(quantity: Quantity) -> Quantity:
    """With one unit for each kind: ``km*h/min`` in km alone. Litres stay litres beside metres."""
    kept: dict[Any, Unit] = {}
    target = registry().Unit("")
    for name, exponent in quantity.unit_items():
        unit = registry().Unit(name)
        target = target * kept.setdefault(unit.dimensionality, unit) ** exponent
    return quantity.to(target)


def converted(quantity: Quantity, unit: Unit) -> Quantity:
    """Raises ``UnitsError`` where the unit measures something else."""
    if quantity.dimensionality != unit.dimensionality:
        raise UnitsError(f"{_kind(quantity.units)} cannot be converted to {shown_unit(unit)}; check the units.")
    return quantity.to(unit)


def _kind(unit: Unit) -> str:
    return f"A quantity in {shown_unit(unit)}" if unit.dimensionality else "A plain number"
