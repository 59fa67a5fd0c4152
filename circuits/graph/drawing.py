"""A circuit as a picture: layers from left to right, edges by sign and strength, kernels on the edges."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from math import copysign
from typing import TYPE_CHECKING, Any

import numpy as np
from networkx import DiGraph
from numpy.typing import NDArray

from circuits.errors import CurvesError
from circuits.graph.layout import Curve, Rectangle, columns, places
from circuits.graph.pruning import By, strength
from circuits.network import Network
from circuits.regions import INPUT
from circuits.units import Unit

if TYPE_CHECKING:
    from circuits.graph.view import GraphView

__all__ = ["Edge", "Node", "Scene", "draw"]

MOST_NODES, MOST_EDGES = 50, 300
"""Nodes in one column, and edges, above which a picture cannot be read."""

PITCH = 0.36
"""Inches from node to node in the fullest column."""

KERNEL = 0.28
"""Inches on a side of a drawn kernel."""

HEADER, FOOTER, MARGIN = 0.95, 1.3, 0.3
"""Inches for the title and names of layers above, for the legend below, and at the sides."""

LEAST = (6.0, 1.0)
"""Inches of the smallest picture: its width, for the legend, and the height of its columns."""


@dataclass(frozen=True)
class Node:
    """A drawn node: its box, its text, whether it is a target, and its kernel in colour (kh x kw x 3, 0 to 1)."""

    box: Rectangle
    label: str
    target: bool
    picture: NDArray[np.float32] | None


@dataclass(frozen=True)
class Edge:
    """A drawn edge: its curve, its strength from 0 to 1 with a sign, and its kernel and where that is drawn."""

    curve: Curve
    value: float
    kernel: NDArray[np.float32] | None
    place: Rectangle | None


@dataclass(frozen=True)
class Scene:
    """All that is drawn, in inches: nodes, edges from weak to strong, names of layers by where they are."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    headers: tuple[tuple[float, float, str], ...]
    title: str
    measure: str


def draw(view: GraphView, path: str | os.PathLike[str], by: By, title: str | None) -> None:
    """Draw a graph; see `GraphView.draw`."""
    from circuits.graph.painting import paint  # matplotlib takes long to import

    ends = ", ".join(map(str, view.targets[:3])) + (f" and {len(view.targets) - 3} more" * (len(view.targets) > 3))
    scene = _scene(view, by, title or f"{view.net.provenance.name}: what {ends} read" + "s" * (len(view.targets) == 1))
    paint(scene, path)


def _scene(view: GraphView, by: By, title: str) -> Scene:
    graph = view.nx.subgraph([node for node, layer in view.nx.nodes(data="layer") if layer != INPUT])
    strengths = {(u, v): strength(data, by) for u, v, data in graph.edges(data=True)}
    order = columns(graph, strengths)
    fullest = max(sum(map(len, column)) for column in order)
    if fullest > MOST_NODES or len(strengths) > MOST_EDGES:
        raise CurvesError(
            f"the graph is too large to read ({fullest} nodes above one another, {len(strengths)} edges; at most "
            f"{MOST_NODES} and {MOST_EDGES}): prune it first, as in graph.prune(top=2)"
        )
    boxes, headers, width, height = _arrange(graph, order)
    pictures = {node: _in_color(view.net, node) for node in graph if _reads_image(view.nx, node)}
    nodes = tuple(
        Node(box, _label(node, graph), node in view.targets, pictures.get(node)) for node, box in boxes.items()
    )
    return Scene(width, height, nodes, tuple(_edges(graph, boxes, strengths, by)), tuple(headers), title, by)


