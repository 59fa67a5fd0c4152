"""From a circuit's graph back to a network: only the weights that are its edges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

import torch
from networkx import DiGraph
from torch import Tensor

from circuits.network import Network
from circuits.ops import Conv, Op
from circuits.units import Unit

__all__ = ["isolate"]


def isolate(net: Network, graph: DiGraph, targets: Collection[Unit], until: Collection[str]) -> Network:
    """A network of only the edges and units of a graph, as far as the targets' layers.

    Layers of `until`, and what is behind them and not in the graph, stay whole.
    """
    behind = set(until)
    for link in reversed(net.links):
        if link.target in behind:
            behind.add(link.source)
    inside = {unit.layer for unit in graph} - set(until)
    whole = {link.op for link in net.links if link.target in behind - inside}
    needed = {net.layer(unit.layer).post for unit in targets}
    ops: list[Op] = []
    for op in reversed(net.ops):
        if op.name in needed:
            needed.update(op.inputs)
            ops.insert(0, op)
    masks = _masks(net, graph, needed)
    tensors: dict[str, Tensor] = {}
    for op in ops:
        names = [f"{op.name}/{part}" for part in op.tensors]
        tensors |= {name: net.tensors[name].detach() for name in names}
        if names and op.name not in whole:
            units, edges = masks[op.name]
            weight, bias = (tensors[name] for name in names)
            tensors[names[0]] = torch.where(_spread(op, edges, weight), weight, 0)
            tensors[names[1]] = torch.where(units, bias, 0)
    ends = ", ".join(map(str, targets))
    return Network(
        ops,
        tensors,
        {layer.name: (layer.pre, layer.post) for layer in net.layers.values() if {layer.pre, layer.post} <= needed},
        preprocessing=net.preprocessing,
        input_size=net.input_size,
        provenance=replace(net.provenance, name=f"{net.provenance.name}, circuit of {ends}", parent=net.identity),
        precision=net.precision,
    )


def _masks(net: Network, graph: DiGraph, ops: Collection[str]) -> dict[str, tuple[Tensor, Tensor]]:
    """For some ops, which of its units are nodes (O) and which of their input channels are edges (O x I)."""
    masks: dict[str, tuple[Tensor, Tensor]] = {}
    columns: dict[tuple[str, str], int] = {}
    first: dict[str, int] = {}
    for link in (link for link in net.links if link.op in ops):
        inputs = net.channels(net.op(link.op).inputs[0])
        units = torch.tensor([Unit(link.target, channel) in graph for channel in link.rows], device=net.device)
        masks[link.op] = units, torch.zeros(len(units), inputs, dtype=torch.bool, device=net.device)
        columns[link.op, link.source] = link.columns.start
        first[link.op] = link.rows.start
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for source, target, op in graph.edges(data="op"):
        places[op].append((target.channel - first[op], columns[op, source.layer] + source.channel))
    for op, found in places.items():
        rows, inputs = torch.tensor(found, device=net.device).T
        masks[op][1][rows, inputs] = True
    return masks


def _spread(op: Op, edges: Tensor, weight: Tensor) -> Tensor:
    """Edges (O x I) as a mask of an op's weight, in its layout."""
    if isinstance(op, Conv):
        groups, inputs = op.groups, weight.shape[1]
        blocks = edges.view(groups, -1, groups, inputs).diagonal(dim1=0, dim2=2)  # outputs of a group x inputs x groups
        return blocks.permute(2, 0, 1).reshape(-1, inputs)[:, :, None, None].expand_as(weight)
    return edges.repeat_interleave(weight.shape[1] // edges.shape[1], dim=1)
