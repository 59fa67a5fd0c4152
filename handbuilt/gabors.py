"""conv2d0: Gabor filters ("Curve Circuits", section "Gabor filters").

Grey-scale, at every orientation, in four phases: 0 a light line, 180 a dark one, 90 and 270 the two edges. Between them
the four answer to a line or an edge wherever it lies, and the ReLU keeps them from cancelling.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, offsets
from handbuilt.parameters import Gabors

__all__ = ["PHASES", "gabor_kernels"]

PHASES = (0.0, 90.0, 180.0, 270.0)

_LUMINANCE = np.array([0.299, 0.587, 0.114])  # Rec. 601, as in most image libraries


def gabor_kernels(p: Gabors, orientations: Array) -> Array:
    """Kernels of shape (orientations x phases, 3, 7, 7), each with zero mean and unit norm over luminance."""
    x, y = offsets(7, 1)
    window = np.exp(-(x**2 + y**2) / (2 * p.envelope**2))
    kernels = []
    for orientation in np.deg2rad(orientations):
        across = y * np.cos(orientation) - x * np.sin(orientation)
        for phase in np.deg2rad(PHASES):
            wave = window * np.cos(2 * np.pi * across / p.wavelength - phase)
            wave -= window * wave.sum() / window.sum()  # plain light and dark areas give no response
            kernels.append(_LUMINANCE[:, None, None] * wave / np.linalg.norm(wave))
    return np.stack(kernels)
