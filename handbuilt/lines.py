"""conv2d2: lines, combed edges and small curves ("Curve Circuits", section "Lines"; "An Overview of Early Vision",
section "conv2d2").

Lines are complex Gabors tiled along their tangent: three in a row along the line excite, and whatever has another
orientation inhibits at the same places, so that texture, which holds all orientations alike, gives nothing. A combed
edge wants such a row and, on one side of it, complex Gabors that stand on it. A small curve wants them tangent to
circles about one centre, whatever their radius: it is concentric.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, field, normalised, offsets, tuned
from handbuilt.parameters import CombedEdges, Lines, SmallCurves
from handbuilt.parts import Part

__all__ = ["combed_edges", "lines", "small_curves"]

STRIDE = 4


def lines(p: Lines, orientations: Array) -> Part:
    """Kernels of shape (orientations, orientations, 3, 3), over complex Gabors of the same orientations."""
    kernels = []
    for orientation in orientations:
        row = np.exp(-(_height(orientation) ** 2) / (2 * p.spread**2))
        along = tuned(orientations, orientation, p.width, 180) - p.inhibition / len(orientations)
        kernels.append(p.gain * along[:, None, None] * row / row.sum())
    return Part("line", orientations, 180, np.stack(kernels), p.threshold)


def combed_edges(p: CombedEdges, directions: Array, orientations: Array) -> Part:
    """Kernels of shape (directions, orientations, 3, 3); the direction is that in which the teeth point."""
    kernels = []
    for direction in directions:
        height = _height(direction - 90)
        row = np.exp(-(height**2) / (2 * p.spread**2))
        teeth = np.exp(-((height - STRIDE) ** 2) / (2 * p.spread**2))
        edge = tuned(orientations, direction - 90, p.width, 180)[:, None, None] * row / row.sum()
        standing = tuned(orientations, direction, p.width, 180)[:, None, None] * teeth / teeth.sum()
        plain = (row / row.sum() + teeth / teeth.sum()) / len(orientations)
        kernels.append(p.gain * ((1 - p.teeth) * edge + p.teeth * standing - p.inhibition / 2 * plain))
    return Part("combed edge", directions, 360, np.stack(kernels), p.threshold)


def small_curves(p: SmallCurves, directions: Array, orientations: Array) -> Part:
    """Kernels of shape (directions, orientations, 3, 3)."""
    x, y = offsets(3, STRIDE)
    kernels = []
    for direction in directions:
        at = field(x, y, direction, p.radius)
        opposite = field(x, y, direction + 180, p.radius)
        own = tuned(orientations, at.direction + 90, p.width, 180)
        other = tuned(orientations, opposite.direction + 90, p.width, 180)
        kernels.append(normalised(own - p.opposite * other - p.inhibition / len(orientations), p.gain))
    return Part("small curve", directions, 360, np.stack(kernels), p.threshold)


def _height(orientation: float) -> Array:
    """Px from the middle to the left of the orientation, 3 x 3."""
    x, y = offsets(3, STRIDE)
    angle = np.deg2rad(orientation)
    height: Array = y * np.cos(angle) - x * np.sin(angle)
    return height
