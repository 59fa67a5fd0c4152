"""Orientation energy of a map along and across a known curve, by the structure tensor."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.precision import arithmetic
from evals.stimuli import Curve

__all__ = ["perpendicular_share"]


@arithmetic()
def perpendicular_share(maps: Tensor, curve: Curve) -> float:
    """The share of a map's orientation energy that is of lines perpendicular to a curve.

    The slope of the map (Sobel) is split, at every pixel, into the part along the curve's tangent and the part towards
    its centre. A line across the curve changes along it, so its energy is the squared slope along the tangent.

    Args:
        maps: N x S x S, such as attributions.
        curve: of size S; the directions at a pixel are those of the concentric curve that passes there.

    Returns:
        0 (all lines run along the curve) to 1 (all run across it), 1/2 for no preference; NaN for flat maps.
    """
    sobel = maps.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    right, up = F.conv2d(maps[:, None], torch.stack((sobel, -sobel.T))[:, None], padding=1).unbind(1)
    place = np.arange(curve.size) + 0.5 - curve.size / 2
    x, y = place[None, :] - curve.position[0], -place[:, None] - curve.position[1]
    angle = np.radians(curve.direction)
    # Towards the centre of curvature; of a straight line, everywhere its direction.
    inward = np.exp(1j * angle) - (x + 1j * y) / curve.radius
    inward = inward / np.maximum(np.abs(inward), 1e-9)
    dx, dy = (torch.from_numpy(part).to(maps) for part in (inward.real, inward.imag))
    across, along = (right * dx + up * dy).square().sum(), (up * dx - right * dy).square().sum()
    return float(along / (along + across))
