"""Transplanting: units of one network in the place of units of another, with all that they need upstream."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from circuits.errors import CurvesError
from circuits.network import Network
from circuits.ops import Conv, Op
from circuits.parts import Preprocessing
from circuits.regions import INPUT, extents, upstream
from circuits.surgery import Surgery
from circuits.units import Unit

__all__ = ["graft_name", "transplant"]


def transplant(
    net: Network, donor: Network, units: Mapping[Unit, Unit], scale: Sequence[float], shift: Sequence[float]
) -> Network:
    """Put units of `donor` in the place of units of `net`; nothing else of `net` changes.

    The donor's ops that the units need come along under names that start with the donor's (`handbuilt-1a2b3c4d/3a`),
    and read the image through a 1x1 convolution that undoes one network's preprocessing and does the other's.

    Args:
        net: the host.
        donor: where the units come from.
        units: by unit of the host, the unit of the donor that takes its place.
        scale: for each of them, what its pre-activation is multiplied by.
        shift: for each of them, what is added then.

    Raises:
        UnknownUnitError: a network has no such unit.
        CurvesError: a unit of the donor sees other pixels than the one it is to replace.
    """
    pairs = {net.unit(old): donor.unit(new) for old, new in units.items()}
    for old, new in pairs.items():
        _check_places(net, old, donor, new)
    prefix = f"{graft_name(donor)}/"
    producers = {new: donor.producer(new) for new in pairs.values()}
    needed = set().union(*(upstream(donor.ops, op) - {op} for op, _ in producers.values())) - {INPUT}
    entrance = INPUT if donor.preprocessing == net.preprocessing else f"{prefix}{INPUT}"

    def renamed(op: Op, name: str) -> Op:
        return replace(op, name=name, inputs=tuple(entrance if i == INPUT else moved(i) for i in op.inputs))

    def moved(name: str) -> str:
        return prefix + name.replace("@", "~")  # private copies of the donor's are no copies of the host's units

    # A donor that has given units before is there already.
    fresh = [op for op in donor.ops if op.name in needed and moved(op.name) not in {o.name for o in net.ops}]
    ops = [renamed(op, moved(op.name)) for op in fresh]
    tensors = {
        f"{moved(op.name)}/{part}": donor.tensors[f"{op.name}/{part}"].detach().to(net.device, net.dtype)
        for op in fresh
        for part in op.tensors
    }
    layers = {
        moved(layer.name): (moved(layer.pre), moved(layer.post))
        for layer in donor.layers.values()
        if {layer.pre, layer.post} <= needed and moved(layer.name) not in net.layers
    }
    if entrance != INPUT and entrance not in net.layers:
        ops.insert(0, Conv(entrance, (INPUT,), (1, 1)))
        weight, bias = _between(net.preprocessing, donor.preprocessing)
        tensors |= {
            f"{entrance}/weight": weight.to(net.device, net.dtype),
            f"{entrance}/bias": bias.to(net.device, net.dtype),
        }
        layers = {entrance: (entrance, entrance)} | layers
    surgery = Surgery(net)
    surgery.add(ops, tensors, layers)
    every = [
        (copy, producers[new_unit], times, plus)
        for (old, new_unit), times, plus in zip(pairs.items(), scale, shift, strict=True)
        for copy in surgery.copies(old)
    ]
    for old, (name, row), times, plus in every:
        own = surgery.own_op(old)
        op = donor.op(name)
        grafted = renamed(replace(op, groups=1) if isinstance(op, Conv) else op, own)
        weight = donor.kernels(name)[row : row + 1].detach() * times
        bias = donor.tensors[f"{name}/bias"][row : row + 1].detach() * times + plus
        surgery.replace_ops(
            [grafted],
            {f"{own}/weight": weight.to(net.device, net.dtype), f"{own}/bias": bias.to(net.device, net.dtype)},
        )
    return surgery.net


def graft_name(donor: Network) -> str:
    """What a donor's ops and layers are called in a host: its name and the start of its identity."""
    return f"{re.sub(r'[^A-Za-z0-9_-]', '_', donor.provenance.name)}-{donor.identity[:8]}"


def _check_places(net: Network, old: Unit, donor: Network, new: Unit) -> None:
    """Check that two units see the same pixels, at every place of their maps."""
    host, guest = net.receptive_field(old.layer), donor.receptive_field(new.layer)
    if host != guest:
        raise CurvesError(f"{new} of {donor.provenance.name} sees {guest}, {old} sees {host}; graft units of the same")
    size = (net.input_size, net.input_size)
    maps = [extents(n.ops, *size)[n.layer(unit.layer).pre] for n, unit in ((net, old), (donor, new))]
    if maps[0] != maps[1]:
        raise CurvesError(f"the map of {new} is {maps[1]} for images of {size[0]} px, that of {old} {maps[0]}")


def _between(first: Preprocessing, second: Preprocessing) -> tuple[Tensor, Tensor]:
    """Weight 3 x 3 x 1 x 1 and bias of the convolution from `first`'s output to `second`'s."""
    weight, bias = torch.zeros(3, 3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for c, colour in enumerate(second.order):
        k = first.order.index(colour)
        weight[c, k] = first.std[k] / first.scale * second.scale / second.std[c]
        bias[c] = (first.mean[k] / first.scale * second.scale - second.mean[c]) / second.std[c]
    return weight[:, :, None, None], bias
