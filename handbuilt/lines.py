"""conv2d2: lines ("Curve Circuits", section "Lines").

Complex Gabors tiled along their tangent: three in a row along the line excite, and whatever has another orientation
inhibits at the same places, so that texture, which holds all orientations alike, gives nothing.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, offsets, tuned
from handbuilt.parameters import Lines

__all__ = ["line_kernels"]


def line_kernels(p: Lines, orientations: Array, stride: int) -> Array:
    """Kernels of shape (orientations, orientations, 3, 3)."""
    x, y = offsets(3, stride)
    kernels = []
    for orientation in orientations:
        angle = np.deg2rad(orientation)
        along_tangent = np.exp(-((y * np.cos(angle) - x * np.sin(angle)) ** 2) / (2 * p.spread**2))
        excited = tuned(orientations, orientation, p.width, 180) - p.inhibition / len(orientations)
        kernels.append(p.gain * excited[:, None, None] * along_tangent / along_tangent.sum())
    return np.stack(kernels)
