"""Cosmetic variants of curves: the same shapes in other colours, widths, textures, blurred, noisy or partly hidden.

What changes is no part of the shape, and a curve detector should not mind ("Curve Detectors", section on cosmetic
properties). Textures and noise follow from a seed, a picture's place in the grid and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

from evals.grid import CurveGrid

__all__ = ["DISTURBANCES", "VARIANTS", "DisturbedCurves", "Variant"]

GREY = 0.5
GRAIN = 3
"""px, about the size of a texture's spots."""
CONTRAST = 0.25
"""Standard deviation of a texture about grey."""
BLUR = 1.5
"""px, standard deviation."""
NOISE = 0.1
"""Standard deviation of a pixel's noise, of a range of 1."""


@dataclass(frozen=True)
class Variant:
    """Another look of the same curves.

    Attributes:
        about: what is different, in a few words.
        changes: parameters of `Curve` and their values.
        disturbance: a name from `DISTURBANCES`, or none.
    """

    about: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    disturbance: str | None = None


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "fill": Variant("a filled area", {"filled": True}),
        "polarity": Variant("dark on light", {"foreground": (0, 0, 0), "background": (1, 1, 1)}),
        "colour": Variant("red on blue", {"foreground": (0.8, 0.2, 0.2), "background": (0.1, 0.3, 0.6)}),
        "hue": Variant("red on a green of the same brightness", {"foreground": (1, 0, 0), "background": (0, 0.51, 0)}),
        "bright": Variant("white on light grey", {"background": (0.75,) * 3}),
        "dim": Variant("dark grey on black", {"foreground": (0.25,) * 3}),
        "contrast": Variant("grey on grey", {"foreground": (0.58,) * 3, "background": (0.42,) * 3}),
        "thin": Variant("a line of 1 px", {"line_width": 1}),
        "thick": Variant("a line of 6 px", {"line_width": 6}),
        "texture_inside": Variant("an area with a texture", {"filled": True}, "texture_inside"),
        "texture_outside": Variant("an area on a texture", {"filled": True}, "texture_outside"),
        "blur": Variant(f"blurred by {BLUR} px", disturbance="blur"),
        "noise": Variant("noise on every pixel", disturbance="noise"),
        "occlusion": Variant("a grey bar over a sixth of the picture, beside the middle", disturbance="occlusion"),
    }
)
"""By name. The curves that they are variants of are white lines of 3 px on black."""


def _texture(cover: Tensor, noise: Tensor, inside: bool) -> Tensor:
    spots = F.avg_pool2d(noise, GRAIN, stride=1, padding=GRAIN // 2, count_include_pad=False)
    grain = GREY + CONTRAST * (spots - spots.mean((-2, -1), keepdim=True)) / spots.std((-2, -1), keepdim=True)
    part = cover if inside else 1 - cover
    return part * grain + (1 - part) * (0.0 if inside else 1.0)


def _blur(pictures: Tensor, _: Tensor) -> Tensor:
    size = 2 * round(3 * BLUR) + 1
    blurred: Tensor = gaussian_blur(pictures, [size, size], [BLUR, BLUR])
    return blurred


def _occlude(pictures: Tensor, _: Tensor) -> Tensor:
    size = pictures.shape[-1]
    hidden = pictures.clone()
    hidden[..., size // 2 + size // 12 : size // 2 + size // 12 + size // 6] = GREY
    return hidden


DISTURBANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "texture_inside": lambda cover, noise: _texture(cover, noise, inside=True),
        "texture_outside": lambda cover, noise: _texture(cover, noise, inside=False),
        "blur": _blur,
        "noise": lambda pictures, noise: pictures + NOISE * noise,
        "occlusion": _occlude,
    }
)
"""What is done to pictures, N x 3 x size x size, given as much normal noise; results are cut to [0, 1]. Textures take
white curves on black, which say how much of a pixel is inside."""


@dataclass(frozen=True)
class DisturbedCurves:
    """A grid of curves to whose pictures something is done; what `evals.sweep` takes.

    Attributes:
        grid: the curves.
        disturbance: a name from `DISTURBANCES`.
        seed: of the noise.
    """

    grid: CurveGrid
    disturbance: str
    seed: int = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values of each axis."""
        return self.grid.shape

    def __len__(self) -> int:
        return len(self.grid)

    def spec(self) -> dict[str, Any]:
        """What is drawn, in JSON's types."""
        return {"curves": self.grid.spec(), "disturbance": self.disturbance, "seed": self.seed}

    def batches(self, batch_size: int = 64, device: torch.device | str | None = None) -> Iterator[Tensor]:
        """The pictures in C order over the axes, `batch_size` at a time, each with noise of its own."""
        number = 0
        for pictures in self.grid.batches(batch_size, device):
            noise = torch.stack([self._noise(number + i, pictures) for i in range(len(pictures))])
            number += len(pictures)
            yield DISTURBANCES[self.disturbance](pictures, noise.to(pictures)).clamp(0, 1)

    def _noise(self, number: int, pictures: Tensor) -> Tensor:
        """Normal noise, the same in all three colours; made on the CPU, so that it is the same on every device."""
        random = torch.Generator().manual_seed(1_000_003 * self.seed + number)
        return torch.randn(1, *pictures.shape[-2:], generator=random).expand(3, -1, -1)
