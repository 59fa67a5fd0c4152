"""What a target unit sees of a source layer, and changing just that: scaling, moving, writing and linearising edges.

All work on a `Surgery`. An edge's kernel is C x kh x kw in the target's own places: the weights themselves where the
target reads the source, the product of both ops' weights where a 1x1 bottleneck lies between (expanded weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from circuits.errors import CurvesError
from circuits.network import Network
from circuits.ops import Conv
from circuits.surgery import Surgery, between, stands_for
from circuits.units import Unit
from circuits.wiring import base_layer

__all__ = ["View", "edge_kernels", "linearise", "move_edges", "reads_directly", "scale_edges", "view", "write_edges"]


@dataclass(frozen=True)
class _Entry:
    """Where a target's view of a source layer enters.

    Attributes:
        op: the op whose input channels are the source's units.
        rows: the op's rows that lead to the target: its own one, or all of an op between.
        columns: copies x units: the input channels that stand for each unit (a private copy may hold several).
        direct: whether the op computes the target itself.
    """

    op: str
    rows: slice
    columns: Tensor
    direct: bool


def edge_kernels(net: Network, target: Unit, source: str) -> Tensor:
    """The kernels with which a target sees each unit of a source layer, C x kh x kw; a new tensor.

    Raises:
        CurvesError: the target does not see the source, or through more than a 1x1 bottleneck.
    """
    found = []
    for entry in _entries(net, target, source):
        if entry.direct:
            found.append(net.kernels(entry.op)[entry.rows][0, entry.columns].sum(0))
        else:
            below, above = _bottleneck(net, entry.op, target)
            found.append(torch.einsum("rkc,ryx->cyx", below[:, entry.columns], above))
    return torch.stack(found).sum(0).detach()


@dataclass(frozen=True)
class View:
    """How a unit's pre-activation follows from a source layer, directly or through a 1x1 bottleneck.

    Attributes:
        tensor: what is read: the source's activations, behind pools and normalisation on the way.
        weight: of the unit, (C or B) x kh x kw.
        bias: of the unit, a scalar.
        bottleneck: weight B x C and bias B of the units between, which have a ReLU; None where there are none.
    """

    tensor: str
    weight: Tensor
    bias: Tensor
    bottleneck: tuple[Tensor, Tensor] | None


def view(net: Network, target: Unit, source: str) -> View:
    """All that a target sees of a source layer.

    Raises:
        CurvesError: the target does not see the source, or on several ways, or through more than a 1x1 bottleneck.
    """
    entries = _entries(net, target, source)
    own, row = net.producer(target)
    bias = net.tensors[f"{own}/bias"][row].detach()
    if len(entries) != 1 or len({link.source for link in net.links if link.op == own}) != 1:
        raise CurvesError(f"{target} sees {source} on several ways, or other layers as well; choose another source")
    (entry,) = entries
    if entry.direct:
        return View(net.op(own).inputs[0], net.kernels(own)[row].detach(), bias, None)
    below, above = (tensor.detach() for tensor in _bottleneck(net, entry.op, target))
    return View(net.op(entry.op).inputs[0], above, bias, (below, net.tensors[f"{entry.op}/bias"].detach()))


def reads_directly(net: Network, target: Unit, source: str) -> bool:
    """Whether the target reads the source itself, through no unit between.

    Raises:
        CurvesError: the target does not see the source.
    """
    return all(entry.direct for entry in _entries(net, target, source))


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
    for entry in _entries(surgery.net, target, source):
        kernels = surgery.writable_kernels(entry.op)[entry.rows]
        for columns in entry.columns:
            kernels[:, columns] *= factors.to(kernels)


def move_edges(surgery: Surgery, target: Unit, source: str, before: Sequence[int], after: Sequence[int]) -> None:
    """Let the target see the unit `after[i]` of a source layer where it saw `before[i]`; all at once.

    What it saw of `after[i]` stays, unless that unit is itself in `before`: kernels add up.
    """
    surgery.isolate(target, source)
    for entry in _entries(surgery.net, target, source):
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
    entries = _entries(surgery.net, target, source)
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
    entries = _entries(surgery.net, target, source)
    if all(entry.direct for entry in entries):
        return
    net = surgery.net
    op, row = net.producer(target)
    if len(entries) > 1 or len({link.source for link in net.links if link.op == op}) > 1:
        raise CurvesError(
            f"{target} sees {source} on several ways, of which linearising keeps one; choose another target"
        )
    below, above = _bottleneck(net, entries[0].op, target)
    weight = torch.einsum("rc,ryx->cyx", below, above)[None].detach()
    bias = net.tensors[f"{op}/bias"][row] + above.sum((1, 2)) @ net.tensors[f"{entries[0].op}/bias"]
    read = net.op(entries[0].op).inputs
    name = surgery.own_op(target)
    own = surgery.net.op(name)
    assert isinstance(own, Conv)
    tensors = {f"{name}/weight": weight, f"{name}/bias": bias[None].detach()}
    surgery.replace_ops([replace(own, inputs=read, groups=1)], tensors)


def _entries(net: Network, target: Unit, source: str) -> list[_Entry]:
    """Where the target's view of the source enters.

    Raises:
        CurvesError: the target does not see the source.
    """
    own, row = net.producer(target)
    count = net.layer(source).channels
    ops = {own, *between(net, target, source)}
    found = []
    for link in net.links:
        if stands_for(link.source, source) and link.op in ops:
            columns = torch.tensor(link.columns, device=net.device).view(-1, count)
            rows = slice(row, row + 1) if link.op == own else slice(None)
            found.append(_Entry(link.op, rows, columns, link.op == own))
    if not found:
        reads = dict.fromkeys(base_layer(link.source) for link in net.links if link.op == own)
        raise CurvesError(f"{target} does not see {source}; it reads {', '.join(reads)}")
    return found


def _bottleneck(net: Network, entry: str, target: Unit) -> tuple[Tensor, Tensor]:
    """Weights of the 1x1 bottleneck that is all that lies between (R x I), and of the target above it (R x kh x kw).

    Raises:
        CurvesError: something else lies between.
    """
    own, row = net.producer(target)
    conv = net.op(entry)
    layer = next((layer.name for layer in net.layers.values() if layer.pre == entry), None)
    link = next((link for link in net.links if link.op == own and link.source == layer), None)
    plain = isinstance(conv, Conv) and conv.kernel == conv.stride == (1, 1) and not any(conv.padding)
    if link is None or not plain or link.via:
        raise CurvesError(
            f"between {target} and the source lies more than a 1x1 bottleneck, so the edge has no kernel of its own: "
            f"edit layer by layer, or edges as a whole, without places or signs"
        )
    return net.kernels(entry)[:, :, 0, 0], net.kernels(own)[row, link.columns.start : link.columns.stop]


def _split_places(surgery: Surgery, target: Unit, source: str, factors: Tensor) -> None:
    """Scale behind a bottleneck by factors that differ between places, with a copy of the bottleneck for each group."""
    entries = _entries(surgery.net, target, source)
    if len(entries) != 1:
        raise CurvesError(f"{target} sees {source} on several ways, whose places differ; edit edges as a whole")
    _bottleneck(surgery.net, entries[0].op, target)
    surgery.isolate(target, source)
    (entry,) = _entries(surgery.net, target, source)
    surgery.writable_kernels(entry.op)
    net = surgery.net
    below, above = (tensor.detach() for tensor in _bottleneck(net, entry.op, target))
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
