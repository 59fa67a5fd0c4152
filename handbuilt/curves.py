"""3b: curves in three bands of radius, and double curves.

Source: "Curve Circuits", section "Curves"; "An Overview of Early Vision", section "mixed3b".

A curve is a long arc of early curves, built as they are from lines: those that point to the arc's centre excite, all
others inhibit, and those of the opposite arc inhibit most, which removes echoes. A double curve is two such arcs, back
to back through its middle, and is inhibited by the straight line between them.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, arc_kernels, field, near, normalised, offsets, pieces, tuned
from handbuilt.parameters import Curves, DoubleCurves
from handbuilt.parts import Part, named, reading

__all__ = ["curves", "double_curves"]

STRIDE = 8


def curves(p: Curves, directions: Array, below: list[Part]) -> list[Part]:
    """Kernels of shape (directions, channels of 3a, 5, 5).

    Returns:
        A family for each band: of middle, small and large radii.
    """
    medium = p.medium_radius, p.wide_radius
    bands = medium, (p.smallest_radius, p.medium_radius), (p.wide_radius, p.largest_radius)
    early = named(below, "early curve").angles
    parts = []
    for band in bands:
        arcs = reading(below, {"early curve": arc_kernels(p, band, directions, early, 360, STRIDE)})
        notes = {"smallest_radius": band[0], "largest_radius": band[1]}
        parts.append(Part("curve", directions, 360, arcs, p.threshold, notes))
    return parts


def double_curves(p: DoubleCurves, arc: Curves, axes: Array, below: list[Part]) -> Part:
    """Kernels of shape (axes, channels of 3a, 5, 5); curves of the directions axis and axis + 180 excite."""
    early, lines = named(below, "early curve").angles, named(below, "line").angles
    x, y = offsets(5, STRIDE)
    curved, straight = [], []
    for axis in axes:
        both, between = np.zeros((len(early), *x.shape)), np.zeros((len(lines), *x.shape))
        for radius in np.geomspace(arc.medium_radius, arc.wide_radius, arc.radii):
            for at in (field(x, y, axis, radius), field(x, y, axis + 180, radius)):
                on = near(at, arc.across, arc.along)
                both += on * (pieces(early, at, arc.width, 360) - arc.inhibition / len(early))
                between += on * tuned(lines, axis + 90, arc.width, 180)[:, None, None]
        curved.append(normalised(both, arc.gain))
        straight.append(-normalised(between, arc.gain * p.straight))
    kernels = reading(below, {"early curve": np.stack(curved), "line": np.stack(straight)})
    return Part("double curve", axes, 180, kernels, p.threshold)
