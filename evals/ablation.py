"""Ablation from captured activations: what silencing units of a layer does to what lies behind it.

Everything up to the layer runs once for each picture; only what is behind it runs again for each ablation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Family, Network
from circuits.capture import Capture
from circuits.execution import execute
from circuits.images import ImageSet
from circuits.regions import INPUT, Box, compile_program, downstream
from circuits.surgery import stands_for
from circuits.wiring import is_inner
from evals.progress import Progress

__all__ = ["Ablation", "Behind", "controls", "mean_activity", "next_layer"]


@dataclass(frozen=True)
class Ablation:
    """Units of one layer whose activation is set, at every place.

    Attributes:
        channels: which units.
        levels: to what, one for each: 0 for zero ablation, the unit's mean activation for mean ablation.
    """

    channels: tuple[int, ...]
    levels: tuple[float, ...]

    @classmethod
    def zero(cls, channels: Sequence[int]) -> Ablation:
        """Silence the units."""
        return cls(tuple(channels), (0.0,) * len(channels))

    @classmethod
    def mean(cls, channels: Sequence[int], activity: NDArray[np.float64]) -> Ablation:
        """Set the units to their mean activation; `activity` is of all units of the layer."""
        return cls(tuple(channels), tuple(float(activity[channel]) for channel in channels))


class Behind:
    """What a network computes behind a layer, with units of that layer ablated.

    Args:
        net: the network.
        layer: the layer with the units. Private copies of its units (after edits) are ablated with them.
        target: the tensor that is read.
        image: rows and columns of the pictures; None for patches, of which one unit's response is read.

    Attributes:
        size: rows and columns of what is to be shown.

    Raises:
        CurvesError: the target does not depend on the layer.
    """

    def __init__(self, net: Network, layer: str, target: str, image: tuple[int, int] | None = None) -> None:
        self._net, self._target, self._count = net, target, net.layer(layer).channels
        self._layers = {net.layer(name).post for name in net.layers if name == layer or stands_for(name, layer)}
        behind = downstream(net.ops, self._layers)
        if target not in behind - self._layers:
            raise CurvesError(f"{target!r} does not depend on {layer}; read what lies behind it")
        box = None if image else Box(0, 1, 0, 1)
        given = [*self._layers, *(op.name for op in net.ops if op.name not in behind)]
        self._rest = compile_program(net.ops, {target: box}, image, given)
        self._capture = Capture(net, [self._rest.inputs], image)
        seen = compile_program(net.ops, {target: box}, image).inputs[INPUT]
        self._read = self._capture.box.within(seen)
        self.size = seen.size

    @torch.no_grad()
    def run(self, pictures: Tensor, ablations: Sequence[Ablation]) -> Iterator[Tensor]:
        """What the target is: intact, and then for each ablation; N x C, or N x C x H x W, on the CPU.

        Args:
            pictures: N x 3 x the `size`, RGB in [0, 1].
            ablations: what to do.
        """
        read = self._read
        seen = pictures.to(self._net.device, self._net.dtype)[..., read.top : read.bottom, read.left : read.right]
        captured = self._capture.run(seen)
        values = {name: captured.crop(name, box) for name, box in self._rest.inputs.items()}
        for ablation in (Ablation((), ()), *ablations):
            changed = {name: self._ablated(name, value, ablation) for name, value in values.items()}
            found = execute(self._rest, changed, self._net.tensors, precision=self._net.precision)[self._target]
            yield found.flatten(2).squeeze(2).cpu() if found.shape[2:] == (1, 1) else found.cpu()

    def _ablated(self, name: str, value: Tensor, ablation: Ablation) -> Tensor:
        if name not in self._layers or not ablation.channels:
            return value
        changed = value.clone()
        for channel, level in zip(ablation.channels, ablation.levels, strict=True):
            changed[:, channel :: self._count] = level  # a private layer has its copies one layer after another
        return changed


def next_layer(net: Network, layer: str) -> str:
    """The first layer behind another that has a receptive field and is no part of a larger layer.

    Raises:
        CurvesError: there is none.
    """
    behind = downstream(net.ops, [net.layer(layer).post])
    for name in net.layers:
        if name == layer or is_inner(name, net.layers) or "@" in name or net.layer(name).post not in behind:
            continue
        try:
            field = net.receptive_field(name)
        except CurvesError:
            continue
        if field.size > net.receptive_field(layer).size:
            return name
    raise CurvesError(
        f"no layer of {net.provenance.name} with a receptive field lies behind {layer}; test an earlier one"
    )


def mean_activity(net: Network, layer: str, images: ImageSet, progress: Progress | None = None) -> NDArray[np.float64]:
    """Mean activation (after the ReLU) of each unit of a layer over all places of all pictures."""
    total, count = torch.zeros(net.layer(layer).channels, dtype=torch.float64), 0
    with torch.no_grad():
        for number, image in enumerate(images):
            values = net.activations(image[None].to(net.device, net.dtype), [layer])[layer][0].flatten(1).cpu().double()
            total += values.sum(1)
            count += values.shape[1]
            if progress:
                progress(f"photographs through {layer}", number + 1, len(images))
    found: NDArray[np.float64] = (total / count).numpy()
    return found


def controls(
    family: Family, activity: NDArray[np.float64], draws: int, seed: int, nearest: int
) -> list[tuple[int, ...]]:
    """Other units of the layer, as many as the family has and about as active, drawn at random.

    For each member in turn one of the `nearest` units by mean activation that are neither in the family nor drawn yet.

    Args:
        family: the units to stand for.
        activity: mean activation of all units of the layer.
        draws: how many such sets.
        seed: of the draws.
        nearest: among how many one is drawn.

    Returns:
        The sets; none if the layer has too few other units.
    """
    others = [channel for channel in range(len(activity)) if channel not in family.channels]
    if len(others) < len(family):
        return []
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        left, taken = list(others), []
        for channel in family.channels:
            like = np.argsort(np.abs(activity[left] - activity[channel]), kind="stable")[:nearest]
            taken.append(left.pop(int(random.choice(like))))
        found.append(tuple(taken))
    return found
