"""Curves drawn slowly and plainly, to judge the renderer by: 16 x 16 samples in each pixel, each inside or outside.

Shares nothing with `evals.render` but the definition of the shapes: NumPy in float64, circles by their centre,
angles by arctan2, tangents as segments or as a wedge.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from evals.stimuli import Curve

Array = NDArray[np.float64]


def supersampled(curve: Curve, factor: int = 16) -> Array:
    """Draw the curve: 3 x size x size."""
    at = (np.arange(curve.size * factor) + 0.5) / factor - curve.size / 2
    points = at[None, :] + 1j * -at[:, None]  # x + iy
    points = (points - complex(*curve.position)) * np.exp(-1j * math.radians(curve.direction))
    # From here on the arc's middle is 0 and the centre of curvature lies on the positive x axis.
    in_shape = _in_region if curve.filled else _in_line
    share = in_shape(curve, points).reshape(curve.size, factor, curve.size, factor).mean((1, 3))
    foreground, background = (np.array(colour)[:, None, None] for colour in (curve.foreground, curve.background))
    return foreground * share + background * (1 - share)


def _half_turning(curve: Curve) -> float:
    by_length = curve.arc_length / curve.radius if curve.radius else math.inf
    return min(by_length, math.radians(curve.max_angle)) / 2


def _in_region(curve: Curve, points: Array) -> Array:
    if math.isinf(curve.radius):
        return points.real >= 0
    radius, half = curve.radius, _half_turning(curve)
    between_tangents = abs(points.imag) * math.sin(half) <= (points.real - radius) * math.cos(half) + radius
    behind_chord = points.real >= radius - radius * math.cos(half)
    return between_tangents & (behind_chord | (abs(points - radius) <= radius))


def _in_line(curve: Curve, points: Array) -> Array:
    return _distance_to_line(curve, points) <= curve.line_width / 2


def _distance_to_line(curve: Curve, points: Array) -> Array:
    if math.isinf(curve.radius):
        end = math.inf if curve.extended else curve.arc_length / 2
        return np.hypot(points.real, np.maximum(abs(points.imag) - end, 0))
    radius, half = curve.radius, _half_turning(curve)
    centred = points - radius
    on_arc = abs(np.angle(-centred)) <= half
    distance = np.where(on_arc, abs(abs(centred) - radius), math.inf)
    for side in (1, -1):
        end = radius - radius * np.exp(1j * side * half)
        onward = -1j * side * np.exp(1j * side * half)
        length = 0.0
        if curve.extended:
            length = math.inf if half <= math.pi / 2 else radius * math.tan(math.pi - half)
        along = ((points - end) * np.conj(onward)).real.clip(0, length)
        distance = np.minimum(distance, abs(points - end - along * onward))
    return distance
