"""Which edges of a circuit matter: the strongest that each unit reads, followed back from the targets."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import networkx as nx
import numpy as np

from circuits.errors import CurvesError

__all__ = ["By", "Rule", "prune", "strength"]

By = Literal["weight", "attribution"]
"""What makes an edge strong: the sum of its absolute weights, or its absolute attribution."""


@dataclass(frozen=True)
class Rule:
    """How many of a node's incoming edges are kept: the `top` strongest, or as few as have a `share` of the total.

    Raises:
        CurvesError: not just one of the two is given, or it is out of range.
    """

    top: int | None = None
    share: float | None = None
    by: By = "weight"

    def __post_init__(self) -> None:
        if (self.top is None) == (self.share is None):
            raise CurvesError("say how much to keep: either top=, the edges of each unit, or share=, from 0 to 1")
        if self.top is not None and self.top < 1:
            raise CurvesError(f"top={self.top} keeps no edge; give at least 1")
        if self.share is not None and not 0 < self.share <= 1:
            raise CurvesError(f"share={self.share} is no part of the whole; give more than 0 and at most 1")
        check_by(self.by)

    def kept(self, strengths: Sequence[float]) -> list[int]:
        """Which of a node's incoming edges to keep, ascending; equal ones in their order, those of nothing never."""
        values = np.asarray(strengths, dtype=np.float64)
        strongest = np.argsort(-values, kind="stable")[: np.count_nonzero(values)]
        if self.top is not None:
            count = self.top
        else:
            explained = values[strongest].cumsum()
            count = int(np.searchsorted(explained, self.share * explained[-1:])[0]) + 1 if len(explained) else 0
        return sorted(strongest[:count].tolist())


def check_by(by: str) -> None:
    """Check the name of a measure.

    Raises:
        CurvesError: there is no such measure.
    """
    if by not in {"weight", "attribution"}:
        raise CurvesError(f"edges cannot be compared by {by!r}; use weight or attribution")


def strength(edge: Mapping[str, Any], by: By) -> float:
    """The sum of an edge's absolute weights, or its absolute attribution.

    Raises:
        CurvesError: the edge has no attribution, or there is no such measure.
    """
    check_by(by)
    if by == "weight":
        return float(edge["positive"] - edge["negative"])
    if "attribution" not in edge:
        raise CurvesError("this graph has no attribution; build it with images= or patches=")
    return float(abs(edge["attribution"]))


def prune(graph: nx.DiGraph, targets: Iterable[Hashable], rule: Rule) -> nx.DiGraph:
    """A new graph of the edges that a rule keeps, of the nodes that `targets` still read through them."""
    kept = set(targets)
    edges = []
    for node in reversed(list(nx.topological_sort(graph))):
        if node in kept:
            into = list(graph.in_edges(node, data=True))
            chosen = [into[i] for i in rule.kept([strength(data, rule.by) for _, _, data in into])]
            edges.append(chosen)
            kept.update(source for source, _, _ in chosen)
    pruned = nx.DiGraph(**graph.graph)
    pruned.add_nodes_from((node, data) for node, data in graph.nodes(data=True) if node in kept)
    pruned.add_edges_from(edge for chosen in reversed(edges) for edge in chosen)
    return pruned
