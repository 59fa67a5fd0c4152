"""Turning kernels: what a unit's weights become when all that it looks at is turned."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError

__all__ = ["rotate_kernels"]


def rotate_kernels(kernels: Tensor, degrees: Tensor | float) -> Tensor:
    """Rotate square kernels about their centres, counter-clockwise as displayed (the first row at the top).

    Multiples of 90 degrees only move weights and are exact. Any other angle is taken as the nearest multiple and a
    remainder of at most 45 degrees either way, which is interpolated bicubically: the features of small kernels are
    hardly wider than one weight, and bilinear interpolation blurs those twice as much. Outside a kernel all is zero, so
    what turns out of its corners is lost. Differentiable in the kernels.

    Args:
        kernels: floating point, ... x k x k.
        degrees: any shape that broadcasts with the leading axes of `kernels`.

    Returns:
        The rotated kernels, of the same type; their leading axes are both arguments' broadcast.

    Raises:
        CurvesError: the kernels are not square.
    """
    if kernels.dim() < 2 or kernels.shape[-1] != kernels.shape[-2]:
        raise CurvesError(f"cannot rotate kernels of shape {tuple(kernels.shape)}; give square ones, ... x k x k")
    degrees = torch.as_tensor(degrees, dtype=torch.float64, device="cpu")  # not every device has double precision
    quarters = torch.round(degrees / 90)
    odd, half = (which[..., None, None].to(kernels.device) for which in (quarters % 2 == 1, quarters % 4 >= 2))
    turned = torch.where(odd, kernels.rot90(1, (-2, -1)), kernels)
    turned = torch.where(half, turned.flip(-2, -1), turned)
    remainder = (degrees - 90 * quarters).expand(turned.shape[:-2])
    planes = turned.reshape(-1, 1, *turned.shape[-2:])
    origins = _origins(kernels.shape[-1], remainder.reshape(-1)).to(kernels)
    smooth = F.grid_sample(planes, origins, mode="bicubic", align_corners=False).reshape(turned.shape)
    return torch.where((remainder == 0)[..., None, None].to(kernels.device), turned, smooth)


def _origins(size: int, degrees: Tensor) -> Tensor:
    """Where each weight of a rotated kernel comes from: N x k x k x (right, down), the kernel's edges at -1 and 1."""
    steps = (2 * torch.arange(size, dtype=degrees.dtype, device=degrees.device) + 1) / size - 1
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    angle = torch.deg2rad(degrees)[:, None, None]
    return torch.stack([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], dim=-1)
