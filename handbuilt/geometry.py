"""Where a kernel's weights lie and how they see an arc: the only geometry that the layers share.

Lengths are px of the image, angles degrees, counter-clockwise with y up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuits.angles import difference
from handbuilt.parameters import Arc

__all__ = [
    "ArcField",
    "Array",
    "arc_kernels",
    "field",
    "left_of",
    "near",
    "normalised",
    "offsets",
    "pieces",
    "spread_evenly",
    "tuned",
]

Array = NDArray[np.float64]


def spread_evenly(count: int, period: float) -> Array:
    """`count` angles from 0, evenly over `period` degrees."""
    return np.arange(count, dtype=np.float64) * (period / count)


def offsets(kernel: int, stride: int) -> tuple[Array, Array]:
    """Px to the right and px upwards from the middle of each weight of a `kernel` x `kernel` filter at `stride`."""
    steps = (np.arange(kernel) - kernel // 2) * float(stride)
    x, y = np.meshgrid(steps, -steps)
    return x, y


def left_of(x: Array, y: Array, orientation: float) -> Array:
    """Px to the left of the line through the middle that runs in a direction."""
    angle = np.deg2rad(orientation)
    found: Array = y * np.cos(angle) - x * np.sin(angle)
    return found


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


class ArcField(NamedTuple):
    """How points lie to an arc, each value px or degrees by point.

    Attributes:
        across: px outwards from the arc.
        along: px along the arc from its middle, to the right as seen towards the centre.
        direction: of the arc at its point nearest by.
        turn: degrees from the direction in the arc's middle to that.
    """

    across: Array
    along: Array
    direction: Array
    turn: Array


def field(x: Array, y: Array, direction: float, radius: float) -> ArcField:
    """How the points (x, y) lie to the arc through the middle that has the direction and the radius, px."""
    angle = np.deg2rad(direction)
    to_centre_x, to_centre_y = radius * np.cos(angle) - x, radius * np.sin(angle) - y
    local = np.rad2deg(np.arctan2(to_centre_y, to_centre_x))
    turn = difference(local, direction, 360)
    return ArcField(np.hypot(to_centre_x, to_centre_y) - radius, np.deg2rad(turn) * radius, local, turn)


def near(at: ArcField, across: float, along: float) -> Array:
    """How much a place belongs to an arc, 0..1, by standard deviations in px; it fades out towards a quarter turn."""
    share: Array = np.exp(-(at.across**2) / (2 * across**2) - at.along**2 / (2 * along**2))
    return share * np.maximum(np.cos(np.deg2rad(at.turn)), 0)


def pieces(angles: Array, at: ArcField, width: float, period: float) -> Array:
    """Excitation by pieces tuned to `angles`: lines (period 180) lie along the tangent, curves point to the centre."""
    return tuned(angles, at.direction + 90 if period == 180 else at.direction, width, period)


def normalised(kernel: Array, gain: float) -> Array:
    """The kernel with an excitation that sums to `gain`."""
    scaled: Array = gain * kernel / np.maximum(kernel, 0).sum()
    return scaled


def arc_kernels(
    p: Arc, band: tuple[float, float], directions: Array, angles: Array, period: float, stride: int
) -> Array:
    """5x5 kernels for arcs of the given `directions`, made of pieces that are tuned to `angles`.

    The mean over a band of radii, px, of an ideal arc through the middle: pieces along it excite, all others on it
    inhibit, and so do the pieces of the arc that bends the opposite way.

    Returns:
        Shape (directions, angles, 5, 5).
    """
    x, y = offsets(5, stride)
    kernels = []
    for direction in directions:
        kernel = np.zeros((len(angles), *x.shape))
        for radius in np.geomspace(*band, p.radii):
            own, opposite = (
                near(at, p.across, p.along) * pieces(angles, at, p.width, period)
                for at in (field(x, y, direction, radius), field(x, y, direction + 180, radius))
            )
            kernel += own - p.opposite * opposite - p.inhibition * own.sum(axis=0) / len(angles)
        kernels.append(normalised(kernel, p.gain))
    return np.stack(kernels)
