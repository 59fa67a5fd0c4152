"""Circuits of families: many units that detect one feature, as one node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import hypot
from typing import TYPE_CHECKING, Any, Literal

from networkx import DiGraph

from circuits.errors import CurvesError
from circuits.graph.view import GraphView
from circuits.units import Unit

if TYPE_CHECKING:
    from circuits.graph.circuit import CircuitGraph

__all__ = ["FamilyGraph"]


class FamilyGraph(GraphView):
    """A circuit with one node for each family, made by `CircuitGraph.contract`.

    Nodes are named `LAYER:FAMILY` (`3a:early curve`); units of no family are as they were, or one node `LAYER:other`
    for each layer.

    Attributes of every node:
        layer: of its units.
        count: how many units it stands for; those in the graph, if it was pruned.
        family: the name of the family; units of none have their own attributes.

    Attributes of every edge, over all edges between units of the two nodes:
        positive, negative: the sums of the positive and of the negative weights; the second is never above 0.
        norm: the square root of the sum of the squares of all weights.
        count: how many edges.
        attribution: the sum of the attributions, if there are any.

    Args:
        graph: the circuit of units.
        membership: by unit, the attributes `family` and `direction`.
        rest: whether units of no family stay `units` or become `other` nodes.

    Raises:
        CurvesError: there is no family, or none has a unit in the graph.
    """

    def __init__(
        self, graph: CircuitGraph, membership: Mapping[Unit, Mapping[str, Any]], rest: Literal["units", "other"]
    ) -> None:
        if rest not in {"units", "other"}:
            raise CurvesError(f"rest={rest!r} is unknown; units of no family stay 'units' or are collected as 'other'")
        if not any(unit in graph.nx for unit in membership):
            raise CurvesError("no unit of a family is in the graph; give families of the layers that it has")
        family = {unit: str(names["family"]) for unit, names in membership.items()}
        if rest == "other":
            family |= {unit: "other" for unit in graph.nx if unit not in family}
        name = {unit: f"{unit.layer}:{family[unit]}" if unit in family else unit for unit in graph.nx}
        contracted = DiGraph()
        for unit, data in graph.nx.nodes(data=True):
            if unit not in family:
                contracted.add_node(unit, **data, count=1)
            elif name[unit] in contracted:
                contracted.nodes[name[unit]]["count"] += 1
            else:
                contracted.add_node(name[unit], layer=unit.layer, family=family[unit], count=1)
        for (source, target), edges in _between(graph.nx, name).items():
            contracted.add_edge(source, target, **_sum(edges))
        targets = tuple(dict.fromkeys(name[unit] for unit in graph.targets))
        super().__init__(graph.net, contracted, targets, graph.options | {"contracted": rest})

    def __repr__(self) -> str:
        return (
            f"FamilyGraph({self.net.provenance.name}, {', '.join(map(str, self.targets))}: {len(self.nx)} nodes, "
            f"{self.nx.number_of_edges()} edges)"
        )


def _between(graph: DiGraph, name: Mapping[Unit, Any]) -> dict[tuple[Any, Any], list[dict[str, Any]]]:
    found = defaultdict(list)
    for source, target, data in graph.edges(data=True):
        found[name[source], name[target]].append(data)
    return found


def _sum(edges: list[dict[str, Any]]) -> dict[str, float]:
    parts = [part for part in ("positive", "negative", "attribution") if part in edges[0]]
    summed = {part: sum(edge[part] for edge in edges) for part in parts}
    return summed | {"norm": hypot(*(edge["norm"] for edge in edges)), "count": len(edges)}
