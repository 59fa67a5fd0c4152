"""What a circuit of units and one of families have in common: pruning, paths, files and pictures."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

import networkx
from networkx import DiGraph

from circuits.errors import CurvesError
from circuits.graph import drawing, export
from circuits.graph.paths import Path, strongest_paths
from circuits.graph.pruning import By, Rule, prune
from circuits.network import Network
from circuits.units import Family, Unit

__all__ = ["GraphView"]

Node = Unit | str
"""A unit or its name, or the name of a family's node (`3a:early curve`)."""


class GraphView:
    """A circuit read off a network: a directed acyclic graph that cannot be changed, from the image to the targets.

    Attributes:
        nx: the graph, frozen; its nodes are in order of the layers, from the image on.
        net: the network that it was read off.
        targets: the nodes at the end.
        options: how it was made, as JSON-able data.
    """

    def __init__(self, net: Network, graph: DiGraph, targets: tuple[Node, ...], options: Mapping[str, Any]) -> None:
        self.net = net
        self.nx = networkx.freeze(graph)
        self.targets = targets
        self.options = dict(options)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that have nodes, from the image on; `input` for the image's channels."""
        return tuple(dict.fromkeys(layer for _, layer in self.nx.nodes(data="layer")))

    def prune(self, *, top: int | None = None, share: float | None = None, by: By = "weight") -> Self:
        """Only the strongest edges that each node reads, and the nodes that the targets then still read.

        Args:
            top: how many edges into each node.
            share: instead, as few edges into each node as have this share of the absolute weight or attribution.
            by: compare edges by the sum of their absolute weights, or by their absolute attribution.

        Raises:
            CurvesError: not one of `top` and `share`, out of range, or there is no attribution.
        """
        rule = Rule(top, share, by)
        pruned = copy.copy(self)
        pruned.nx = networkx.freeze(prune(self.nx, self.targets, rule))
        pruned.options = self.options | {"pruned": [*self.options.get("pruned", ()), asdict(rule)]}
        return pruned

    def paths(self, source: Node | Family, target: Node | Family, *, count: int = 10, by: By = "weight") -> list[Path]:
        """The strongest paths from a node to another, strongest first.

        The weight of a path is the product of its edges' shares. An edge's share is its absolute weight (or absolute
        attribution) as a part of that of all edges of this graph into the same node: 0.5 x 0.1 says that half of what
        the target reads is of the node before, and a tenth of what that reads is of the source.

        Args:
            source: a node, or a family, which stands for all its units or for its node.
            target: the same.
            count: how many paths at most.
            by: `weight` or `attribution`.

        Raises:
            CurvesError: a node is not in the graph, or there is no attribution.
        """
        return strongest_paths(self.nx, self._nodes(source), self._nodes(target), count, by)

    def _nodes(self, named: Node | Family) -> list[Node]:
        wanted: list[Node] = [f"{named.layer}:{named.name}", *named.units] if isinstance(named, Family) else [named]
        found = [node for node in wanted if node in self.nx]
        if not found:
            what = f"the family {named.name!r} of {named.layer}" if isinstance(named, Family) else f"{named!r}"
            raise CurvesError(f"{what} is not in this graph; choose among its {len(self.nx)} nodes in .nx")
        return found

    # ------------------------------------------------------------------ files and pictures

    def to_json(self) -> str:
        """The graph as networkx' node-link data, kernels as nested lists, with the network's name and identity."""
        return export.to_json(self.nx, self.net, [str(target) for target in self.targets], self.options)

    def to_graphml(self) -> str:
        """The graph as GraphML, kernels as their sizes (`5x5`)."""
        return export.to_graphml(self.nx)

    def to_dot(self) -> str:
        """The graph for Graphviz, one rank for each layer, left to right; red edges excite, blue ones inhibit."""
        return export.to_dot(self.nx)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the graph as `.json`, `.graphml` or `.dot`, whole or not at all.

        Raises:
            CurvesError: another suffix, or the place cannot be written to.
        """
        writers = {".json": self.to_json, ".graphml": self.to_graphml, ".dot": self.to_dot}
        export.save(path, writers)

    def draw(self, path: str | os.PathLike[str], *, by: By = "weight", title: str | None = None) -> None:
        """Draw the graph, layers from left to right, as `.png`, `.svg` or `.pdf`.

        Edges that excite on balance and edges that inhibit differ in colour; their width is their absolute weight (or
        attribution), relative to the strongest into the same layer. Kernels larger than 1x1 are drawn on the edges,
        strongest first, where there is room. The image's channels are left out: units that read them show their whole
        kernels in colour.

        Args:
            path: where to.
            by: `weight` or `attribution`.
            title: above the picture; the network and the targets by default.

        Raises:
            CurvesError: the graph is too large to read, has another suffix, or no attribution; or the place cannot be
                written to.
        """
        drawing.draw(self, path, by, title)
