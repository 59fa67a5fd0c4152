"""Where the nodes and kernels of a drawn circuit go: plain geometry, in inches, y upwards."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from networkx import DiGraph

__all__ = ["Curve", "Rectangle", "columns", "places"]

SWEEPS = 12
"""Times that the order is improved from one side to the other: no picture changes after about ten."""

CLEAR = 0.2
"""Part of a square's size that other curves must keep from its middle."""


@dataclass(frozen=True)
class Rectangle:
    """A rectangle by its middle and its full width and height."""

    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Rectangle) -> bool:
        """Whether the two have more than an edge in common."""
        near_x = 2 * abs(self.x - other.x) < self.width + other.width
        return near_x and 2 * abs(self.y - other.y) < self.height + other.height


@dataclass(frozen=True)
class Curve:
    """An edge from the right side of a node to the left side of another: a cubic, level at both ends."""

    start: tuple[float, float]
    end: tuple[float, float]

    @property
    def controls(self) -> tuple[tuple[float, float], ...]:
        """The four control points."""
        (x0, y0), (x1, y1) = self.start, self.end
        middle = (x0 + x1) / 2
        return (x0, y0), (middle, y0), (middle, y1), (x1, y1)

    def at(self, t: float) -> tuple[float, float]:
        """The point at a part `t` of the way, 0 to 1."""
        shares = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
        x, y = (sum(s * p[i] for s, p in zip(shares, self.controls, strict=True)) for i in (0, 1))
        return x, y


def places(curves: Sequence[Curve], size: float, taken: Iterable[Rectangle]) -> list[Rectangle | None]:
    """For each curve a square on it that overlaps nothing, as clear of the other curves as can be.

    None where there is no room, or only where other curves are so near that one could not say whose square it is.

    Args:
        curves: those first in the list are served first.
        size: of the squares.
        taken: what may not be overlapped besides.
    """
    steps = np.array([0.5 + (-1) ** i * ((i + 1) // 2) * 0.05 for i in range(17)])  # the middle first
    points = np.array([[curve.at(t) for t in steps] for curve in curves]).reshape(-1, len(steps), 2)
    taken = list(taken)
    found: list[Rectangle | None] = []
    for i, mine in enumerate(points):
        others = np.delete(points, i, axis=0).reshape(-1, 2)
        apart = np.abs(mine[:, None] - others).max(axis=2).min(axis=1, initial=size)  # beyond its size is clear
        clearest = [k for k in np.argsort(-apart, kind="stable") if apart[k] >= CLEAR * size]
        squares = [Rectangle(float(mine[k, 0]), float(mine[k, 1]), size, size) for k in clearest]
        free = next((square for square in squares if not any(square.overlaps(other) for other in taken)), None)
        found.append(free)
        taken += [free] if free else []
    return found


def columns(graph: DiGraph, strengths: Mapping[tuple[Hashable, Hashable], float]) -> list[list[list[Any]]]:
    """The nodes in columns from left to right, in each column by layer, from top to bottom.

    A layer is in the column after the last that it reads, so that two bottlenecks of one layer stand together. Nodes
    are ordered to reduce crossings: each goes where the nodes that it reads and is read by are on average, weighted by
    strength. Members of a family stay together in order of direction.
    """
    rank: dict[str, int] = {}
    for node, layer in graph.nodes(data="layer"):  # layer by layer, from the image on
        behind = [rank[graph.nodes[source]["layer"]] + 1 for source in graph.pred[node]]
        rank[layer] = max([rank.get(layer, 0), *behind])
    ranks = sorted(set(rank.values()))
    order: list[list[Any]] = [[node for node, layer in graph.nodes(data="layer") if rank[layer] == r] for r in ranks]
    place = {node: where for column in order for node, where in zip(column, _evenly(len(column)), strict=True)}
    for sweep in range(SWEEPS):
        for column in order if sweep % 2 else reversed(order):
            column[:] = _ordered(graph, column, _balance(graph, column, place, strengths))
            place |= zip(column, _evenly(len(column)), strict=True)
    return [_by_layer(graph, column) for column in order]


def _evenly(count: int) -> list[float]:
    return [(i + 0.5) / count for i in range(count)]


def _balance(
    graph: DiGraph,
    column: Sequence[Any],
    place: Mapping[Any, float],
    strengths: Mapping[tuple[Hashable, Hashable], float],
) -> dict[Any, float]:
    """For each node, the average place of its neighbours."""
    balance = {}
    for node in column:
        near = [(place[u], strengths[u, node]) for u in graph.pred[node]]
        near += [(place[v], strengths[node, v]) for v in graph.succ[node]]
        total = sum(weight for _, weight in near)
        balance[node] = sum(where * weight for where, weight in near) / total if total else place[node]
    return balance


def _ordered(graph: DiGraph, column: Sequence[Any], balance: Mapping[Any, float]) -> list[Any]:
    """Layers together, families together in them, by average balance; members by direction, others by balance."""

    def group(node: Any) -> tuple[str, Any]:  # noqa: ANN401
        data = graph.nodes[node]
        return data["layer"], data["family"] if "direction" in data else node

    layers: dict[str, list[float]] = {}
    families: dict[tuple[str, Any], list[float]] = {}
    for node in column:
        layers.setdefault(graph.nodes[node]["layer"], []).append(balance[node])
        families.setdefault(group(node), []).append(balance[node])

    def key(node: Any) -> tuple[float, str, float, str, float]:  # noqa: ANN401
        layer, family = group(node)
        inside = graph.nodes[node].get("direction", 0.0)
        return _mean(layers[layer]), layer, _mean(families[layer, family]), str(family), inside

    return sorted(column, key=key)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _by_layer(graph: DiGraph, column: Sequence[Any]) -> list[list[Any]]:
    groups: dict[str, list[Any]] = {}
    for node in column:
        groups.setdefault(graph.nodes[node]["layer"], []).append(node)
    return list(groups.values())
