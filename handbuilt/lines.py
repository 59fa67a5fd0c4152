"""conv2d2: lines, combed edges and small curves.

Source: "Curve Circuits", section "Lines"; "An Overview of Early Vision", section "conv2d2".

Lines are complex Gabors tiled along their tangent: three in a row along the line excite, and whatever has another
orientation inhibits at the same places, so that texture, which holds all orientations alike, gives nothing. A combed
edge wants such a row on one side and, on the other, complex Gabors that stand on it. A small curve wants them tangent
to circles about one centre, whatever their radius: it is concentric.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, field, left_of, normalised, offsets, tuned
from handbuilt.parameters import CombedEdges, Lines, SmallCurves
from handbuilt.parts import Part

__all__ = ["combed_edges", "lines", "small_curves"]

STRIDE = 4


def lines(p: Lines, orientations: Array) -> Part:
    """Kernels of shape (orientations, orientations, 3, 3), over complex Gabors of the same orientations."""
    x, y = offsets(3, STRIDE)
    kernels = []
    for orientation in orientations:
        row = np.exp(-(left_of(x, y, orientation) ** 2) / (2 * p.spread**2))
        along = tuned(orientations, orientation, p.width, 180) - p.inhibition / len(orientations)
        kernels.append(p.gain * along[:, None, None] * row / row.sum())
    return Part("line", orientations, 180, np.stack(kernels), p.threshold)


def combed_edges(p: CombedEdges, directions: Array, orientations: Array) -> Part:
    """Kernels of shape (directions, orientations, 3, 3); the direction is that in which the teeth point.

    A comb's edge drowns among its teeth and is seen on the other side: edge there and teeth here excite, and either
    inhibits where the other should be.
    """
    x, y = offsets(3, STRIDE)
    kernels = []
    for direction in directions:
        height = left_of(x, y, direction - 90)
        back, middle, front = (np.exp(-((height - row) ** 2) / (2 * p.spread**2)) for row in (-STRIDE, 0, STRIDE))
        edge, teeth = (tuned(orientations, angle, p.width, 180)[:, None, None] for angle in (direction - 90, direction))
        excited = (1 - p.teeth) * edge * back / back.sum() + p.teeth * teeth * front / front.sum()
        swapped = (edge * (front / front.sum() + middle / middle.sum()) + teeth * back / back.sum()) / 2
        kernels.append(p.gain * (excited - p.swapped * swapped))
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
