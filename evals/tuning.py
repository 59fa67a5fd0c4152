"""What a direction x radius map says of a unit: the numbers behind "it is a curve detector for this direction".

A map holds responses in standard deviations of the unit, with zero at the ReLU's threshold; negative values count as
silence. Directions are evenly spaced over the full circle; the last step back to the first closes it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuits.angles import difference

__all__ = [
    "Lobes",
    "Tuning",
    "coverage",
    "describe",
    "first_harmonic",
    "first_reaching",
    "full_width_at_half_maximum",
    "lobes",
    "opposite",
    "preference",
    "radial_tuning",
    "tuning",
    "width_above_half",
]

Array = NDArray[np.float64]

ECHO_RANGE = 45.0
"""Degrees to either side of the opposite direction in which a response counts as echo, as in the published figures."""


@dataclass(frozen=True)
class Tuning:
    """How one unit answers to curves by direction and radius.

    Attributes:
        peak: largest response of the map, standard deviations.
        preferred_direction: angle of the first circular harmonic of the radial tuning curve, degrees in [0, 360).
        first_harmonic: |sum f e^(i direction)| / sum f, 0..1: 1 for a single direction, 0 for none preferred.
        amplitude: |mean over directions of f e^(i direction)|, standard deviations: strength, tuning and tolerance of
            radius in one number.
        width: full width of the radial tuning curve at half its maximum, degrees.
        echo: largest response within 45 degrees of the opposite direction over the largest of all, 0..1.
        radius_tolerance: octaves of radius, within those tested, in which the response to the preferred direction is
            at least half of its best.
        curve_over_line: (c - l) / (c + l) in -1..1, c the best response to a curve of the preferred direction and l
            that to the straight line it becomes with growing radius: 1 if lines are ignored, 0 if they do as well.
    """

    peak: float
    preferred_direction: float
    first_harmonic: float
    amplitude: float
    width: float
    echo: float
    radius_tolerance: float
    curve_over_line: float


def describe(t: Tuning) -> str:
    """The tuning in words."""
    line = "ignores straight lines"
    if t.curve_over_line < 1:
        line = f"{(1 + t.curve_over_line) / (1 - t.curve_over_line):.1f} times its response to a straight line"
    return (
        f"peak {t.peak:.1f} SD over {t.radius_tolerance:.1f} octaves of radius, "
        f"first harmonic {t.first_harmonic:.2f}, echo {t.echo:.3f}, {line}"
    )


def tuning(curves: Array, lines: Array, directions: Array, radii: Array) -> Tuning | None:
    """Measure one unit; None if it is silent, for which nothing else is defined.

    Args:
        curves: responses, directions x radii.
        lines: responses to straight lines by direction, the limit of infinite radius.
        directions: degrees, ascending and evenly spaced over the circle.
        radii: px, ascending and finite.
    """
    heard = np.maximum(curves, 0)
    if heard.max() <= 0:
        return None
    curve = radial_tuning(curves)
    angle, harmonic = first_harmonic(curve, directions)
    by_radius = np.array([_at(column, directions, angle) for column in heard.T])
    best = by_radius.max()
    line = _at(np.maximum(lines, 0), directions, angle)
    return Tuning(
        peak=float(heard.max()),
        preferred_direction=angle,
        first_harmonic=harmonic,
        amplitude=harmonic * float(curve.mean()),
        width=full_width_at_half_maximum(curve, directions),
        echo=float(opposite(curve, directions, angle) / curve.max()),
        radius_tolerance=width_above_half(by_radius, np.log2(radii)),
        curve_over_line=preference(float(best), line),
    )


@dataclass(frozen=True)
class Lobes:
    """How one unit answers to curves that face opposite ways.

    Attributes:
        axis: degrees in [0, 180): the directions axis and axis + 180 face each other.
        sharpness: |sum f e^(2i direction)| / sum f of the radial tuning curve, 0..1: large if it has one lobe, or two
            that face opposite ways.
        balance: the radial tuning curve in the weaker of the two directions over that in the stronger, 0..1.
        over_line: (c - l) / (c + l) in -1..1, c the best response to a curve of the weaker direction and l that to the
            straight line it becomes with growing radius.
    """

    axis: float
    sharpness: float
    balance: float
    over_line: float


def lobes(curves: Array, lines: Array, directions: Array) -> Lobes:
    """Measure one unit that is not silent.

    Args:
        curves: responses, directions x radii.
        lines: responses to straight lines by direction, the limit of infinite radius.
        directions: degrees, ascending and evenly spaced over the circle.
    """
    curve = radial_tuning(curves)
    axis, sharpness = first_harmonic(curve, directions, 180)
    ends = axis, axis + 180
    weaker, stronger = sorted(ends, key=lambda angle: _at(curve, directions, angle))
    best = _at(np.maximum(curves, 0).max(axis=1), directions, weaker)
    line = _at(np.maximum(lines, 0), directions, weaker)
    strength = _at(curve, directions, stronger)
    return Lobes(
        axis=axis,
        sharpness=sharpness,
        balance=_at(curve, directions, weaker) / strength if strength > 0 else 0.0,
        over_line=preference(best, line),
    )


def radial_tuning(curves: Array) -> Array:
    """Response by direction, averaged over radii (the second axis), silence counting as zero."""
    mean: Array = np.maximum(curves, 0).mean(axis=1)
    return mean


def opposite(responses: Array, directions: Array, angle: float) -> Array:
    """The largest response within `ECHO_RANGE` of the direction opposite to `angle`, along the first axis.

    Args:
        responses: directions first, whatever comes after.
        directions: degrees.
        angle: the preferred direction, degrees.
    """
    found: Array = responses[np.abs(difference(directions, angle + 180)) <= ECHO_RANGE].max(axis=0)
    return found


def first_harmonic(curve: Array, angles: Array, period: float = 360.0) -> tuple[float, float]:
    """Angle (degrees in [0, period)) and relative size (0..1) of a tuning curve's first circular harmonic.

    Args:
        curve: responses, not all zero.
        angles: degrees, evenly spaced over one period or several.
        period: 360 for directions, 180 for orientations.
    """
    turns = 360 / period
    vector = (curve * np.exp(1j * turns * np.deg2rad(angles))).sum()
    # Taken twice, since the remainder of a tiny negative angle is rounded up to the period itself.
    return float(np.rad2deg(np.angle(vector)) / turns % period % period), float(np.abs(vector) / curve.sum())


def full_width_at_half_maximum(curve: Array, directions: Array) -> float:
    """Degrees around the largest value in which a tuning curve stays above half of it, interpolated; at most 360."""
    step = 360 / len(directions)
    turned = np.roll(curve, -int(curve.argmax()))
    half = turned[0] / 2
    return min(_fall(turned, half) + _fall(np.roll(turned[::-1], 1), half), float(len(curve))) * step


def _fall(values: Array, level: float) -> float:
    """Steps from the first value until `values` fall below `level`."""
    below = np.flatnonzero(values < level)
    if not below.size:
        return len(values) / 2
    i = int(below[0])
    return float(i - 1 + (values[i - 1] - level) / (values[i - 1] - values[i]))


def coverage(curves: Array) -> float:
    """How well a family covers the circle: the least, over directions, of the family's best normalised response.

    Args:
        curves: radial tuning curves, units x directions; each is normalised by its own maximum, silent ones stay zero.

    Returns:
        0 (some direction excites no unit) to 1.
    """
    best = curves.max(axis=1, keepdims=True)
    normalised = np.divide(curves, best, out=np.zeros_like(curves), where=best > 0)
    return float(normalised.max(axis=0).min())


def preference(first: float, second: float) -> float:
    """(first - second) / (first + second); 0 if both are nothing."""
    return (first - second) / (first + second) if first + second > 0 else 0.0


def _at(values: Array, directions: Array, angle: float) -> float:
    """The value at `angle`, linearly interpolated around the circle."""
    return float(np.interp(angle, directions, values, period=360))


def width_above_half(values: Array, axis: Array) -> float:
    """Length of an ascending axis around the largest value in which the values stay above half of it, interpolated.

    What goes on beyond an end of the axis counts up to the end; 0 where no value is above 0.
    """
    if values.max() <= 0:
        return 0.0
    best = int(values.argmax())
    half = values[best] / 2
    ends = []
    for step, end in ((1, len(axis) - 1), (-1, 0)):
        i = best
        while i != end and values[i + step] >= half:
            i += step
        edge = axis[i]
        if i != end:
            edge += (axis[i + step] - axis[i]) * (values[i] - half) / (values[i] - values[i + step])
        ends.append(float(edge))
    return ends[0] - ends[1]


def first_reaching(values: Array, axis: Array, level: float) -> float | None:
    """Where on an ascending axis values first reach a level, interpolated; None if nowhere."""
    at = np.flatnonzero(values >= level)
    if not at.size:
        return None
    i = int(at[0])
    if i == 0 or axis[i] == axis[i - 1]:
        return float(axis[i])
    return float(axis[i] - (axis[i] - axis[i - 1]) * (values[i] - level) / (values[i] - values[i - 1]))
