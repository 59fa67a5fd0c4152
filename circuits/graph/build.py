"""Building a circuit's graph: from the targets back, op by op, so that nothing is built that is not reached."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import torch
from networkx import DiGraph

from circuits.errors import CurvesError
from circuits.graph.attribution import Contributions
from circuits.graph.pruning import Rule, strength
from circuits.graph.routes import Route, route_kernels, routes
from circuits.network import Network
from circuits.regions import INPUT
from circuits.units import Family, Unit
from circuits.wiring import is_inner

__all__ = ["Targets", "build", "membership", "target_units", "walked_routes"]

Targets = str | Unit | Family | Iterable[str | Unit | Family]
"""A unit, a family, a layer for all its units, or several of these."""

Edge = tuple[Unit, Unit, dict[str, Any]]


def target_units(net: Network, targets: Targets) -> list[Unit]:
    """The units that are meant, each once, checked against the network.

    Raises:
        UnknownLayerError: there is no such layer.
        UnknownUnitError: there is no such unit.
        CurvesError: there is none, or one is not computed by weights.
    """
    if isinstance(targets, Family):
        units = [net.unit(unit) for unit in targets.units]
    elif isinstance(targets, str) and targets in net.layers:
        units = net.units(targets)
    elif isinstance(targets, str | Unit):
        units = [net.unit(targets)]
    else:
        units = [unit for target in targets for unit in target_units(net, target)]
    if not units:
        raise CurvesError("a circuit needs a target; name at least one unit")
    for unit in units:
        net.producer(unit)
    return list(dict.fromkeys(units))


def walked_routes(
    net: Network, targets: Collection[Unit], until: Collection[str], bottlenecks: bool
) -> dict[str, list[Route]]:
    """The routes between the layers of `until` and the targets, by op, in order of the ops.

    Raises:
        UnknownLayerError: a layer of `until` does not exist.
        CurvesError: the targets do not read it, or are of it; or they are bottleneck units, which are contracted.
    """
    stops = {INPUT if name == INPUT else net.layer(name).name for name in until}
    ends = {unit.layer for unit in targets}
    found = routes(net, bottlenecks)
    nodes = {route.outer.target for group in found.values() for route in group}
    if lost := sorted(ends - nodes):
        why = (
            "is a bottleneck; keep it with bottlenecks=True"
            if is_inner(lost[0], net.layers)
            else "is not computed by weights alone; choose another layer"
        )
        raise CurvesError(f"{lost[0]} {why}")
    reached = set(ends)
    walked = {}
    for op, group in reversed(found.items()):
        layer = group[0].outer.target
        if layer in reached and layer not in stops:
            walked[op] = group
            reached.update(route.inner.source for route in group)
    if beside := sorted((stops - reached) | (stops & ends)):
        raise CurvesError(
            f"the targets do not read {beside[0]}; give until= a layer between the image and {', '.join(sorted(ends))}"
        )
    return dict(reversed(walked.items()))


def membership(net: Network, families: Iterable[Family]) -> dict[Unit, dict[str, Any]]:
    """By unit, the name of its family and its direction in degrees.

    Families of one name in one layer, such as curves of several bands of radii, count as one.

    Raises:
        UnknownUnitError: the network has no such unit.
        CurvesError: a unit is in two families, or a name is taken by something else.
    """
    found: dict[Unit, dict[str, Any]] = {}
    for family in families:
        if family.name == "other" or family.name.isdigit():
            raise CurvesError(f"{family.layer}:{family.name} cannot name a family; give it another name")
        for member in family:
            unit = net.unit(member.unit)
            if unit in found:
                names = f"{found[unit]['family']!r} and {family.name!r}"
                raise CurvesError(f"{unit} is in the families {names}; leave it out of one")
            found[unit] = {"family": family.name, "direction": member.direction}
    return found


@contextmanager
def _without_collection() -> Iterator[None]:
    """No garbage collection meanwhile: it would go through all edges again and again, and takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@_without_collection()
