"""The circuit as a graph: units and the kernels between them, pruned, contracted into families, drawn, exported."""

from circuits.graph.circuit import CircuitGraph
from circuits.graph.family import FamilyGraph

__all__ = ["CircuitGraph", "FamilyGraph"]
