"""conv2d0: Gabor filters ("Curve Circuits", section "Gabor filters").

At every orientation, in four phases: 0 a light line, 180 a dark one, 90 and 270 the two edges. Between them the four
answer to a line or an edge wherever it lies, and the ReLU keeps them from cancelling. And on three axes of colour:
light against dark, red against green, blue against yellow, so that a contour between two colours of equal brightness
is seen. The last two are blind to grey.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, offsets
from handbuilt.parameters import Gabors

__all__ = ["COLOURS", "PHASES", "gabor_kernels"]

PHASES = (0.0, 90.0, 180.0, 270.0)

COLOURS = {
    "light-dark": (0.299, 0.587, 0.114),  # Rec. 601, as in most image libraries
    "red-green": (0.25, -0.25, 0.0),
    "blue-yellow": (-0.125, -0.125, 0.25),
}
"""What each axis of colour takes of red, green and blue, the colours at half strength."""


def gabor_kernels(p: Gabors, orientations: Array) -> Array:
    """Kernels of shape (orientations x colours x phases, 3, 7, 7), each of zero mean and unit norm on its axis."""
    x, y = offsets(7, 1)
    window = np.exp(-(x**2 + y**2) / (2 * p.envelope**2))
    kernels = []
    for orientation in np.deg2rad(orientations):
        across = y * np.cos(orientation) - x * np.sin(orientation)
        for colour in COLOURS.values():
            for phase in np.deg2rad(PHASES):
                wave = window * np.cos(2 * np.pi * across / p.wavelength - phase)
                wave -= window * wave.sum() / window.sum()  # plain areas give no response
                kernels.append(np.array(colour)[:, None, None] * wave / np.linalg.norm(wave))
    return np.stack(kernels)
