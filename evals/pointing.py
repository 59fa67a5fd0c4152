"""Which way a picture points, told by units whose directions are known when it is turned before them.

A unit answers most when what is shown points its way, so that a picture which must be turned by t to excite a unit of
direction d points to d - t.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evals.tuning import Array

__all__ = ["pointing"]


def pointing(heard: Array, turns: Sequence[float], directions: Sequence[float]) -> Array:
    """What each unit says of each direction that a picture may have.

    Args:
        heard: activations, N x turns x units.
        turns: degrees, ascending and evenly spaced over the circle.
        directions: the units', degrees.

    Returns:
        N x units x turns: the activation that the unit would have if the picture pointed to that angle of `turns`, read
        off its activations to the turned picture.
    """
    turned = np.asarray(turns)
    needed = np.asarray(directions)[:, None] - turned
    found = np.empty((len(heard), len(directions), len(turned)))
    for picture, answers in enumerate(heard):
        for unit, answer in enumerate(answers.T):
            found[picture, unit] = np.interp(needed[unit], turned, answer, period=360)
    return found
