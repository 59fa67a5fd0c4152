"""Where in a picture a family fires: a layer's maps brought to the picture's pixels, and the gradient to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import Family, Network
from circuits.attribution import attribution
from circuits.images import ImageSet
from circuits.regions import INPUT, ReceptiveField
from evals.gallery.style import direction_colours
from evals.sweep import measure_scale

__all__ = ["Firing", "at_pixels", "firing"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Firing:
    """What a family does in a picture of H x W px.

    Attributes:
        direction: degrees, H x W: that of the unit which fires most.
        strength: standard deviations, H x W: of the same unit, its receptive field in the middle of the pixel.
        saliency: H x W: size of the gradient, to the pixel's colour, of the sum of the family's squared activations.
    """

    direction: Array
    strength: Array
    saliency: Array

    def coloured(self, largest: float) -> Array:
        """H x W x 3: the hue of the direction, from white (silent) to full (`largest` standard deviations)."""
        share = np.clip(self.strength / largest, 0, 1)[..., None]
        painted: Array = 1 - share * (1 - direction_colours(self.direction))
        return painted


def firing(net: Network, family: Family, picture: Tensor, images: ImageSet) -> Firing:
    """Run a network on a picture.

    Args:
        net: the network.
        family: units of one of its layers.
        picture: RGB in [0, 1], 3 x H x W.
        images: what a standard deviation is taken over.
    """
    channels = list(family.channels)
    found = measure_scale(net, family.layer, images).std[channels]
    # A unit that never varies says nothing: its deviation of 0 must not make it infinitely loud.
    deviations = torch.where(found > 0, found, torch.inf)
    seen = picture[None].to(net.device, net.dtype)
    with torch.no_grad():
        heard = net.activations(seen, [family.layer])[family.layer][0, channels].cpu().double()
    heard = heard / deviations[:, None, None]
    gradient = attribution(
        net, family, INPUT, images=seen, method="gradient", objective="squares", scales=deviations
    ).tensor[0]
    field = net.receptive_field(family.layer)
    spread = at_pixels(heard, field, (picture.shape[1], picture.shape[2]))
    strength, which = spread.max(dim=0)
    direction = np.asarray(family.directions)[which.numpy()]
    return Firing(direction, strength.numpy(), gradient.abs().sum(dim=0).cpu().double().numpy())


def at_pixels(maps: Tensor, field: ReceptiveField, size: tuple[int, int]) -> Tensor:
    """Maps of a layer at each pixel of the picture: linear between the middles of the receptive fields.

    Beyond the outermost middles the nearest are repeated.

    Args:
        maps: C x H' x W'.
        field: of the layer.
        size: H, W of the picture in px.

    Returns:
        C x H x W.
    """
    for axis, pixels in ((1, size[0]), (2, size[1])):
        maps = _along(maps, axis, field, pixels)
    return maps


def _along(maps: Tensor, axis: int, field: ReceptiveField, pixels: int) -> Tensor:
    places = (torch.arange(pixels, dtype=maps.dtype) + 0.5 - (field.offset + field.size / 2)) / field.stride
    places = places.clamp(0, maps.shape[axis] - 1)
    below = places.floor().long()
    above = (below + 1).clamp(max=maps.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = pixels
    share = (places - below).view(shape)
    return maps.index_select(axis, below) * (1 - share) + maps.index_select(axis, above) * share