def build(
    net: Network,
    targets: Collection[Unit],
    walked: Mapping[str, Sequence[Route]],
    means: Contributions | None,
    rule: Rule | None,
) -> DiGraph:
    """The graph of all that the targets read along some routes, by the strongest edges if there is a rule.

    Raises:
        CurvesError: the rule asks for attributions and there are none.
    """
    wanted: dict[str, set[int]] = defaultdict(set)
    for unit in targets:
        wanted[unit.layer].add(unit.channel)
    units = _Units(net)
    edges: list[list[Edge]] = []
    for group in reversed(list(walked.values())):
        layer, channels = group[0].outer.target, group[0].outer.rows
        rows = [row for row, channel in enumerate(channels) if channel in wanted[layer]]
        found = _edges(net, units, group, rows, means, rule)
        edges.append(found)
        for source, _, _ in found:
            wanted[source.layer].add(source.channel)
    order = {group[0].outer.target: i for i, group in enumerate(walked.values())}  # by its last op, bottlenecks first
    graph = DiGraph()
    for layer in sorted((layer for layer in wanted if wanted[layer]), key=lambda layer: order.get(layer, -1)):
        graph.add_nodes_from(_nodes(net, units[layer], sorted(wanted[layer]), means))
    for found in reversed(edges):
        graph.add_edges_from(found)
    return graph


class _Units(dict[str, list[Unit]]):
    """The units of each layer, one object each: dictionaries find the same object without comparing names."""

    def __init__(self, net: Network) -> None:
        self._net = net

    def __missing__(self, layer: str) -> list[Unit]:
        count = self._net.channels(INPUT) if layer == INPUT else self._net.layer(layer).channels
        self[layer] = [Unit(layer, channel) for channel in range(count)]
        return self[layer]


def _nodes(
    net: Network, units: Sequence[Unit], channels: Sequence[int], means: Contributions | None
) -> list[tuple[Unit, dict[str, Any]]]:
    layer = units[0].layer
    if layer == INPUT:
        colors = net.preprocessing.order
        return [(units[c], {"layer": layer, "channel": c, "color": colors[c]}) for c in channels]
    bias: dict[int, float] = {}
    mean: dict[int, float] = {}
    for piece in net.pieces(layer):
        rows = range(piece.first, piece.first + piece.count)
        bias |= zip(rows, net.tensors[f"{piece.op}/bias"].tolist(), strict=True)
        if means and piece.op in means.pre:
            mean |= zip(rows, means.pre[piece.op].tolist(), strict=True)
    return [
        (units[c], {"layer": layer, "channel": c, "bias": bias[c]} | ({"mean": mean[c]} if c in mean else {}))
        for c in channels
    ]


def _edges(
    net: Network,
    units: Mapping[str, Sequence[Unit]],
    group: Sequence[Route],
    rows: Sequence[int],
    means: Contributions | None,
    rule: Rule | None,
) -> list[Edge]:
    """The edges into units that one op computes, unit by unit; numbers are computed for all edges at once."""
    if not rows:
        return []
    into: list[list[Edge]] = [[] for _ in rows]
    for route in group:
        outer, sources = route.outer, units[route.inner.source]
        kernels = route_kernels(net, route, rows)
        weights = torch.stack(kernels).flatten(2)
        numbers = {
            "norm": weights.norm(dim=2),
            "positive": weights.clamp(min=0).sum(2),
            "negative": weights.clamp(max=0).sum(2),
        }
        if means:
            numbers["attribution"] = means.edges[route][list(rows)]
        present = (weights != 0).any(2).tolist()
        names = ("kernel", *numbers, "op", "via")
        columns = [number.tolist() for number in numbers.values()]
        for t, row in enumerate(rows):
            target = units[outer.target][outer.rows[row]]
            values = zip(
                kernels[t].unbind(), *(column[t] for column in columns), repeat(outer.op), repeat(route.inner.via)
            )
            into[t] += [
                (source, target, dict(zip(names, value, strict=True)))
                for source, value, exists in zip(sources, values, present[t], strict=True)
                if exists
            ]
    if rule:
        into = [[edges[i] for i in rule.kept([strength(data, rule.by) for _, _, data in edges])] for edges in into]
    return [edge for edges in into for edge in edges]
