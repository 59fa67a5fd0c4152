"""Transformation robustness: a picture is to excite also when it is moved, scaled and turned a little.

Source: "Feature Visualization" (2017), section on regularization. Without it, ascent finds high frequencies that mean
nothing to people. One warp does all three.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError

__all__ = ["Robustness"]

GREY = 0.5

_JITTER_SHARE = 11
"""A field of 88 px or more has Lucid's jitter of 8 px."""


@dataclass(frozen=True)
class Robustness:
    """How much pictures are disturbed at each step; each is drawn evenly from its range.

    Attributes:
        jitter: px, at most, along each axis.
        scale: at most so much larger or smaller, as a share.
        rotation: degrees, at most, either way.

    Raises:
        CurvesError: a range is negative, or so large that pictures would be turned inside out.
    """

    jitter: float = 8.0
    scale: float = 0.1
    rotation: float = 10.0

    def __post_init__(self) -> None:
        if not (0 <= self.jitter < math.inf and 0 <= self.scale < 1 and 0 <= self.rotation <= 180):
            raise CurvesError(
                f"jitter is 0 px or more, scale from 0 to below 1 and rotation 0 to 180 degrees, not {self}"
            )

    @classmethod
    def fitting(cls, seen: tuple[int, int]) -> Robustness:
        """Lucid's ranges for what is seen of a picture, rows and columns; for small fields, less jitter in proportion.

        What a unit of an early layer sees is hardly wider than Lucid's jitter, which is meant for whole pictures.
        """
        return cls(jitter=min(cls.jitter, max(seen) / _JITTER_SHARE))

    @property
    def any(self) -> bool:
        """Whether there is any disturbance."""
        return bool(self.jitter or self.scale or self.rotation)

    def margin(self, seen: tuple[int, int]) -> int:
        """Px on each side beyond what is `seen` (rows, columns) that may come into sight."""
        angle = math.radians(min(self.rotation, 45.0))
        half = max(seen) / 2
        return math.ceil(half * ((math.cos(angle) + math.sin(angle)) / (1 - self.scale) - 1) + self.jitter)

    def view(self, pictures: Tensor, seen: tuple[int, int], random: torch.Generator) -> Tensor:
        """What is seen of the pictures' middle after a random disturbance, the same for all of them.

        Args:
            pictures: N x 3 x S x S in [0, 1]; beyond them is grey.
            seen: rows and columns.
            random: a generator of the CPU.

        Returns:
            N x 3 x rows x columns.
        """
        right, down, larger, turn = (2 * torch.rand(4, generator=random, dtype=torch.float64) - 1).tolist()
        angle, size = math.radians(turn * self.rotation), pictures.shape[-1]
        # Where each pixel comes from, in a picture that reaches from -1 to 1.
        along, across = (math.cos(angle) / (1 + larger * self.scale), math.sin(angle) / (1 + larger * self.scale))
        rows, columns = (share / size for share in seen)
        matrix = [
            [along * columns, -across * rows, 2 * right * self.jitter / size],
            [across * columns, along * rows, 2 * down * self.jitter / size],
        ]
        theta = torch.tensor([matrix], dtype=pictures.dtype).to(pictures.device)
        grid = F.affine_grid(theta, [1, 3, *seen], align_corners=False).expand(len(pictures), -1, -1, -1)
        # Zero beyond the edge, which is grey once it is added back.
        return F.grid_sample(pictures - GREY, grid, mode="bilinear", align_corners=False) + GREY
