"""Pictures as decorrelated Fourier coefficients, in which ascent takes natural steps.

Source: "Feature Visualization" (2017), section on preconditioning and parameterization: frequencies are scaled to the
amplitudes that photographs have (1 / frequency), colours to their correlation over ImageNet. Numbers are Lucid's.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["FourierPictures"]

_COLOUR_ROOT = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""A square root of the covariance of red, green and blue over ImageNet, as in Lucid."""

_START = 0.1
"""Standard deviation of the first coefficients: all but grey."""

_GAIN = 0.25
"""What colours are multiplied by before the sigmoid, as in Lucid."""


class FourierPictures:
    """Pictures that are made of coefficients.

    Args:
        objectives: how many objectives there are; all begin alike.
        each: pictures of each objective, which begin differently.
        size: px.
        seed: of the beginning, which is drawn on the CPU and the same on all devices.
        like: what the coefficients' device and type are taken from.

    Attributes:
        coefficients: N x 3 x size x (size // 2 + 1) x 2, to be optimised; pictures of an objective are neighbours.
    """

    def __init__(self, objectives: int, each: int, size: int, seed: int, like: Tensor) -> None:
        random = torch.Generator().manual_seed(seed)
        first = torch.randn(each, 3, size, size // 2 + 1, 2, generator=random) * _START
        self.coefficients = first.repeat(objectives, 1, 1, 1, 1).to(like.device, like.dtype).requires_grad_()
        rows, columns = torch.fft.fftfreq(size), torch.fft.rfftfreq(size)
        frequency = (rows[:, None] ** 2 + columns[None] ** 2).sqrt().clamp(min=1 / size)
        self._scale = (_GAIN / frequency)[..., None].to(like.device, like.dtype)
        root = torch.tensor(_COLOUR_ROOT)
        self._colours = (root / root.norm(dim=0).max()).to(like.device, like.dtype)
        self._size = size

    def __call__(self) -> Tensor:
        """The pictures: N x 3 x size x size, RGB in [0, 1]."""
        spectrum = torch.view_as_complex(self.coefficients * self._scale)
        planes = torch.fft.irfft2(spectrum, s=(self._size, self._size), norm="ortho")
        return torch.einsum("oc,nchw->nohw", self._colours, planes).sigmoid()
