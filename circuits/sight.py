"""What a target unit sees of a source layer; `circuits.edge_changes` changes it.

An edge's kernel is C x kh x kw in the target's own places: the weights themselves where the
target reads the source, the product of both ops' weights where a 1x1 bottleneck lies between (expanded weights).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from circuits.errors import CurvesError
from circuits.network import Network
from circuits.ops import Conv
from circuits.surgery import between, stands_for
from circuits.units import Unit
from circuits.wiring import base_layer

__all__ = ["Entry", "View", "bottleneck", "edge_kernels", "entries_of", "reads_directly", "view"]


@dataclass(frozen=True)
class Entry:
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
    for entry in entries_of(net, target, source):
        if entry.direct:
            found.append(net.kernels(entry.op)[entry.rows][0, entry.columns].sum(0))
        else:
            below, above = bottleneck(net, entry.op, target)
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
    entries = entries_of(net, target, source)
    own, row = net.producer(target)
    bias = net.tensors[f"{own}/bias"][row].detach()
    if len(entries) != 1 or len({link.source for link in net.links if link.op == own}) != 1:
        raise CurvesError(f"{target} sees {source} on several ways, or other layers as well; choose another source")
    (entry,) = entries
    if entry.direct:
        return View(net.op(own).inputs[0], net.kernels(own)[row].detach(), bias, None)
    below, above = (tensor.detach() for tensor in bottleneck(net, entry.op, target))
    return View(net.op(entry.op).inputs[0], above, bias, (below, net.tensors[f"{entry.op}/bias"].detach()))


def reads_directly(net: Network, target: Unit, source: str) -> bool:
    """Whether the target reads the source itself, through no unit between.

    Raises:
        CurvesError: the target does not see the source.
    """
    return all(entry.direct for entry in entries_of(net, target, source))


def entries_of(net: Network, target: Unit, source: str) -> list[Entry]:
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
            found.append(Entry(link.op, rows, columns, link.op == own))
    if not found:
        reads = dict.fromkeys(base_layer(link.source) for link in net.links if link.op == own)
        raise CurvesError(f"{target} does not see {source}; it reads {', '.join(reads)}")
    return found


def bottleneck(net: Network, entry: str, target: Unit) -> tuple[Tensor, Tensor]:
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
