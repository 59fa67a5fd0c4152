"""Line detectors of all layers, each family with its tuning by orientation."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.gallery.layer_rows import Stimulus, layer_rows
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.oriented import ORIENTATIONS

__all__ = ["line_families"]


@plate(
    "line-families",
    "line families by layer: each unit's tuning by orientation",
    "Curve Circuits, 3a line families",
)
def line_families(setting: Setting) -> Figure:
    """A row for each family: around the circle, aligned, and unit by unit.

    Raises:
        CurvesError: the network has no lines.
    """
    return layer_rows(
        setting,
        ["line"],
        Stimulus("line", ORIENTATIONS, 180, lambda portrait: portrait.line_tuning),
        "Line families, layer by layer",
        "responses to straight lines, light or dark, whichever excite the unit more, at the offset that does so most",
        "vermilion marks: the orientations with which units are listed, by the first harmonic, or built",
    )
