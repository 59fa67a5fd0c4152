"""Surgery: changing what one unit sees of a layer, and nothing else, in a network that stays plain ops and weights.

A target sees a source layer directly, through its own row of weights, or through units between the two, such as the
bottleneck of an Inception layer, whose ReLUs it shares with all other readers. So that an edit changes the target
alone, it first gets what lies between for itself: copies of those units in layers whose names end in `@TARGET`, which
nobody else reads. The target's row becomes an op of its own, joined to the others by a concat of the old name, so that
whoever read the layer reads the same units in the same places.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from networkx import DiGraph, lexicographical_topological_sort
from torch import Tensor, nn

from circuits.network import Network
from circuits.ops import Concat, Conv, Op
from circuits.regions import downstream, upstream
from circuits.units import Unit
from circuits.wiring import base_layer, split_name

__all__ = ["Surgery", "between", "stands_for"]


class Surgery:
    """A network being changed; the one that it starts from stays as it is.

    Units are named as in the original network: what is done to one is done to its private copies.

    Attributes:
        net: the network as changed so far.
    """

    def __init__(self, net: Network) -> None:
        self.net = net.evolve()
        self._fresh: set[str] = set()

    def writable(self, name: str) -> Tensor:
        """A tensor of the network, to be changed in place."""
        if name not in self._fresh:
            copy = self.net.tensors[name].detach().clone()
            self.net.register_parameter(name, nn.Parameter(copy, requires_grad=False))
            self._fresh.add(name)
        return self.net.tensors[name].detach()

    def writable_kernels(self, op: str) -> Tensor:
        """The kernels of an op, O x I x kh x kw, to be changed in place; a grouped conv becomes a dense one."""
        found = self.net.op(op)
        if isinstance(found, Conv) and found.groups > 1:
            dense = self.net.kernels(op)
            self._become([replace(found, groups=1) if o is found else o for o in self.net.ops], {f"{op}/weight": dense})
        self.writable(f"{op}/weight")
        return self.net.kernels(op).detach()

    def copies(self, unit: Unit) -> list[Unit]:
        """The unit and all its private copies: what is done to a unit is to be done to each."""
        count = self.net.layer(unit.layer).channels
        found = [unit]
        for name, layer in self.net.layers.items():
            if name != unit.layer and stands_for(name, unit.layer):
                found += [Unit(name, channel) for channel in range(unit.channel, layer.channels, count)]
        return found

    def isolate(self, target: Unit, source: str) -> None:
        """Give the target copies of all units between it and a source layer, for itself alone."""
        suffix = f"@{target}"
        names = {name: name + suffix for name in between(self.net, target, source) if not name.endswith(suffix)}
        if not names:
            return
        own = self.own_op(target)
        tensors: dict[str, Tensor] = {}
        ops: list[Op] = []
        for op in self.net.ops:
            moved = replace(op, inputs=tuple(names.get(name, name) for name in op.inputs))
            if op.name in names:
                ops += [op, replace(moved, name=names[op.name])]
                tensors |= {f"{names[op.name]}/{p}": self.net.tensors[f"{op.name}/{p}"] for p in op.tensors}
            else:
                ops.append(moved if op.name == own or op.name.endswith(suffix) else op)
        layers = self._layers()
        for layer in self.net.layers.values():
            if layer.pre in names:
                layers[layer.name + suffix] = (names[layer.pre], names.get(layer.post, names[layer.pre]))
        self._become(ops, tensors, layers)

    def own_op(self, target: Unit) -> str:
        """Make the op that computes the target compute nothing else, and give its name."""
        name, row = self.net.producer(target)
        op = self.net.op(name)
        weight, bias = (self.net.tensors[f"{name}/{part}"].detach() for part in op.tensors)
        if len(bias) == 1:
            return name
        if isinstance(op, Conv) and op.groups > 1:
            self.writable_kernels(name)
            return self.own_op(target)
        head, start, suffix = split_name(name)
        whole = head + suffix
        cuts = [0, row, row + 1, len(bias)]
        parts = {
            f"{head}[{_span(start + a, start + b)}]{suffix}": slice(a, b) for a, b in itertools.pairwise(cuts) if a < b
        }
        own = f"{head}[{start + row}]{suffix}"
        tensors = {f"{part}/weight": weight[rows].clone() for part, rows in parts.items()}
        tensors |= {f"{part}/bias": bias[rows].clone() for part, rows in parts.items()}
        ops: list[Op] = []
        for o in self.net.ops:
            if o is op:
                ops += [replace(op, name=part) for part in parts]
                if name == whole:  # split for the first time: the old name is the join
                    ops.append(Concat(whole, tuple(parts)))
            elif o.name == whole:
                joined = [part for i in o.inputs for part in (parts if i == name else [i])]
                ops.append(replace(o, inputs=tuple(joined)))
            else:
                ops.append(o)
        self._become(ops, tensors)
        return own

    def add(self, ops: Iterable[Op], tensors: Mapping[str, Tensor], layers: Mapping[str, tuple[str, str]]) -> None:
        """Put ops and their layers before all others."""
        self._become([*ops, *self.net.ops], tensors, {**layers, **self._layers()})

    def replace_ops(self, ops: Iterable[Op], tensors: Mapping[str, Tensor]) -> None:
        """Put ops in the place of those of the same names, with new tensors; private copies that nobody reads go."""
        new = {op.name: op for op in ops}
        self._become([new.get(op.name, op) for op in self.net.ops], tensors)
        layers = self._layers()
        while unread := self._unread():
            layers = {name: pair for name, pair in layers.items() if not unread.intersection(pair)}
            self._become([op for op in self.net.ops if op.name not in unread], {}, layers)

    def _unread(self) -> set[str]:
        read = {name for op in self.net.ops for name in op.inputs} | {self.net.ops[-1].name}
        return {op.name for op in self.net.ops if "@" in op.name and op.name not in read}

    def _layers(self) -> dict[str, tuple[str, str]]:
        return {layer.name: (layer.pre, layer.post) for layer in self.net.layers.values()}

    def _become(
        self, ops: list[Op], tensors: Mapping[str, Tensor], layers: dict[str, tuple[str, str]] | None = None
    ) -> None:
        """Take on new ops; private copies stand behind what they are copies of, in the order of their names."""
        layers = self._layers() if layers is None else layers
        first = {base_layer(name): -i for i, name in reversed(list(enumerate(layers)))}
        ordered = _in_order(ops)
        named = {name: layers[name] for name in sorted(layers, key=lambda name: (-first[base_layer(name)], name))}
        self.net = self.net.evolve(ops=ordered, tensors=tensors, layers=named)
        self._fresh.clear()  # copies share memory with what they are copies of, until either is written to


def _in_order(ops: Sequence[Op]) -> list[Op]:
    """The ops, each after what it reads; copies and pieces beside what they come from, by name, however they came."""
    place: dict[str, int] = {}
    for i, op in enumerate(ops):
        place.setdefault(split_name(op.name)[0], i)
    graph = DiGraph()
    graph.add_nodes_from(op.name for op in ops)
    graph.add_edges_from((name, op.name) for op in ops for name in op.inputs if name in graph)
    by_name = {op.name: op for op in ops}
    order = lexicographical_topological_sort(graph, key=lambda name: (place[split_name(name)[0]], name))
    return [by_name[name] for name in order]


def stands_for(layer: str, source: str) -> bool:
    """Whether a layer is a source or a private copy of it: wherever a target meets either, it sees the source."""
    return layer == source or layer.startswith(f"{source}@")


def between(net: Network, target: Unit, source: str) -> list[str]:
    """Ops on the way from the first readers of the source (with them) to the target's op (without), in order."""
    own, _ = net.producer(target)
    leads = upstream(net.ops, own) - {own}
    readers = {link.op for link in net.links if stands_for(link.source, source)}
    names = downstream(net.ops, readers & leads) & leads
    # A layer is copied whole, or its copy would share units with it.
    for layer in net.layers.values():
        if layer.pre in names:
            names |= _parts(net, layer.pre)
    return [op.name for op in net.ops if op.name in names]


def _span(start: int, stop: int) -> str:
    return f"{start}:{stop}" if stop > start + 1 else f"{start}"


def _parts(net: Network, name: str) -> set[str]:
    """The tensors that are joined to give this one, with all joins between."""
    op = net.op(name)
    if not isinstance(op, Concat):
        return {name}
    return {name}.union(*(_parts(net, part) for part in op.inputs))
