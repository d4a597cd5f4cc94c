"""Circles and spheres."""

import math


def circle_area(radius: float) -> float:
    return math.pi * radius**2


def sphere_volume(radius: float) -> float:
    """The volume of a ball: four thirds of pi times the cube of its radius."""
    ret


def circumference(radius: float) -> float:
    return 2 * math.pi * radius
