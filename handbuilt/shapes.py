"""4a: circles, spirals, S-shapes and evolutes, made of the curves of 3b.

Source: "Curve Detectors", which shows such units beyond 3b; "Curve Circuits", whose circuit ends with them.

On a ring around the middle, a circle wants curves that face the middle, an evolute curves that face away from it, and
a spiral curves that face past it, all to one side. An S-shape wants a curve on one side of its middle and
one of the opposite direction on the other, with one tangent between them.
"""

from __future__ import annotations

import numpy as np

from handbuilt.geometry import Array, field, near, normalised, offsets, tuned
from handbuilt.parameters import Shapes
from handbuilt.parts import Part, named, reading

__all__ = ["shapes"]

STRIDE = 16


def shapes(p: Shapes, orientations: Array, below: list[Part]) -> list[Part]:
    """Kernels of shape (units, channels of 3b, 5, 5), over the curves of all bands.

    Returns:
        A circle, a spiral that winds counter-clockwise as it grows and its mirror image, an evolute; S-shapes and their
        mirror images by the orientation of the tangent in the middle.
    """
    directions = named(below, "curve").angles
    turns = {"circle": 0.0, "spiral": -p.pitch, "mirrored spiral": p.pitch, "evolute": 180.0}
    parts = {name: [_ring(p, turn, set(turns.values()) - {turn}, directions)] for name, turn in turns.items()}
    parts |= {name: [_s_shape(p, angle, side, directions) for angle in orientations] for name, side in _SIDES.items()}
    return [_part(p, name, kernels, orientations[: len(kernels)], below) for name, kernels in parts.items()]


_SIDES = {"S-shape": 1, "mirrored S-shape": -1}


def _ring(p: Shapes, turn: float, rivals: set[float], directions: Array) -> Array:
    """Curves on a ring, which face the middle but for a turn; those of other turns inhibit."""
    x, y = offsets(5, STRIDE)
    away = np.hypot(x, y)
    on = np.exp(-((away - p.radius) ** 2) / (2 * p.across**2)) * (away > 0)
    inwards = np.rad2deg(np.arctan2(-y, -x))
    own = tuned(directions, inwards + turn, p.width, 360)
    others = np.mean([tuned(directions, inwards + rival, p.width, 360) for rival in sorted(rivals)], axis=0)
    kernel: Array = on * (own - p.rivals * others - p.inhibition / len(directions))
    return kernel


def _s_shape(p: Shapes, orientation: float, side: int, directions: Array) -> Array:
    """The right half of one arc and the left half of the opposite one, or their mirror image."""
    x, y = offsets(5, STRIDE)
    kernel = np.zeros((len(directions), *x.shape))
    for direction in (orientation + 90, orientation - 90):
        at = field(x, y, direction, p.radius)
        on = near(at, p.across, p.along) * np.clip(side * at.along / STRIDE, 0, 1)
        kernel += on * (tuned(directions, at.direction, p.width, 360) - p.inhibition / len(directions))
    return kernel


def _part(p: Shapes, name: str, kernels: list[Array], angles: Array, below: list[Part]) -> Part:
    period = 180 if name in _SIDES else 90  # a ring is itself again after any turn; exactly, after a quarter
    whole = np.stack([normalised(kernel, p.gain) for kernel in kernels])
    read = reading(below, {"curve": whole})
    return Part(name, angles, period, read, p.threshold)
