"""The drawn curve that each unit of a family prefers, as a place to start from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from circuits import Family, Network
from evals.curve_table import CurveTable
from evals.grid import CurveGrid
from evals.oriented import POLARITIES
from evals.stimuli import Curve
from evals.sweep import sweep
from evals.tuning import Array

__all__ = ["curve_directions", "each_own", "preferred_curves", "straight"]


def curve_directions(family: Family) -> Array:
    """The directions, degrees, of the curves that members are shown; across the line, for a family of straight ones."""
    return np.asarray(family.directions) + 90 * straight(family)


def straight(family: Family) -> bool:
    """Whether its members' feature runs along their direction, as a line's does, and not around what lies that way."""
    return family.period == 180 and "curve" not in family.name


def preferred_curves(
    net: Network,
    family: Family,
    radii: Sequence[float],
    base: Curve,
    progress: Callable[[int], None] | None = None,
) -> tuple[Curve, ...]:
    """For each member the line in its own direction whose radius and polarity excite it most.

    Args:
        net: the network.
        family: its units. Those of a family of straight features get straight lines.
        radii: px, to choose from.
        base: everything else about the lines, of the size of the receptive field.
        progress: called with the number of curves that were shown.
    """
    tried = (math.inf,) if straight(family) else tuple(radii)
    heard = []
    for foreground, background in POLARITIES.values():
        colours = replace(base, foreground=foreground, background=background)
        table = CurveTable(colours, {"direction": curve_directions(family)[:, None], "radius": np.array([tried])})
        heard.append(each_own(net, family, table, progress))
    by_choice = np.stack(heard, axis=1).reshape(len(family), -1)
    found = []
    for best, direction in zip(by_choice.argmax(axis=1), curve_directions(family), strict=True):
        polarity, radius = divmod(int(best), len(tried))
        foreground, background = tuple(POLARITIES.values())[polarity]
        found.append(
            replace(base, direction=direction, radius=tried[radius], foreground=foreground, background=background)
        )
    return tuple(found)


def each_own(
    net: Network, family: Family, stimuli: CurveTable | CurveGrid, progress: Callable[[int], None] | None = None
) -> Array:
    """Each member's pre-activation to its own stimuli: members come first in the array that is shown and returned."""
    values = sweep(net, family.layer, stimuli, progress=progress).double().numpy()
    own: Array = np.stack([values[i, ..., channel] for i, channel in enumerate(family.channels)])
    return own
