"""What a network is made of besides ops and tensors: layers, preprocessing, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from circuits.errors import CurvesError

__all__ = ["Layer", "Preprocessing", "Provenance"]


@dataclass(frozen=True)
class Layer:
    """A named stage of the network whose channels are units.

    Attributes:
        name: such as `3b`.
        pre: the tensor before the ReLU.
        post: the tensor after it; the same as `pre` where there is no ReLU.
        channels: how many units it has.
    """

    name: str
    pre: str
    post: str
    channels: int


@dataclass(frozen=True)
class Preprocessing:
    """From RGB in [0, 1] to what the first op reads: reorder, multiply by `scale`, subtract `mean`, divide by `std`."""

    order: str = "RGB"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if self.order not in {"RGB", "BGR"}:
            raise CurvesError(f"the channel order is {self.order!r}; use RGB or BGR")

    def __call__(self, images: Tensor) -> Tensor:
        """Apply to N x 3 x H x W; the result is a tensor of its own in channels last, which all that follows keeps.

        It is copied even where it counts as channels last already: of one picture, so do strides that torch's pools
        and convolutions do not take for it.
        """
        scale = images.new_tensor([self.scale / s for s in self.std])[:, None, None]
        shift = images.new_tensor([-m / s for m, s in zip(self.mean, self.std, strict=True)])[:, None, None]
        if self.order == "BGR":
            images = images.flip(1)
        return torch.addcmul(shift, images, scale).clone(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Provenance:
    """Where a network came from. Not part of its identity: the same weights are the same network.

    Attributes:
        name: a short name for people.
        source: a URL, file or function.
        details: anything else that is JSON-able: checksums, licence, parameters, what was left out.
        parent: identity of the network that `edits` were applied to.
        edits: the edits, as data, in the order applied.
    """

    name: str
    source: str
    details: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    edits: tuple[Mapping[str, Any], ...] = ()
