"""conv2d0: Gabor and colour-contrast filters.

Source: "Curve Circuits", section "Gabor filters"; "An Overview of Early Vision", section "conv2d0".

Gabors see light against dark at every orientation, in four phases: 0 a light line, 180 a dark one, 90 and 270 the two
edges. Between them the four answer to a line or an edge wherever it lies, and the ReLU keeps them from cancelling.
Colour-contrast filters want one colour on one side and its opposite on the other, red against green or blue against
yellow, so that a contour between two colours of equal brightness is seen too. They are blind to grey.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, left_of, offsets
from handbuilt.parameters import Gabors
from handbuilt.parts import Part

__all__ = ["COLOURS", "PHASES", "gabors"]

PHASES = (0.0, 90.0, 180.0, 270.0)

LIGHT_DARK = (0.299, 0.587, 0.114)  # Rec. 601, as in most image libraries
COLOURS = {"red-green": (0.5, -0.5, 0.0), "blue-yellow": (-0.25, -0.25, 0.5)}
"""What each axis of colour takes of red, green and blue: pure red and green, or blue and yellow, are as far apart as
white and black."""


def gabors(p: Gabors, orientations: Array) -> list[Part]:
    """Kernels of shape (units, 3, 7, 7), each of zero mean and unit norm on its axis of colour.

    Returns:
        Gabors, orientation by orientation with four phases each; then for each axis of colour the contrasts,
        whose direction is that of the side on which the axis is positive.
    """
    light = [_wave(p, orientation, phase) for orientation in orientations for phase in PHASES]
    directions = np.concatenate([orientations, orientations + 180]) + 90
    parts = [Part("Gabor", np.repeat(orientations, len(PHASES)), 180, _coloured(LIGHT_DARK, light))]
    for name, colour in COLOURS.items():
        sides = [_wave(p, direction - 90, 90) for direction in directions]
        parts.append(Part(f"{name} contrast", directions % 360, 360, _coloured(colour, sides)))
    return parts


def _wave(p: Gabors, orientation: float, phase: float) -> Array:
    """7x7, `phase` degrees along the wave that runs to the left of the orientation; nothing for a plain area."""
    x, y = offsets(7, 1)
    window = np.exp(-(x**2 + y**2) / (2 * p.envelope**2))
    wave = window * np.cos(2 * np.pi * left_of(x, y, orientation) / p.wavelength - np.deg2rad(phase))
    wave -= window * wave.sum() / window.sum()
    unit: Array = wave / np.linalg.norm(wave)
    return unit


def _coloured(colour: tuple[float, float, float], waves: list[Array]) -> Array:
    return np.array(colour)[:, None, None] * np.stack(waves)[:, None]
