"""The hand-built network: curve detectors whose every weight follows from a few named numbers."""

from handbuilt.build import build, families, family_units, is_handbuilt
from handbuilt.graft_fit import GraftFit, Match
from handbuilt.grafting import fit_graft, graft
from handbuilt.parameters import ComplexGabors, Curves, EarlyCurves, Gabors, Lines, Parameters

__all__ = [
    "ComplexGabors",
    "Curves",
    "EarlyCurves",
    "Gabors",
    "GraftFit",
    "Lines",
    "Match",
    "Parameters",
    "build",
    "families",
    "family_units",
    "fit_graft",
    "graft",
    "is_handbuilt",
]
