"""Where a kernel's weights lie and how they see an arc: the only geometry that the layers share.

Lengths are px of the image, angles degrees, counter-clockwise with y up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuits.angles import difference
from handbuilt.parameters import Arc

__all__ = ["Array", "arc_kernels", "offsets", "spread_evenly", "tuned"]

Array = NDArray[np.float64]


def spread_evenly(count: int, period: float) -> Array:
    """`count` angles from 0, evenly over `period` degrees."""
    return np.arange(count, dtype=np.float64) * (period / count)


def offsets(kernel: int, stride: int) -> tuple[Array, Array]:
    """Px to the right and px upwards from the middle of each weight of a `kernel` x `kernel` filter at `stride`."""
    steps = (np.arange(kernel) - kernel // 2) * float(stride)
    x, y = np.meshgrid(steps, -steps)
    return x, y


def tuned(channels: Array, angle: ArrayLike, width: float, period: float) -> Array:
    """Excitation of each of `channels` by something at `angle`, a von Mises bump that sums to 1 over the channels.

    Args:
        channels: preferred angles of the channels, shape (C,).
        angle: any shape.
        width: standard deviation, degrees.
        period: 180 for orientations, 360 for directions.

    Returns:
        Shape (C, *angle.shape).
    """
    angle = np.asarray(angle, dtype=float)
    radians = 2 * np.pi / period
    delta = difference(channels.reshape(-1, *[1] * angle.ndim), angle, period) * radians
    exponent = np.cos(delta) / (width * radians) ** 2
    bump = np.exp(exponent - exponent.max(axis=0))  # however narrow, one channel is excited
    total: Array = bump / bump.sum(axis=0)
    return total


class _ArcField(NamedTuple):
    """How points lie to an arc: px across and along it, and the arc's direction at its point nearest to them."""

    across: Array
    along: Array
    direction: Array
    turn: Array


def _field(x: Array, y: Array, direction: float, radius: float) -> _ArcField:
    angle = np.deg2rad(direction)
    to_centre_x, to_centre_y = radius * np.cos(angle) - x, radius * np.sin(angle) - y
    local = np.rad2deg(np.arctan2(to_centre_y, to_centre_x))
    turn = difference(local, direction, 360)
    return _ArcField(np.hypot(to_centre_x, to_centre_y) - radius, np.deg2rad(turn) * radius, local, turn)


def arc_kernels(p: Arc, directions: Array, pieces: Array, period: float, stride: int) -> Array:
    """5x5 kernels for arcs of the given `directions`, made of pieces that are tuned to the angles `pieces`.

    Pieces of period 180 are lines and lie along the tangent; pieces of period 360 are curves and point to the centre.

    Returns:
        Shape (directions, pieces, 5, 5).
    """
    x, y = offsets(5, stride)
    kernels = []
    for direction in directions:
        kernel = np.zeros((len(pieces), *x.shape))
        for radius in np.geomspace(p.smallest_radius, p.largest_radius, p.radii):
            own = _on_arc(p, _field(x, y, direction, radius), pieces, period)
            opposite = _on_arc(p, _field(x, y, direction + 180, radius), pieces, period)
            kernel += own - p.opposite * opposite - p.inhibition * own.sum(axis=0) / len(pieces)
        kernels.append(p.gain * kernel / np.maximum(kernel, 0).sum())
    return np.stack(kernels)


def _on_arc(p: Arc, at: _ArcField, pieces: Array, period: float) -> Array:
    """How much each piece at each place belongs to the arc; beyond a quarter turn either way nothing does."""
    near = np.exp(-(at.across**2) / (2 * p.across**2) - at.along**2 / (2 * p.along**2)) * (np.abs(at.turn) < 90)
    angle = at.direction + 90 if period == 180 else at.direction
    return near * tuned(pieces, angle, p.width, period)
