"""Interventions: activations set, added to, scaled or patched for one run, at the speed of a plain run.

They are an argument of the run: `net.activations(images, layers, interventions=[SetActivation("3a:7", 0)])`, and so of
`net.responses` and `net(...)`. Nothing is kept by the network and nothing is changed in place; gradients flow to the
images and to the values given. For an edited network that can be saved, see `editing.edits`.

- `where` is a unit (`3a:7`), several units of one layer, or a layer (all its units).
- They act on the activation (after the ReLU: what the next layers read), with `pre` on the pre-activation. Where a
  layer has no ReLU both are the same.
- Maps are those of the run: for `activations` and `net(...)` the whole layer, H x W; for `responses` the region of it
  that the unit asked for sees, as in `receptive_field`: 5 x 5 of 3a for a unit of 3b in InceptionV1.
- Several on one layer act in the order given; those on the pre-activation come first.
- In an edited network, private copies of units (`3b/5x5_bottleneck@3b:379`) are layers of their own; name them as well.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from circuits import CurvesError, Network, Unit
from editing.selection import Selection, Selector

__all__ = ["AddActivation", "PatchActivation", "ScaleActivation", "SetActivation", "Units", "units_of_one_layer"]

Units = Selector | Sequence[Selector]
"""A unit, several units of one layer, a family, or a layer for all its units."""


@dataclass(frozen=True, eq=False)  # tensors have no equality that is one truth value
class _At(ABC):
    """An intervention on the units `where`."""

    where: Units
    pre: bool = field(default=False, kw_only=True)

    def tensor(self, net: Network) -> str:
        """The tensor of `net` that is changed."""
        layer = net.layer(units_of_one_layer(net, self.where)[0].layer)
        return layer.pre if self.pre else layer.post

    def change(self, net: Network, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
        """The function from the tensor, of that shape, to what is read instead."""
        index = torch.tensor([unit.channel for unit in units_of_one_layer(net, self.where)], device=net.device)
        function = self._function(net, shape, index)

        def changed(values: Tensor) -> Tensor:
            selected = values.index_select(1, index)
            return values.index_copy(1, index, function(selected).expand_as(selected))

        return changed

    @abstractmethod
    def _function(self, net: Network, shape: tuple[int, ...], index: Tensor) -> Callable[[Tensor], Tensor]:
        """From the activations of the units (N x K x H x W) to the new ones, given the layer's shape."""


@dataclass(frozen=True, eq=False)
class SetActivation(_At):
    """Replace activations.

    `SetActivation("3a:7", 0)` equals the network that `Ablate("3a:7")` gives.

    Args:
        where: a unit, units of one layer, or a layer.
        value: a number, one number for each unit (K), or maps of the units, N x K x H x W, each of these but K
            may be 1; N x K for dense layers.
        pre: act on the pre-activation.
    """

    value: float | Tensor

    def _function(self, net: Network, shape: tuple[int, ...], index: Tensor) -> Callable[[Tensor], Tensor]:
        value = _fitted(net, self.value, (shape[0], len(index), *shape[2:]))
        return lambda _: value


@dataclass(frozen=True, eq=False)
class AddActivation(_At):
    """Add to activations; arguments as for `SetActivation`."""

    value: float | Tensor

    def _function(self, net: Network, shape: tuple[int, ...], index: Tensor) -> Callable[[Tensor], Tensor]:
        value = _fitted(net, self.value, (shape[0], len(index), *shape[2:]))
        return lambda selected: selected + value


@dataclass(frozen=True, eq=False)
class ScaleActivation(_At):
    """Multiply activations; arguments as for `SetActivation`.

    Equal to multiplying the unit's weights and bias, for a `factor` of 0 or more.
    """

    factor: float | Tensor

    def _function(self, net: Network, shape: tuple[int, ...], index: Tensor) -> Callable[[Tensor], Tensor]:
        factor = _fitted(net, self.factor, (shape[0], len(index), *shape[2:]))
        return lambda selected: selected * factor


@dataclass(frozen=True, eq=False)
class PatchActivation(_At):
    """Replace activations by those of another run.

    Args:
        where: a unit, units of one layer, or a layer.
        values: the layer in the other run, as `activations` returned it: all its units, N x C x H x W, or
            1 x C x H x W for every image.
        pre: act on the pre-activation; `values` must then be pre-activations.
    """

    values: Tensor

    def _function(self, net: Network, shape: tuple[int, ...], index: Tensor) -> Callable[[Tensor], Tensor]:
        if self.values.dim() < 2:
            raise CurvesError("a patch is a layer of another run, N x C x H x W; use SetActivation to set numbers")
        values = _fitted(net, self.values, shape).index_select(1, index)
        return lambda _: values


def units_of_one_layer(net: Network, where: Units) -> list[Unit]:
    """The units that are meant, in order, each once.

    Raises:
        UnknownLayerError, UnknownUnitError: the network has no such layer or unit.
        CurvesError: there are none, or they are of several layers.
    """
    units = list(Selection.of(where).resolve(net))
    if len({unit.layer for unit in units}) > 1:
        raise CurvesError(f"{units[0]} and {units[-1]} are of different layers; do it once for each layer")
    return units


def _fitted(net: Network, value: float | Tensor, shape: tuple[int, ...]) -> Tensor:
    """`value` so that it broadcasts to `shape`, N x K x H x W, in no other way than is meant."""
    if not isinstance(value, Tensor):
        return torch.full((), value, dtype=net.dtype, device=net.device)
    if value.dtype != net.dtype or value.device != net.device:
        raise CurvesError(
            f"the values are {value.dtype} on {value.device}, the network {net.dtype} on {net.device}; "
            "convert them with .to(...)"
        )
    given = tuple(value.shape)
    if value.dim() == 0:
        return value
    if given == shape[1:2]:
        return value.view(-1, *(1 for _ in shape[2:]))
    fits = len(given) == len(shape) and all(
        mine in (1, whole) if axis != 1 else mine == whole
        for axis, (mine, whole) in enumerate(zip(given, shape, strict=True))
    )
    if not fits:
        found, expected = (" x ".join(map(str, sizes)) for sizes in (given, shape))
        raise CurvesError(f"the values are {found}; give a number, {shape[1]} numbers (one a unit), or {expected}")
    return value
