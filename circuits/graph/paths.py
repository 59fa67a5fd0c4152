"""The strongest paths through a circuit, found without listing all of them."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from heapq import nlargest

import networkx as nx

from circuits.graph.pruning import By, strength

__all__ = ["Path", "strongest_paths"]


@dataclass(frozen=True)
class Path:
    """A way from a node to another.

    Attributes:
        nodes: from the source on.
        weight: the product, along the path, of each edge's share of all that its target reads in this graph.
        sign: 1 if the path excites, -1 if it inhibits: the product of its edges' signs.
    """

    nodes: tuple[Hashable, ...]
    weight: float
    sign: int


def strongest_paths(
    graph: nx.DiGraph, sources: Collection[Hashable], targets: Collection[Hashable], count: int, by: By
) -> list[Path]:
    """The `count` strongest paths from any of `sources` to any of `targets`, strongest first.

    Node by node, the best paths to a node are among the best to what it reads, each with one more edge. So the work
    grows with edges x `count`, not with the number of paths.
    """
    best: dict[Hashable, list[Path]] = {}
    for node in nx.topological_sort(graph):
        into = [(source, data, strength(data, by)) for source, _, data in graph.in_edges(node, data=True)]
        total = sum(value for _, _, value in into)
        longer = [
            Path((*path.nodes, node), path.weight * value / total, path.sign * _sign(data, by))
            for source, data, value in into
            if value
            for path in best.get(source, ())
        ]
        best[node] = [Path((node,), 1.0, 1)] if node in sources else nlargest(count, longer, key=lambda p: p.weight)
    ended = [path for target in targets for path in best[target] if len(path.nodes) > 1]
    return nlargest(count, ended, key=lambda path: path.weight)


def _sign(edge: dict[str, float], by: By) -> int:
    value = edge["attribution"] if by == "attribution" else edge["positive"] + edge["negative"]
    return 1 if value >= 0 else -1
