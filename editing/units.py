"""Edits of whole units: ablation."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from circuits import CurvesError, Network, Unit
from circuits.surgery import Surgery
from editing.edits import Edit, entry
from editing.readers import number_or_many, plain
from editing.selection import Selection, Selector

__all__ = ["Ablate"]


@dataclass(frozen=True, init=False)
class Ablate(Edit):
    """Let units say the same for every image: nothing (0), or a constant.

    Exact, and still a plain network: the unit's weights become zero and its bias the value, so that its pre-activation
    is the value everywhere, and what reads it reads max(value, 0).

    Args:
        units: units, layers or families.
        value: pre-activation, for all or one for each unit in order; 0 by default.
        reference: where the value comes from, for the record.
    """

    units: Selection = entry(Selection.of, write=lambda units: _listed(units.to_json()))
    value: float | tuple[float, ...] = entry(number_or_many, 0.0, plain)
    reference: str = entry(str, "")

    kind: ClassVar[str] = "ablate"

    def __init__(self, *units: Selector, value: float | Sequence[float] | Tensor = 0.0, reference: str = "") -> None:
        object.__setattr__(self, "units", list(units))
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "reference", reference)
        self.__post_init__()

    @classmethod
    def make(cls, **given: Any) -> Self:
        """The edit with these fields."""
        return cls(*_listed(given.pop("units")), **given)

    @classmethod
    def mean(cls, net: Network, *units: Selector, images: Iterable[Tensor]) -> Ablate:
        """Ablate to the units' mean activations over all places of all `images`.

        Args:
            net: the network that the means are taken of.
            units: units, layers or families.
            images: each 3 x H x W, RGB in [0, 1]; an `evals.ImageSet` will do.
        """
        chosen = Selection.of(list(units)).resolve(net)
        totals = dict.fromkeys(chosen, 0.0)
        counts = dict.fromkeys(chosen, 0)
        digest, number = hashlib.sha256(), 0
        for image, maps in _activations(net, chosen, images):
            digest.update(image.numpy().tobytes())
            number += 1
            for unit in chosen:
                values = maps[unit.layer][unit.channel].double()
                totals[unit] += float(values.sum())
                counts[unit] += values.numel()
        if not number:
            raise CurvesError("there are no images to take the mean over; give at least one")
        reference = f"mean over {number} images {digest.hexdigest()[:16]} of network {net.identity[:16]}"
        return cls(*units, value=[totals[unit] / counts[unit] for unit in chosen], reference=reference)

    @classmethod
    def resample(cls, net: Network, *units: Selector, images: Iterable[Tensor], seed: int = 0) -> Ablate:
        """Ablate to what the units said at one place of one of the `images`, drawn by `seed`.

        All units of a layer get their values from the same place, so that they still go together. For the maps of a
        whole image instead of one place, see `PatchActivation`.
        """
        chosen = Selection.of(list(units)).resolve(net)
        pictures = list(images)
        if not pictures:
            raise CurvesError("there are no images to resample from; give at least one")
        generator = torch.Generator().manual_seed(seed)
        number = int(torch.randint(len(pictures), (), generator=generator))
        ((image, maps),) = _activations(net, chosen, [pictures[number]])
        place = torch.rand(2, generator=generator)
        values = []
        for unit in chosen:
            found = maps[unit.layer][unit.channel]
            where = (place[: found.ndim] * torch.tensor(found.shape)).long().tolist()
            values.append(float(found[tuple(where)]))
        digest = hashlib.sha256(image.numpy().tobytes()).hexdigest()
        reference = f"one place of image {number} ({digest[:16]}) by seed {seed}, network {net.identity[:16]}"
        return cls(*units, value=values, reference=reference)

    def apply(self, net: Network) -> Network:
        """The network with the units silenced, or saying a constant.

        Raises:
            UnknownUnitError: the network has no such unit.
            CurvesError: a unit is not computed by weights, or there are not as many values as units.
        """
        units = list(self.units.resolve(net))
        values = self.value if isinstance(self.value, tuple) else (self.value,) * len(units)
        if len(values) != len(units):
            raise CurvesError(f"there are {len(values)} values for {len(units)} units; give one for each, or one")
        surgery = Surgery(net)
        for unit, value in zip(units, values, strict=True):
            for copy in surgery.copies(unit):
                op, row = surgery.net.producer(copy)
                surgery.writable(f"{op}/weight")[row] = 0
                surgery.writable(f"{op}/bias")[row] = value
        return surgery.net


def _listed(given: object) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _activations(
    net: Network, units: Iterable[Unit], images: Iterable[Tensor]
) -> Iterable[tuple[Tensor, dict[str, Tensor]]]:
    """Each image with the maps C x H x W of the units' layers, on the CPU."""
    layers = dict.fromkeys(unit.layer for unit in units)
    for image in images:
        with torch.inference_mode():
            maps = net.activations(image[None].to(net.device), layers)
        yield image.cpu(), {layer: values[0].cpu() for layer, values in maps.items()}
