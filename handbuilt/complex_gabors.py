"""conv2d1: complex Gabors.

Source: "Curve Circuits", section "Gabor filters"; "An Overview of Early Vision", section "conv2d1".

All phases and colours of one orientation are added, so that lines and edges of any colour count alike. Inhibition by
all orientations alike takes off what is not of the own one: it sharpens the broad tuning of a 7x7 filter, and what has
no orientation, such as fine texture and noise, gives nothing.
"""

from __future__ import annotations

from handbuilt.geometry import Array, tuned
from handbuilt.parameters import ComplexGabors
from handbuilt.parts import Part, reading

__all__ = ["complex_gabors"]


def complex_gabors(p: ComplexGabors, orientations: Array, below: list[Part]) -> list[Part]:
    """Kernels of shape (orientations, channels of conv2d0, 1, 1)."""
    kernels = {}
    for part in below:
        # A contrast's direction is across its orientation.
        along = part.angles if part.period == 180 else part.angles - 90
        excited = tuned(orientations, along, p.width, 180)
        kernels[part.name] = (excited - p.inhibition / len(orientations))[:, :, None, None]
    return [Part("complex Gabor", orientations, 180, reading(below, kernels))]
