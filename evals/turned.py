"""Pictures turned behind a round window, so that at every angle the same of them is in sight."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from circuits import Network
from circuits.rotation import rotate_kernels
from evals.sweep import BATCH, GPU_BATCH
from evals.tuning import Array

__all__ = ["heard_turned", "through_window", "turned", "window"]


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


def heard_turned(
    net: Network,
    layer: str,
    picture: Tensor,
    degrees: Tensor,
    fade: float,
    *,
    back: bool = False,
    told: Callable[[int], None] | None = None,
) -> Array:
    """Pre-activations of a layer's units to a picture that is turned: N x units.

    Args:
        net: the network that looks.
        layer: of it.
        picture: 3 x size x size in [0, 1], the size of the layer's receptive field.
        degrees: (N,).
        fade: of the window's edge.
        back: turn it back again.
        told: called with the number of turns done.

    Raises:
        CurvesError: the picture is of another size.
    """
    parts = []
    with torch.inference_mode():
        for some in torch.split(degrees, BATCH if net.device.type == "cpu" else GPU_BATCH):
            shown = turned(picture, some, fade, back=back).to(net.device, net.dtype)
            parts.append(net.responses(shown, layer).cpu().double())
            if told:
                told(len(some))
    heard: Array = torch.cat(parts).numpy()
    return heard
