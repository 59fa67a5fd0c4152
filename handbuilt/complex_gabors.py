"""conv2d1: complex Gabors ("Curve Circuits", section "Gabor filters").

All phases and colours of one orientation are added, so that lines and edges of any colour count alike; all other
orientations inhibit, which sharpens the broad tuning of a 7x7 filter.
"""

from __future__ import annotations

import numpy as np

from handbuilt.gabors import COLOURS, PHASES
from handbuilt.geometry import Array, tuned
from handbuilt.parameters import ComplexGabors

__all__ = ["complex_gabor_kernels"]


def complex_gabor_kernels(p: ComplexGabors, orientations: Array) -> Array:
    """Kernels of shape (orientations, orientations x colours x phases, 1, 1)."""
    weights = tuned(orientations, orientations, p.width, 180) - p.inhibition / len(orientations)
    return np.repeat(weights.T, len(COLOURS) * len(PHASES), axis=1)[:, :, None, None]
