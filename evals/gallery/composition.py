"""A unit drawn from what excites it: at each place of its kernels the icon of the unit that it wants there.

As "decomposed feature visualization" in "Curve Circuits" (the curve detector algorithm), with icons of families where
the article has a feature visualization of each place.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits import Family, Network, Unit, expanded_weights
from evals.gallery.icons import feature_ink, has_icon, unit_icon
from evals.tuning import Array

__all__ = ["FEW", "composition", "picture", "pooled"]

PLACES, FEW = 15, 5
"""Places on a side of a picture, and of one that is as small as an icon."""


def composition(kernels: Array, families: Sequence[Family], most: int = PLACES) -> Array:
    """Pixels in [0, 1], h x w x 3: dark icons on white, full where the weight is largest.

    Args:
        kernels: C x k x k, with which a unit reads all units of a layer.
        families: of that layer. Shown is, at each place, the unit of all of them with the largest weight, if it is
            above 0.
        most: places on a side; finer kernels are summed in squares.
    """
    members = [(family, place) for family in families if has_icon(family.name) for place in range(len(family))]
    coarse = pooled(kernels[[family.channels[place] for family, place in members]], most)
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


def picture(net: Network, unit: Unit, family: Family, before: str | None, read: Sequence[Family]) -> Array:
    """The icon of a unit's kind, or where the kind has none, the unit composed of what excites it.

    Args:
        net: the network.
        unit: one of the family's.
        family: its kind and its direction.
        before: the layer that it is composed of; None for the first layer.
        read: that layer's families.
    """
    if has_icon(family.name) or not any(has_icon(one.name) for one in read) or before is None:
        return unit_icon(net, unit, family)
    return composition(expanded_weights(net, before, unit).detach().cpu().double().numpy(), read, FEW)


def pooled(kernels: Array, most: int) -> Array:
    """C x n x n with n at most `most`: weights summed in squares, the kernels' middle in the middle of the result."""
    size = kernels.shape[-1]
    square, count = next(
        (square, count)
        for square in range(1, size + 2)
        for count in (-(-size // square), -(-size // square) + 1)
        if count <= most and (count * square - size) % 2 == 0
    )
    around = (count * square - size) // 2
    padded = np.pad(kernels, ((0, 0), (around, around), (around, around)))
    summed: Array = padded.reshape(len(kernels), count, square, count, square).sum(axis=(2, 4))
    return summed
