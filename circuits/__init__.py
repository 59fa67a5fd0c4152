"""The network as data: ops over named tensors, layers, units, families, exact receptive fields, one file."""

from circuits.attribution import Attribution, attribution
from circuits.errors import CurvesError, FileDamagedError, UnknownLayerError, UnknownUnitError
from circuits.expanded import expanded_weights
from circuits.graph import CircuitGraph, FamilyGraph
from circuits.motifs import FamilyWeights, equivariance, family_weights, symmetric_part
from circuits.network import Network
from circuits.parts import Layer, Preprocessing, Provenance
from circuits.regions import ReceptiveField
from circuits.similarity import Similarity, weight_similarity
from circuits.units import Family, Member, Unit
from circuits.visualization import Visualization, visualize

__all__ = [
    "Attribution",
    "CircuitGraph",
    "CurvesError",
    "Family",
    "FamilyGraph",
    "FamilyWeights",
    "FileDamagedError",
    "Layer",
    "Member",
    "Network",
    "Preprocessing",
    "Provenance",
    "ReceptiveField",
    "Similarity",
    "Unit",
    "UnknownLayerError",
    "UnknownUnitError",
    "Visualization",
    "attribution",
    "equivariance",
    "expanded_weights",
    "family_weights",
    "symmetric_part",
    "visualize",
    "weight_similarity",
]
