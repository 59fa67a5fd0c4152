"""The best fit of relu(scale x + shift) to a unit's activation: exact, although the problem has many valleys.

With scale > 0 the fit is scale relu(x + t), t = shift / scale. Between two neighbouring values of -x the same places
are above zero, so that for every t there the best scale and its error follow from five sums over them, and the best t
from a linear equation. Sorting x once makes all sums prefix sums: all valleys are looked into, in time N log N.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rectified", "Sorted", "as_loud"]

Array = NDArray[np.float64]

FAR = 1000.0
"""How far beyond the last value a shift may lie, in units of x's range. Where a constant is best of all, which is what
shifts without end lead to, the fit comes as near to it as a thousandth."""


class Rectified(NamedTuple):
    """relu(scale x + shift), and the share of the target's variance that it explains: 1 is all, below 0 is harm."""

    scale: float
    shift: float
    explained: float


class Sorted:
    """Values x of a candidate, N, sorted, ready to be fitted to any number of targets."""

    def __init__(self, x: Array) -> None:
        self._order = np.argsort(-x, kind="stable")
        values = x[self._order]
        self._top = float(values[0])
        self._x = values - self._top  # from 0 downwards: sums near the top do not cancel
        self._span = float(-self._x[-1])
        self._count = np.arange(1.0, len(x) + 1)
        self._sum, self._squares = np.cumsum(self._x), np.cumsum(self._x**2)
        self._ends = np.append(-self._x[1:], (1 + FAR) * self._span)
        """By k, the largest t with which the first k values are above zero and no others."""

    def fit(self, target: Array) -> Rectified | None:
        """The fit with the least squared error to a target, N; None if x or the target is the same everywhere."""
        variance = float(np.sum((target - target.mean()) ** 2))
        if not self._span or not variance:
            return None
        heard = target[self._order]
        first, second = np.cumsum(heard), np.cumsum(heard * self._x)
        # What a fit takes off the sum of squares is (second + t first)^2 / (squares + 2 t sum + t^2 count): it is
        # largest where an interval ends, or within one, where its derivative is zero.
        with np.errstate(divide="ignore", invalid="ignore"):
            level = (second * self._sum - first * self._squares) / (first * self._sum - second * self._count)
        within = np.flatnonzero((level > -self._x) & (level < self._ends))
        k = np.concatenate((np.arange(len(level)), within))
        t = np.concatenate((self._ends, level[within]))
        along = second[k] + t * first[k]
        energy = self._squares[k] + t * (2 * self._sum[k] + t * self._count[k])
        gains = np.divide(along**2, energy, out=np.zeros_like(energy), where=(along > 0) & (energy > 0))
        best = int(np.argmax(gains))
        if not gains[best] > 0:  # a target below zero throughout
            return None
        scale = float(along[best] / energy[best])
        error = float(np.sum(target**2)) - float(gains[best])
        return Rectified(scale, scale * (float(t[best]) - self._top), 1 - error / variance)


def as_loud(fit: Rectified, x: Array, target: Array) -> float:
    """What a fit must be multiplied by to have the mean square of its target, 1 or more.

    Least squares shrinks what it is not sure of: of a target of which x explains a third, the fit has a third of the
    power, and what reads it would hear too little.
    """
    said = np.maximum(fit.scale * x + fit.shift, 0)
    return float(np.sqrt(np.sum(target**2) / np.sum(said**2)))
