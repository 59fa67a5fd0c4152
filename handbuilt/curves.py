"""3b: curves in two bands of radius, and double curves ("Curve Circuits", section "Curves"; "An Overview of Early
Vision", section "mixed3b").

A curve is a long arc of early curves, built as they are from lines: those that point to the arc's centre excite, all
others inhibit, and those of the opposite arc inhibit most, which removes echoes. A double curve is two such arcs, back
to back through its middle, and is inhibited by the straight line between them.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, arc_kernels, field, near, normalised, offsets, pieces, tuned
from handbuilt.parameters import Curves, DoubleCurves
from handbuilt.parts import Part, reading

__all__ = ["curves", "double_curves"]

STRIDE = 8


def curves(p: Curves, name: str, directions: Array, below: list[Part]) -> Part:
    """Kernels of shape (directions, channels of 3a, 5, 5)."""
    early = next(part.angles for part in below if part.name == "early curve")
    arcs = arc_kernels(p, directions, early, 360, STRIDE)
    band = {"smallest_radius": p.smallest_radius, "largest_radius": p.largest_radius}
    kernels = reading(below, {"early curve": arcs})
    return Part(name, directions, 360, kernels, p.threshold, band)


def double_curves(p: DoubleCurves, axes: Array, below: list[Part]) -> Part:
    """Kernels of shape (axes, channels of 3a, 5, 5); curves of the directions axis and axis + 180 excite."""
    early, lines = (next(part.angles for part in below if part.name == name) for name in ("early curve", "line"))
    x, y = offsets(5, STRIDE)
    arcs, straight = [], []
    for axis in axes:
        arc, line = np.zeros((len(early), *x.shape)), np.zeros((len(lines), *x.shape))
        for radius in np.geomspace(p.smallest_radius, p.largest_radius, p.radii):
            for at in (field(x, y, axis, radius), field(x, y, axis + 180, radius)):
                on = near(p, at)
                arc += on * (pieces(early, at, p.width, 360) - p.inhibition / len(early))
                line += on * tuned(lines, axis + 90, p.width, 180)[:, None, None]
        arcs.append(normalised(arc, p.gain))
        straight.append(-normalised(line, p.gain * p.straight))
    kernels = reading(below, {"early curve": np.stack(arcs), "line": np.stack(straight)})
    return Part("double curve", axes, 180, kernels, p.threshold)
