"""The network as data: ops over named tensors, layers, units, families, exact receptive fields, one file."""

from circuits.errors import CurvesError, FileDamagedError, UnknownLayerError, UnknownUnitError
from circuits.expanded import expanded_weights
from circuits.network import Network
from circuits.parts import Layer, Preprocessing, Provenance
from circuits.regions import ReceptiveField
from circuits.units import Family, Member, Unit

__all__ = [
    "CurvesError",
    "Family",
    "FileDamagedError",
    "Layer",
    "Member",
    "Network",
    "Preprocessing",
    "Provenance",
    "ReceptiveField",
    "Unit",
    "UnknownLayerError",
    "UnknownUnitError",
    "expanded_weights",
]
