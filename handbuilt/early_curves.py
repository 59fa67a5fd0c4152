"""3a: lines, early curves and line ends.

Source: "Curve Circuits", section "Early curves"; "An Overview of Early Vision", section "mixed3a".

An early curve is a short arc of lines: those along its tangent excite, those across it and those of the arc that bends
the opposite way inhibit. A line end wants a line on one side of its middle and none beyond it. The lines themselves are
passed on.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, arc_kernels, left_of, normalised, offsets, tuned
from handbuilt.parameters import EarlyCurves, LineEnds
from handbuilt.parts import Part, named, reading

__all__ = ["early_curves", "line_ends", "passed_on"]

STRIDE = 8


def passed_on(below: list[Part], name: str) -> Part:
    """A family of the layer below, each unit as it is."""
    part = named(below, name)
    same = np.eye(len(part))[:, :, None, None]
    return Part(name, part.angles, part.period, reading(below, {name: same}))


def early_curves(p: EarlyCurves, directions: Array, below: list[Part]) -> Part:
    """Kernels of shape (directions, channels of conv2d2, 5, 5)."""
    orientations = named(below, "line").angles
    arcs = arc_kernels(p, (p.smallest_radius, p.largest_radius), directions, orientations, 180, STRIDE)
    return Part("early curve", directions, 360, reading(below, {"line": arcs}), p.threshold)


def line_ends(p: LineEnds, directions: Array, below: list[Part]) -> Part:
    """Kernels of shape (directions, channels of conv2d2, 5, 5); the direction is that in which the line goes away."""
    orientations = named(below, "line").angles
    x, y = offsets(5, STRIDE)
    kernels = []
    for direction in directions:
        angle = np.deg2rad(direction)
        along, across = x * np.cos(angle) + y * np.sin(angle), left_of(x, y, direction)
        on = np.exp(-(across**2) / (2 * p.across**2) - along**2 / (2 * p.along**2))
        excited = tuned(orientations, direction, p.width, 180)[:, None, None] * on
        side = np.tanh(along / STRIDE)  # from -1 past the end to 1 on the line
        there, beyond = np.maximum(side, 0), np.maximum(-side, 0)
        plain = p.inhibition * on * there / len(orientations)
        kernels.append(normalised(excited * (there - p.beyond * beyond) - plain, p.gain))
    return Part("line end", directions, 360, reading(below, {"line": np.stack(kernels)}), p.threshold)
