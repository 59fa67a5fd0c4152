"""The hand-built network: curve detectors whose every weight follows from a few named numbers."""

from handbuilt.build import build, families, family_units, is_handbuilt
from handbuilt.graft_fit import GraftFit, Match
from handbuilt.grafting import fit_graft, graft
from handbuilt.parameters import (
    CombedEdges,
    ComplexGabors,
    Curves,
    DoubleCurves,
    EarlyCurves,
    Gabors,
    LineEnds,
    Lines,
    Parameters,
    Shapes,
    SmallCurves,
)

__all__ = [
    "CombedEdges",
    "ComplexGabors",
    "Curves",
    "DoubleCurves",
    "EarlyCurves",
    "Gabors",
    "GraftFit",
    "LineEnds",
    "Lines",
    "Match",
    "Parameters",
    "Shapes",
    "SmallCurves",
    "build",
    "families",
    "family_units",
    "fit_graft",
    "graft",
    "is_handbuilt",
]
