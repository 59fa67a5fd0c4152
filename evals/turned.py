"""Which way a picture points: it is turned in steps before units whose directions are known.

A unit answers most when what is shown points its way, so that a picture which must be turned by t to excite a unit of
direction d points to d - t. What several units say is averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from circuits import Network
from evals.tuning import Array

__all__ = ["heard_turning", "pointing", "turn_pictures"]

BATCH = 64
GREY = 0.5
EDGE = 2.0
"""px over which the disc fades into grey."""


def turn_pictures(pictures: Tensor, degrees: float) -> Tensor:
    """Turn the discs in the middle of pictures counter-clockwise; around them is grey, at every angle alike.

    Args:
        pictures: N x 3 x S x S in [0, 1].
        degrees: the angle.
    """
    size = pictures.shape[-1]
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    across = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).reshape(2, 2)
    theta = F.pad(across, (0, 1)).to(pictures.dtype).to(pictures.device)
    grid = F.affine_grid(theta[None], [1, 3, size, size], align_corners=False).expand(len(pictures), -1, -1, -1)
    found = F.grid_sample(pictures - GREY, grid, mode="bilinear", padding_mode="border", align_corners=False)
    steps = torch.arange(size, dtype=pictures.dtype, device=pictures.device) - (size - 1) / 2
    apart = (steps[:, None] ** 2 + steps[None] ** 2).sqrt()
    return found * ((size / 2 - apart) / EDGE).clamp(0, 1) + GREY


def heard_turning(
    net: Network,
    layer: str,
    pictures: Tensor,
    turns: Sequence[float],
    progress: Callable[[int], None] | None = None,
) -> Array:
    """Activations of a layer's units to pictures turned in steps.

    Args:
        net: the network that looks.
        layer: of it.
        pictures: N x 3 x S x S with S the size of the layer's receptive field.
        turns: degrees.
        progress: called with the number of pictures done.

    Returns:
        N x turns x units.

    Raises:
        CurvesError: the pictures are of another size.
    """
    shown = pictures.to(net.device, net.dtype)
    parts = []
    with torch.inference_mode():
        for turn in turns:
            turned = turn_pictures(shown, turn)
            found = [net.responses(batch, layer, pre=False) for batch in torch.split(turned, BATCH)]
            parts.append(torch.cat(found).cpu().double())
            if progress:
                progress(len(shown))
    heard: Array = torch.stack(parts, dim=1).numpy()
    return heard


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
