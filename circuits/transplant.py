"""Transplanting: units of one network in the place of units of another, with all that they need upstream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

import torch
from torch import Tensor

from circuits.errors import CurvesError
from circuits.network import Network
from circuits.ops import Conv, Op
from circuits.parts import Preprocessing
from circuits.regions import INPUT, ReceptiveField, extents, upstream
from circuits.surgery import Surgery
from circuits.units import Unit

__all__ = ["fitting_donor", "graft_name", "transplant"]


def transplant(
    net: Network, donor: Network, units: Mapping[Unit, Unit], scale: Sequence[float], shift: Sequence[float]
) -> Network:
    """Put units of `donor` in the place of units of `net`; nothing else of `net` changes.

    The donor's ops that the units need come along under names that start with the donor's (`handbuilt-1a2b3c4d/3a`),
    and read the image through a 1x1 convolution that undoes one network's preprocessing and does the other's. They
    pad the image as the host does (`fitting_donor`).

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
    prefix = f"{graft_name(donor)}/"
    donor = fitting_donor(net, donor, pairs.items())
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


def fitting_donor(net: Network, donor: Network, pairs: Iterable[tuple[Unit, Unit]]) -> Network:
    """The donor as its units will work in the host: the same network, but for the padding of the image.

    TensorFlow's SAME padding is asymmetric at stride 2, so that `inceptionv1` pads its image by 2 pixels before and 3
    after where other networks pad by 3, and its fields lie a pixel further. Where fields differ by such an offset and
    nothing else, the donor's first convolution pads as the host's does.

    Args:
        net: the host.
        donor: where the units come from.
        pairs: units of the host, each with the one of the donor that is to take its place.

    Raises:
        UnknownUnitError: a network has no such unit.
        CurvesError: a unit of the donor sees other pixels than the one it is to replace.
    """
    layers = dict.fromkeys((net.unit(old).layer, donor.unit(new).layer) for old, new in pairs)
    fields = [(net.receptive_field(old), donor.receptive_field(new)) for old, new in layers]
    if any(host != guest and host == replace(guest, offset=host.offset) for host, guest in fields):
        donor = _padded_alike(net, donor)
    for old, new in layers:
        _check_places(net, old, donor, new)
    return donor


def _padded_alike(net: Network, donor: Network) -> Network:
    """The donor with the host's padding in the convolutions that read the image in the same windows."""
    padding = {(op.kernel, op.stride): op.padding for op in reversed(net.ops) if _reads_image(op)}
    ops = [
        replace(op, padding=padding.get((op.kernel, op.stride), op.padding)) if _reads_image(op) else op
        for op in donor.ops
    ]
    return donor.evolve(ops=ops)


def _reads_image(op: Op) -> TypeGuard[Conv]:
    return isinstance(op, Conv) and op.inputs == (INPUT,)


def _check_places(net: Network, old: str, donor: Network, new: str) -> None:
    """Check that the units of two layers see the same pixels, at every place of their maps."""
    host, guest = net.receptive_field(old), donor.receptive_field(new)
    if host != guest:
        raise CurvesError(
            f"units of {new} of {donor.provenance.name} see {_described(guest)}, those of {old} of "
            f"{net.provenance.name} {_described(host)}; graft units that see the same pixels"
        )
    size = (net.input_size, net.input_size)
    maps = [extents(n.ops, *size)[n.layer(layer).pre] for n, layer in ((net, old), (donor, new))]
    if maps[0] != maps[1]:
        raise CurvesError(
            f"maps of {new} of {donor.provenance.name} are {maps[1]} for images of {size[0]} px, those of {old} "
            f"{maps[0]}; graft units of a network that pads its images alike"
        )


def _described(field: ReceptiveField) -> str:
    return f"{field.size} px every {field.stride} px from {field.offset}"


def _between(first: Preprocessing, second: Preprocessing) -> tuple[Tensor, Tensor]:
    """Weight 3 x 3 x 1 x 1 and bias of the convolution from `first`'s output to `second`'s."""
    weight, bias = torch.zeros(3, 3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for c, colour in enumerate(second.order):
        k = first.order.index(colour)
        weight[c, k] = first.std[k] / first.scale * second.scale / second.std[c]
        bias[c] = (first.mean[k] / first.scale * second.scale - second.mean[c]) / second.std[c]
    return weight[:, :, None, None], bias
