"""What a family does all over a picture."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import Family, Network

__all__ = ["family_maps"]


def family_maps(net: Network, family: Family, image: Tensor) -> NDArray[np.float32]:
    """Pre-activations of a family's units on one image, 3 x H x W: F x H' x W', wherever the network runs."""
    with torch.inference_mode():
        values = net.activations(image[None].to(net.device, net.dtype), [family.layer], pre=True)[family.layer][0]
        return values[list(family.channels)].float().cpu().numpy()
