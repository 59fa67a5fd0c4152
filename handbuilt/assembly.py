"""Putting families together as layers in InceptionV1's terms: convolution, normalisation, pool, Inception layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from circuits import Family, Member, Network, Provenance, Unit
from circuits.ops import Concat, Conv, LocalResponseNorm, MaxPool, Op, Padding, ReLU
from handbuilt.geometry import Array
from handbuilt.parts import Part

__all__ = ["Assembly"]


class Assembly:
    """Collects ops, tensors and families from the image upwards.

    Attributes:
        families: of all layers so far, by construction.
    """

    def __init__(self) -> None:
        self._ops: list[Op] = []
        self._tensors: dict[str, Tensor] = {}
        self._layers: dict[str, tuple[str, str]] = {}
        self.families: list[Family] = []

    def conv(self, layer: str, source: str, parts: Sequence[Part], stride: int = 1) -> str:
        """A layer whose families all read the same."""
        self._families(layer, parts)
        self._weights(f"{layer}/pre", source, *_joined(parts), stride)
        return self._relu(layer)

    def mixed(self, layer: str, source: str, parts: Sequence[Part]) -> str:
        """An Inception layer of which two branches are used: families with 1x1 kernels first, then those with 5x5.

        The 1x1 bottleneck before the 5x5 passes every unit on: no activation is negative, so its ReLU changes nothing.
        """
        self._families(layer, parts)
        width = parts[0].kernels.shape[1]
        bottleneck = f"{layer}/5x5_bottleneck"
        same = np.eye(width)[:, :, None, None]
        self._weights(f"{bottleneck}/pre", source, same, np.zeros(width))
        inputs = {1: source, 5: self._relu(bottleneck)}
        sized = {size: [part for part in parts if part.kernels.shape[-1] == size] for size in inputs}
        branches = [
            self._weights(f"{layer}/{size}x{size}", inputs[size], *_joined(members))
            for size, members in sized.items()
            if members
        ]
        self._ops.append(Concat(f"{layer}/pre", tuple(branches)))
        return self._relu(layer)

    def pool(self, name: str, source: str) -> str:
        """The largest of 3x3, at every other place."""
        self._ops.append(MaxPool(name, (source,), (3, 3), (2, 2), ceil=True))
        return name

    def normalise(self, name: str, source: str, channels: int, contrast: float) -> str:
        """Divide x by sqrt(contrast^2 + sum over all channels of x^2)."""
        window = 2 * channels - 1  # reaches every channel from every other
        self._ops.append(LocalResponseNorm(name, (source,), window, alpha=float(window), beta=0.5, k=contrast**2))
        return name

    def network(self, provenance: Provenance) -> Network:
        """What was put together."""
        return Network(self._ops, self._tensors, self._layers, provenance=provenance)

    def _families(self, layer: str, parts: Sequence[Part]) -> None:
        first = 0
        for part in parts:
            members = tuple(
                Member(Unit(layer, first + i), float(angle), part.notes) for i, angle in enumerate(part.angles)
            )
            self.families.append(Family(part.name, layer, members, part.period, "by construction"))
            first += len(part)

    def _weights(self, name: str, source: str, kernels: Array, biases: Array, stride: int = 1) -> str:
        size = kernels.shape[-1]
        self._ops.append(Conv(name, (source,), (size, size), (stride, stride), Padding.same(size // 2)))
        self._tensors[f"{name}/weight"] = torch.from_numpy(kernels).float()
        self._tensors[f"{name}/bias"] = torch.from_numpy(biases).float()
        return name

    def _relu(self, layer: str) -> str:
        self._ops.append(ReLU(layer, (f"{layer}/pre",)))
        self._layers[layer] = (f"{layer}/pre", layer)
        return layer


def _joined(parts: Sequence[Part]) -> tuple[Array, Array]:
    """Kernels and biases of all units."""
    biases = [np.full(len(part), -float(part.threshold)) for part in parts]
    return np.concatenate([part.kernels for part in parts]), np.concatenate(biases)
