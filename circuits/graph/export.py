"""Circuits as files for other programs: JSON, GraphML, Graphviz' DOT."""

from __future__ import annotations

import importlib.metadata
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import networkx
from networkx import DiGraph
from torch import Tensor

from circuits.errors import CurvesError
from circuits.files import write_text
from circuits.graph.colors import NEGATIVE, POSITIVE
from circuits.network import Network

__all__ = ["save", "to_dot", "to_graphml", "to_json"]


def save(path: str | os.PathLike[str], writers: Mapping[str, Callable[[], str]]) -> None:
    """Write what the path's suffix asks for.

    Raises:
        CurvesError: there is no writer for the suffix, or the place cannot be written to.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in writers:
        raise CurvesError(f"cannot write {path}: a graph is saved as {', '.join(writers)}; pictures are made by draw()")
    write_text(path, writers[suffix]())


def to_json(graph: DiGraph, net: Network, targets: Iterable[str], options: Mapping[str, Any]) -> str:
    """Node-link data; `networkx.node_link_graph(data, edges="edges")` reads it."""
    about = {
        "network": net.provenance.name,
        "identity": net.identity,
        "source": net.provenance.source,
        "version": importlib.metadata.version("curve-circuits"),
        "targets": list(targets),
        "options": dict(options),
    }
    data = {
        "directed": True,
        "multigraph": False,
        "graph": about,
        "nodes": [{"id": str(node), **attributes} for node, attributes in graph.nodes(data=True)],
        "edges": [{"source": str(u), "target": str(v), **attributes} for u, v, attributes in graph.edges(data=True)],
    }
    return json.dumps(data, default=Tensor.tolist)


def to_graphml(graph: DiGraph) -> str:
    """GraphML, which knows only numbers and text: kernels are their sizes, `via` is joined by spaces."""
    plain = DiGraph()
    plain.add_nodes_from((str(node), _plain(data)) for node, data in graph.nodes(data=True))
    plain.add_edges_from((str(u), str(v), _plain(data)) for u, v, data in graph.edges(data=True))
    return "\n".join(networkx.generate_graphml(plain)) + "\n"


def to_dot(graph: DiGraph) -> str:
    """DOT: a rank for each layer, edges coloured by the sign of their sum and as wide as their part of what is read."""
    lines = ["digraph circuit {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    layers: dict[str, list[str]] = {}
    for node, layer in graph.nodes(data="layer"):
        layers.setdefault(layer, []).append(_quoted(node))
    lines += [f"  {{ rank=same; {' '.join(f'{node};' for node in nodes)} }}" for nodes in layers.values()]
    for node in graph:
        into = list(graph.in_edges(node, data=True))
        strongest = max((data["norm"] for _, _, data in into), default=1.0)
        for source, target, data in into:
            color = POSITIVE if data["positive"] + data["negative"] >= 0 else NEGATIVE
            width = 0.2 + 3 * data["norm"] / strongest
            lines.append(f'  {_quoted(source)} -> {_quoted(target)} [color="{color}", penwidth={width:.3g}];')
    return "\n".join([*lines, "}"]) + "\n"


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    plain = dict(data)
    if "kernel" in plain:
        plain |= {"kernel": "x".join(map(str, plain["kernel"].shape)), "via": " ".join(plain["via"])}
    return plain


def _quoted(node: object) -> str:
    text = str(node).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
