"""Angles in degrees, counter-clockwise with y up."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["difference"]


def difference(a: ArrayLike, b: ArrayLike, period: float = 360.0) -> NDArray[np.float64]:
    """The turn from `b` to `a`, in [-period / 2, period / 2); the shapes broadcast.

    Args:
        a: where the turn ends.
        b: where it begins.
        period: 360 for directions, 180 for orientations.
    """
    turn: NDArray[np.float64] = (np.asarray(a) - np.asarray(b) + period / 2) % period - period / 2
    return turn
