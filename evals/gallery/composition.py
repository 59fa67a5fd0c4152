"""A unit drawn from what excites it: at each place of its kernels the icon of the unit that it wants there.

As "decomposed feature visualization" in "Curve Circuits" (the curve detector algorithm), with icons of families where
the article has a feature visualization of each place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits import Family
from evals.gallery.icons import feature_ink, has_icon
from evals.tuning import Array

__all__ = ["composition", "pooled"]

PLACES = 15
"""Most places on a side; finer kernels are summed in squares."""


def composition(kernels: Array, families: Sequence[Family]) -> Array:
    """Pixels in [0, 1], h x w x 3: dark icons on white, full where the weight is largest.

    Args:
        kernels: C x k x k, with which a unit reads all units of a layer.
        families: of that layer. Shown is, at each place, the unit of all of them with the largest weight, if it is
            above 0.
    """
    members = [(family, place) for family in families if has_icon(family.name) for place in range(len(family))]
    coarse = pooled(kernels[[family.channels[place] for family, place in members]])
    side = coarse.shape[-1]
    best, strength = coarse.argmax(axis=0), coarse.max(axis=0).clip(min=0)
    largest = float(strength.max()) or 1.0
    inks: dict[int, Array] = {}
    rows = []
    for row in range(side):
        cells = []
        for column in range(side):
            number = int(best[row, column])
            if number not in inks:
                family, place = members[number]
                inks[number] = feature_ink(family.name, family.directions[place])
            cells.append(inks[number] * strength[row, column] / largest)
        rows.append(np.concatenate(cells, axis=1))
    ink = np.concatenate(rows)
    drawn: Array = np.repeat(1 - 0.9 * ink[..., None], 3, axis=2)
    return drawn


def pooled(kernels: Array) -> Array:
    """C x n x n with n at most `PLACES`: weights summed in squares, the kernels' middle in the middle of the result."""
    size, square = kernels.shape[-1], 1
    while (count := -(-size // square)) > PLACES or (count * square - size) % 2:
        square += 1
    around = (count * square - size) // 2
    padded = np.pad(kernels, ((0, 0), (around, around), (around, around)))
    summed: Array = padded.reshape(len(kernels), count, square, count, square).sum(axis=(2, 4))
    return summed
