"""The hand-built network: curve detectors whose every weight follows from a few named numbers."""

from handbuilt.build import build, families
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
    "fit_graft",
    "graft",
]
