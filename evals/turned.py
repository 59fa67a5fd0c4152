"""Pictures turned behind a round window, so that at every angle the same of them is in sight."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from circuits.rotation import rotate_kernels

__all__ = ["through_window", "turned", "window"]


def window(size: int, fade: float) -> Tensor:
    """Size x size: 1 in the middle, falling to 0 at the circle that touches the edges, as half a cosine does.

    Args:
        size: px.
        fade: width of the edge as a share of the radius, above 0.
    """
    away = torch.arange(size) + 0.5 - size / 2
    inside = 1 - torch.hypot(away[:, None], away) / (size / 2)
    return 0.5 - 0.5 * torch.cos(math.pi * (inside / fade).clamp(0, 1))


def through_window(pictures: Tensor, fade: float) -> Tensor:
    """Pictures, ... x 3 x size x size, that fade to the mean colour of what is seen of them."""
    weights = window(pictures.shape[-1], fade)
    grey = _mean_colour(pictures, weights)
    return (pictures - grey) * weights + grey


def _mean_colour(pictures: Tensor, weights: Tensor) -> Tensor:
    return (pictures * weights).sum((-2, -1), keepdim=True) / weights.sum()


def turned(picture: Tensor, degrees: Tensor, fade: float, *, back: bool = False) -> Tensor:
    """A picture turned counter-clockwise about its middle, seen through the window.

    Interpolation is bicubic, and of quarter turns none.

    Args:
        picture: 3 x size x size in [0, 1].
        degrees: (N,).
        fade: of the window's edge.
        back: turn it back again, which leaves what interpolation does.

    Returns:
        N x 3 x size x size in [0, 1].
    """
    weights = window(picture.shape[-1], fade)
    grey = _mean_colour(picture, weights)
    moved = rotate_kernels(picture - grey, degrees[:, None])
    if back:
        moved = rotate_kernels(moved, -degrees[:, None])
    return (moved * weights + grey).clamp(0, 1)
