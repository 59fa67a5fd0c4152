"""Changing what a target unit sees of a source layer: scaling, moving, writing and linearising its edges.

All work on a `Surgery`, which gives the target what lies between for itself where others share it. Kernels are as in
`circuits.sight`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from circuits.errors import CurvesError
from circuits.ops import Conv
from circuits.sight import bottleneck, entries_of, reads_directly
from circuits.surgery import Surgery
from circuits.units import Unit
from circuits.wiring import base_layer

__all__ = ["linearise", "move_edges", "scale_edges", "write_edges"]


def scale_edges(surgery: Surgery, target: Unit, source: str, factors: Tensor) -> None:
    """Let the target see a source layer's activations multiplied by `factors`, and nobody else.

    Where a bottleneck lies between and factors differ from place to place, the target gets a copy of the bottleneck for
    each group of places with the same factors, and reads each place from its own copy: exact, ReLU and all.

    Args:
        surgery: what to change.
        target: which unit.
        source: which layer.
        factors: C x kh x kw, one for each place of the target's kernel, or C x 1 x 1.

    Raises:
        CurvesError: the target does not see the source, or factors differ between places and behind more than a 1x1
            bottleneck.
    """
    direct = reads_directly(surgery.net, target, source)
    if (factors == 1).all():
        return
    if not direct and not (factors == factors[:, :1, :1]).all():
        _split_places(surgery, target, source, factors)
        return
    factors = factors if direct else factors[:, :1, :1]
    surgery.isolate(target, source)
    for entry in entries_of(surgery.net, target, source):
        kernels = surgery.writable_kernels(entry.op)[entry.rows]
        for columns in entry.columns:
            kernels[:, columns] *= factors.to(kernels)


def move_edges(surgery: Surgery, target: Unit, source: str, before: Sequence[int], after: Sequence[int]) -> None:
    """Let the target see the unit `after[i]` of a source layer where it saw `before[i]`; all at once.

    What it saw of `after[i]` stays, unless that unit is itself in `before`: kernels add up.
    """
    surgery.isolate(target, source)
    for entry in entries_of(surgery.net, target, source):
        kernels = surgery.writable_kernels(entry.op)[entry.rows]
        for columns in entry.columns:
            moving = kernels[:, columns[list(before)]].clone()
            kernels[:, columns[list(before)]] = 0
            kernels.index_add_(1, columns[list(after)], moving)


def write_edges(surgery: Surgery, target: Unit, source: str, channels: Sequence[int], kernels: Tensor) -> None:
    """Set the kernels with which a target reads units of a source layer.

    Args:
        surgery: what to change.
        target: which unit.
        source: which layer.
        channels: which units of it.
        kernels: one for each, len(channels) x kh x kw.

    Raises:
        CurvesError: there are units between the two, or the kernels have another size.
    """
    entries = entries_of(surgery.net, target, source)
    if len(entries) != 1 or not entries[0].direct:
        raise CurvesError(
            f"{target} sees {source} through other units, whose weights others share; "
            f"put a linearize edit of this source and target before this one, or edit the edges on the way"
        )
    found = surgery.writable_kernels(entries[0].op)[entries[0].rows]
    if kernels.shape[1:] != found.shape[2:]:
        fits, given = ("x".join(map(str, shape)) for shape in (found.shape[2:], kernels.shape[1:]))
        raise CurvesError(f"kernels from {source} to {target} are {fits}, not {given}; give them in that size")
    copies = found[0, entries[0].columns].abs().sum(1)  # where the source is a private copy, each place reads one of it
    read = torch.nn.functional.one_hot(copies.argmax(0), len(copies)).permute(2, 0, 1).to(found)
    for columns, mask in zip(entries[0].columns, read, strict=True):
        found[0, columns[list(channels)]] = kernels.to(found) * mask


def linearise(surgery: Surgery, target: Unit, source: str) -> None:
    """Let the target read the source directly with its expanded weights, as if the bottleneck had no ReLU.

    Its bias takes over what the bottleneck's biases give in the midst of the map.

    Raises:
        CurvesError: the target does not see the source, or not through one 1x1 bottleneck and nothing else.
    """
    entries = entries_of(surgery.net, target, source)
    if all(entry.direct for entry in entries):
        return
    net = surgery.net
    op, row = net.producer(target)
    if len(entries) > 1 or len({link.source for link in net.links if link.op == op}) > 1:
        raise CurvesError(
            f"{target} sees {source} on several ways, of which linearising keeps one; choose another target"
        )
    below, above = bottleneck(net, entries[0].op, target)
    weight = torch.einsum("rc,ryx->cyx", below, above)[None].detach()
    bias = net.tensors[f"{op}/bias"][row] + above.sum((1, 2)) @ net.tensors[f"{entries[0].op}/bias"]
    read = net.op(entries[0].op).inputs
    name = surgery.own_op(target)
    own = surgery.net.op(name)
    assert isinstance(own, Conv)
    tensors = {f"{name}/weight": weight, f"{name}/bias": bias[None].detach()}
    surgery.replace_ops([replace(own, inputs=read, groups=1)], tensors)


def _split_places(surgery: Surgery, target: Unit, source: str, factors: Tensor) -> None:
    """Scale behind a bottleneck by factors that differ between places, with a copy of the bottleneck for each group."""
    entries = entries_of(surgery.net, target, source)
    if len(entries) != 1:
        raise CurvesError(f"{target} sees {source} on several ways, whose places differ; edit edges as a whole")
    bottleneck(surgery.net, entries[0].op, target)
    surgery.isolate(target, source)
    (entry,) = entries_of(surgery.net, target, source)
    surgery.writable_kernels(entry.op)
    net = surgery.net
    below, above = (tensor.detach() for tensor in bottleneck(net, entry.op, target))
    if factors.shape[1:] != above.shape[1:]:
        fits, given = ("x".join(map(str, shape)) for shape in (above.shape[1:], factors.shape[1:]))
        raise CurvesError(f"factors for {target} are {fits} on each unit of {source}, not {given}")
    own, _ = net.producer(target)
    (layer,) = (link.source for link in net.links if link.op == own)
    count = net.layer(base_layer(layer)).channels
    weight = below.view(-1, count, below.shape[1])
    bias = net.tensors[f"{entry.op}/bias"].detach().view(-1, count)
    kernel = above.view(len(weight), count, -1)  # copies x units x places
    used = kernel.abs().sum(1).argmax(0)  # each place reads one copy
    placed = weight[used].clone()  # places x units x inputs
    for columns in entry.columns:
        placed[..., columns] *= factors.to(placed).flatten(1).T[:, None]
    everything = torch.cat([placed, bias[used][..., None]], dim=2).flatten(1)
    _, group = torch.unique(everything, dim=0, return_inverse=True)
    firsts = [int((group == g).nonzero()[0]) for g in group.unique()]
    order = sorted(firsts)  # copies in the order of the first place that reads them
    copy = torch.tensor([order.index(firsts[int(g)]) for g in group], device=net.device)
    read = torch.nn.functional.one_hot(copy, len(order)).T.to(kernel)  # copies x places
    spread = kernel.sum(0)[None] * read[:, None]
    tensors = {
        f"{entry.op}/weight": placed[order].flatten(0, 1)[..., None, None],
        f"{entry.op}/bias": bias[used][order].flatten(),
        f"{own}/weight": spread.flatten(0, 1).view(1, -1, *above.shape[1:]),
    }
    surgery.replace_ops([], tensors)
