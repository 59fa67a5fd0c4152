"""The same curves as lines and as the edges of filled areas."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.gallery.looks import draw_looks
from evals.gallery.registry import plate
from evals.gallery.setting import Setting

__all__ = ["cosmetic_fill"]


@plate(
    "cosmetic-fill",
    "responses of curve detectors to curves as lines, thin and thick, and as edges of filled areas",
    "Curve Detectors, synthetic curves",
)
def cosmetic_fill(setting: Setting) -> Figure:
    """A row for each way of drawing the same curves.

    Raises:
        CurvesError: the network has no curve family, or all of it is silent.
    """
    return draw_looks(setting, "Curves, lines or filled", ("fill", "thin", "thick")).figure
