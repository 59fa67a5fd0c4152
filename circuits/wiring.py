"""Which units read which: the network's weights, seen as connections between layers.

A weighted op (conv or linear) computes consecutive units of one layer, and its input channels are units of earlier
layers, possibly behind pools, normalisations or ReLUs that keep a channel a channel. Each such pair is a `Link`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from circuits.errors import CurvesError
from circuits.ops import Concat, Conv, Linear, Op
from circuits.parts import Layer
from circuits.regions import INPUT

__all__ = ["Link", "Piece", "base_layer", "is_inner", "kernels", "links", "pieces", "split_name"]


@dataclass(frozen=True)
class Piece:
    """Units of a layer that one op computes: `count` units from `first` on are the op's output channels, in order."""

    op: str
    first: int
    count: int


@dataclass(frozen=True)
class Link:
    """Units of `source` that an op reads, to compute units of `target`.

    Attributes:
        op: the conv or linear op with the weights.
        target: the layer that it computes units of.
        rows: the units of `target` that are the op's output channels, in order.
        source: the layer that is read; `input` for the image.
        columns: the op's input channels that are all units of `source`, in order.
        via: ops that the source's activations pass on the way (pools, normalisation), in order.
    """

    op: str
    target: str
    rows: range
    source: str
    columns: range
    via: tuple[str, ...]


def pieces(ops: Sequence[Op], layer: Layer, channels: Mapping[str, int]) -> tuple[Piece, ...]:
    """The ops whose outputs, joined, are a layer's pre-activations."""
    by_name = {op.name: op for op in ops}

    def parts(name: str, first: int) -> list[Piece]:
        op = by_name.get(name)
        if not isinstance(op, Concat):
            return [Piece(name, first, channels[name])]
        found = []
        for part in op.inputs:
            found += parts(part, first)
            first += channels[part]
        return found

    return tuple(parts(layer.pre, 0))


def links(ops: Sequence[Op], layers: Mapping[str, Layer], channels: Mapping[str, int]) -> tuple[Link, ...]:
    """All connections between layers that have weights, in order of the ops.

    Raises:
        CurvesError: an op with weights computes units of no layer.
    """
    by_name = {op.name: op for op in ops}
    rows: dict[str, tuple[str, range]] = {}
    origin: dict[str, Link] = {}  # by tensor: a link that lacks its op, for tensors that are a layer
    for layer in layers.values():
        found = pieces(ops, layer, channels)
        if all(isinstance(by_name.get(piece.op), Conv | Linear) for piece in found):
            whole = Link("", "", range(0), layer.name, range(layer.channels), ())
            origin |= {layer.pre: whole, layer.post: whole}
            rows |= {p.op: (layer.name, range(p.first, p.first + p.count)) for p in found}

    def origins(name: str) -> list[Link]:
        if name in origin:
            return [origin[name]]
        if name == INPUT:
            return [Link("", "", range(0), INPUT, range(channels[INPUT]), ())]
        op = by_name[name]
        if isinstance(op, Concat):
            found, first = [], 0
            for part in op.inputs:
                for link in origins(part):
                    columns = range(first + link.columns.start, first + link.columns.stop)
                    found.append(replace(link, columns=columns))
                first += channels[part]
            return found
        if isinstance(op, Conv | Linear):
            raise CurvesError(
                f"{name!r} computes units of no layer, so they have no name; add a layer for it with evolve(layers=...)"
            )
        return [replace(link, via=(*link.via, name)) for link in origins(op.inputs[0])]

    result = []
    for op in ops:
        if isinstance(op, Conv | Linear) and op.name in rows:
            target, units = rows[op.name]
            result += [replace(link, op=op.name, target=target, rows=units) for link in origins(op.inputs[0])]
    return tuple(result)


def base_layer(name: str) -> str:
    """The layer (or op) that a private copy such as `3b/5x5_bottleneck@3b:379` was made from; others are their own."""
    return name.partition("@")[0]


def split_name(op: str) -> tuple[str, int, str]:
    """The name of an op that may be some rows of a larger one: `3b/5x5[9:96]@4a:1` is `3b/5x5`, row 9, `@4a:1`."""
    head, at, private = op.partition("@")
    if match := re.fullmatch(r"(.*)\[(\d+)(?::\d+)?\]", head):
        return match[1], int(match[2]), at + private
    return head, 0, at + private


def is_inner(layer: str, layers: Collection[str]) -> bool:
    """Whether a layer is a part of another by its name, as the bottleneck `3b/5x5_bottleneck` is of `3b`."""
    return any(layer.startswith(f"{other}/") for other in layers)


def kernels(op: Op, weight: Tensor, channels: int) -> Tensor:
    """The weights of an op as kernels, O x I x kh x kw with I all of its `channels` input channels.

    A view of `weight`, but for grouped convolutions, whose missing kernels are filled with zeros. A linear op's kernel
    spans the positions that it reads, as one column.
    """
    if isinstance(op, Linear):
        return weight.view(weight.shape[0], channels, -1, 1)
    assert isinstance(op, Conv)
    if op.groups == 1:
        return weight
    dense = weight.new_zeros(weight.shape[0], channels, *op.kernel)
    outputs, inputs = weight.shape[0] // op.groups, weight.shape[1]
    for g in range(op.groups):
        dense[g * outputs : (g + 1) * outputs, g * inputs : (g + 1) * inputs] = weight[g * outputs : (g + 1) * outputs]
    return dense