def _arrange(
    graph: DiGraph, order: list[list[list[Any]]]
) -> tuple[dict[Any, Rectangle], list[tuple[float, float, str]], float, float]:
    """The boxes of the nodes, the names of the layers and where they go, and the size of the picture."""
    slots = [sum(map(len, column)) + len(column) - 1 for column in order]  # an empty one between layers
    inside = max(LEAST[1], PITCH * max(slots))
    gap = 0.9 + min(0.1 * inside + 0.02 * graph.number_of_edges() / len(order), 2.6)
    boxes: dict[Any, Rectangle] = {}
    headers = []
    x = MARGIN
    for column, count in zip(order, slots, strict=True):
        pitch = min(inside / count, 3 * PITCH)
        y = FOOTER + (inside + pitch * count) / 2 - pitch / 2
        labels = [_label(node, graph).split("\n") for group in column for node in group]
        size = 0.2 + 0.068 * max(3, *(len(line) for lines in labels for line in lines)), 0.12 + 0.12 * len(labels[0])
        names = [graph.nodes[group[0]]["layer"] for group in column]
        whole = max(size[0] + 0.7, 0.085 * max(map(len, names)))  # with room for a picture on the left
        x += whole / 2
        for group, name in zip(column, names, strict=True):
            headers.append((x, y + size[1] / 2 + 0.12, name))
            for node in group:
                boxes[node] = Rectangle(x, y, *size)
                y -= pitch
            y -= pitch
        x += whole / 2 + gap
    return boxes, headers, max(x - gap + MARGIN, LEAST[0]), inside + HEADER + FOOTER


def _edges(graph: DiGraph, boxes: dict[Any, Rectangle], strengths: dict[tuple[Any, Any], float], by: By) -> list[Edge]:
    """Weak ones first, so that strong ones lie above; room for kernels is given to the strong ones first."""
    strongest: dict[str, float] = defaultdict(float)
    for (_, target), value in strengths.items():
        layer = graph.nodes[target]["layer"]
        strongest[layer] = max(strongest[layer], value)
    lines: list[tuple[Curve, float, NDArray[np.float32] | None]] = []
    for source, target, data in sorted(graph.edges(data=True), key=lambda edge: -strengths[edge[0], edge[1]]):
        left, right = boxes[source], boxes[target]
        kernel = data["kernel"].float().cpu().numpy() if "kernel" in data and data["kernel"].numel() > 1 else None
        strands = _strands(data, strengths[source, target], by)
        for i, value in enumerate(strands):
            aside = 0.05 * (len(strands) - 1 - 2 * i)
            curve = Curve((left.x + left.width / 2, left.y + aside), (right.x - right.width / 2, right.y + aside))
            lines.append((curve, value / (strongest[graph.nodes[target]["layer"]] or 1.0), kernel))
    taken = [Rectangle(box.x, box.y, box.width + 0.1, box.height + 0.04) for box in boxes.values()]
    found = iter(places([curve for curve, _, kernel in lines if kernel is not None], KERNEL, taken))
    edges = [Edge(*line, next(found) if line[2] is not None else None) for line in lines]
    return edges[::-1]


def _strands(data: dict[str, Any], value: float, by: By) -> list[float]:
    """One line for an edge, with the sign of its sum; two for families, one of each sign."""
    if by == "attribution":
        return [float(data["attribution"])]
    if "kernel" in data:
        return [copysign(value, data["positive"] + data["negative"])]
    return [strand for strand in (data["positive"], data["negative"]) if strand]


def _label(node: object, graph: DiGraph) -> str:
    if isinstance(node, Unit):
        return str(node.channel)
    data = graph.nodes[node]
    return f"{data['family']}\n{data['count']} unit{'s' * (data['count'] != 1)}"


def _reads_image(graph: DiGraph, node: object) -> bool:
    return isinstance(node, Unit) and any(graph.nodes[source]["layer"] == INPUT for source in graph.pred[node])


def _in_color(net: Network, unit: Unit) -> NDArray[np.float32] | None:
    """The kernel with which a unit reads the image, as a picture: grey is zero, the largest weight is 0 or 1."""
    op, row = net.producer(unit)
    kernel = net.kernels(op)[row].detach().float().cpu()
    if net.preprocessing.order == "BGR":
        kernel = kernel.flip(0)
    picture: NDArray[np.float32] = (0.5 + 0.5 * kernel / kernel.abs().max()).permute(1, 2, 0).numpy()
    return picture
