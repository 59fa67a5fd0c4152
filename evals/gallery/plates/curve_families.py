"""Curve detectors of all layers: small ones first, each family with its tuning by direction."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.gallery.layer_rows import Stimulus, layer_rows
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.portrait import DIRECTIONS

__all__ = ["curve_families"]

KINDS = ("small curve", "early curve", "curve", "double curve")


@plate(
    "curve-families",
    "curve families by layer: each unit's tuning by direction",
    "Curve Detectors, the curve families of InceptionV1",
)
def curve_families(setting: Setting) -> Figure:
    """A row for each family: around the circle, aligned, and unit by unit.

    Raises:
        CurvesError: the network has no family of curves.
    """
    return layer_rows(
        setting,
        KINDS,
        Stimulus("curve", DIRECTIONS, 360, lambda portrait: portrait.curve_tuning),
        "Curve families, layer by layer",
        "responses to drawn curves in the middle of the field, lines and filled areas, light or dark, whichever excite "
        "the unit more; mean over radii that grow with the field",
        "vermilion marks: the directions with which units are listed, measured with more curves, or built",
    )
