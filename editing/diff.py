"""What changed between two networks, unit by unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from circuits import CurvesError, Network, Unit
from circuits.sight import edge_kernels, reads_directly
from circuits.wiring import base_layer, is_inner

__all__ = ["Diff", "EdgeChange", "UnitChange", "diff"]


@dataclass(frozen=True)
class EdgeChange:
    """An edge whose kernel is another, with L2 norms (0: there is no edge).

    Attributes:
        source: the unit that is seen.
        before: norm of the kernel.
        after: norm of the new kernel.
        change: norm of the difference.
    """

    source: Unit
    before: float
    after: float
    change: float


@dataclass(frozen=True)
class UnitChange:
    """A unit that computes something else.

    Attributes:
        unit: which one.
        bias: before and after.
        edges: those that changed, the largest change first. Of what is seen through a 1x1 bottleneck that became the
            unit's own, the edges from the layer below it, as expanded weights.
        untold: layers whose edges changed in a way that has no kernels, because more lies between.
    """

    unit: Unit
    bias: tuple[float, float]
    edges: tuple[EdgeChange, ...]
    untold: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{len(self.edges)} edges"] if self.edges else []
        if gone := sum(edge.after == 0 for edge in self.edges):
            parts.append(f"{gone} of them gone")
        if new := sum(edge.before == 0 for edge in self.edges):
            parts.append(f"{new} of them new")
        if self.bias[0] != self.bias[1]:
            parts.append(f"bias {self.bias[0]:.4g} -> {self.bias[1]:.4g}")
        parts += [f"sees {layer} otherwise" for layer in self.untold]
        return f"{self.unit}: {', '.join(parts)}"


@dataclass(frozen=True)
class Diff:
    """What differs between two networks; false if nothing does.

    Attributes:
        before: identity of the first.
        after: identity of the second.
        units: units of layers that both have, and that compute something else.
        added: layers that only the second has: private copies of bottlenecks, grafts.
        removed: layers that only the first has.
        other: whatever else differs: preprocessing, pools, normalisation, numbers of units.
    """

    before: str
    after: str
    units: tuple[UnitChange, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    other: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.before != self.after

    def lines(self) -> Iterator[str]:
        """The differences, a line for each."""
        yield from self.other
        yield from (f"layer {name} removed" for name in self.removed)
        yield from (f"layer {name} added" for name in self.added)
        yield from map(str, self.units)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-able data."""
        data = asdict(self)
        for unit, change in zip(data["units"], self.units, strict=True):
            unit["unit"] = str(change.unit)
            for edge, found in zip(unit["edges"], change.edges, strict=True):
                edge["source"] = str(found.source)
        return data


def diff(before: Network, after: Network) -> Diff:
    """Compare two networks unit by unit.

    Units are compared by what they do with the units that they read: a unit whose sources changed, but which reads them
    as before, has not changed.
    """
    if before.identity == after.identity:
        return Diff(before.identity, after.identity, (), (), (), ())
    other = []
    for name in ("preprocessing", "input_size"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            other.append(f"{name}: {old} -> {new}")
    old_ops, new_ops = (
        {op.name: op for op in net.ops if not op.tensors and op.kind not in {"concat", "relu"}}
        for net in (before, after)
    )
    other += [
        f"{name}: {old_ops.get(name, 'not there')} -> {new_ops.get(name, 'not there')}"
        for name in {**old_ops, **new_ops}
        if old_ops.get(name) != new_ops.get(name)
    ]
    units = []
    for name, layer in before.layers.items():
        if name not in after.layers:
            continue
        count = after.layer(name).channels
        if count != layer.channels:
            other.append(f"{name} has {count} units instead of {layer.channels}")
        rows = [_rows(net, name) for net in (before, after)]
        for channel in range(min(count, layer.channels)):
            unit = Unit(name, channel)
            if not _same(*(r[channel] for r in rows)):
                units.append(_change(before, after, unit))
    return Diff(
        before.identity,
        after.identity,
        tuple(units),
        tuple(name for name in after.layers if name not in before.layers),
        tuple(name for name in before.layers if name not in after.layers),
        tuple(other),
    )


_Row = tuple[Any, ...]


def _rows(net: Network, layer: str) -> list[_Row]:
    """For each unit: what it reads and how, as data, its weights and its bias."""
    found: list[_Row] = []
    links: dict[str, list[Any]] = {}
    for link in net.links:
        links.setdefault(link.op, []).append((link.source, link.columns, link.via))
    for piece in net.pieces(layer):
        if piece.op not in links:  # a pool's output: compared as an op
            found += [((), None, None)] * piece.count
            continue
        op, kernels, bias = net.op(piece.op), net.kernels(piece.op), net.tensors[f"{piece.op}/bias"]
        window = tuple(getattr(op, key, None) for key in ("kernel", "stride", "padding"))
        found += [((window, *links[piece.op]), kernels[i], bias[i]) for i in range(piece.count)]
    return found


def _same(a: _Row, b: _Row) -> bool:
    if a[0] != b[0]:
        return False
    return a[1] is None or (torch.equal(a[1].cpu(), b[1].cpu()) and bool(a[2].cpu() == b[2].cpu()))


def _change(before: Network, after: Network, unit: Unit) -> UnitChange:
    biases = []
    for net in (before, after):
        op, row = net.producer(unit)
        biases.append(float(net.tensors[f"{op}/bias"][row]))
    edges: list[EdgeChange] = []
    untold: list[str] = []
    for source in _sources(before, after, unit):
        try:
            old, new = (_kernels(net, unit, source) for net in (before, after))
        except CurvesError:
            untold.append(source)
            continue
        known = [kernel for kernel in (old, new) if kernel is not None]
        if len({kernel.shape for kernel in known}) != 1:
            untold.append(source)
            continue
        old, new = (torch.zeros_like(known[0]) if kernel is None else kernel for kernel in (old, new))
        norms = [kernel.flatten(1).norm(dim=1) for kernel in (old, new, new - old)]
        edges += [
            EdgeChange(Unit(source, int(c)), *(float(norm[c]) for norm in norms)) for c in norms[2].nonzero().flatten()
        ]
    edges.sort(key=lambda edge: (-edge.change, edge.source))
    return UnitChange(unit, (biases[0], biases[1]), tuple(edges), tuple(untold))


def _sources(before: Network, after: Network, unit: Unit) -> list[str]:
    """The layers to compare edges from; below a bottleneck that only one network's unit reads, what that one reads."""
    reads = [_reads(net, unit) for net in (before, after)]
    found: dict[str, None] = {}
    for net, layers in zip((before, after), reads, strict=True):
        for layer in layers:
            private = "@" in layer or any(f"{layer}@{unit}" in each for each in reads)
            shared = layer in reads[0] and layer in reads[1]
            through = not shared and (private or is_inner(layer, net.layers))
            below = [link.source for link in net.links if link.target == layer] if through else [layer]
            found |= dict.fromkeys(map(base_layer, below))
    return list(found)


def _reads(net: Network, unit: Unit) -> list[str]:
    op, _ = net.producer(unit)
    return [link.source for link in net.links if link.op == op]


def _kernels(net: Network, unit: Unit, source: str) -> Tensor | None:
    """The kernels from a layer to a unit, None if it does not see that layer.

    Raises:
        CurvesError: there are none, because more than a 1x1 bottleneck lies between.
    """
    try:
        reads_directly(net, unit, source)
    except CurvesError:
        return None
    return edge_kernels(net, unit, source).cpu()
