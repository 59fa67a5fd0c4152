"""The same curves in other colours and contrasts."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.gallery.looks import draw_looks
from evals.gallery.registry import plate
from evals.gallery.setting import Setting

__all__ = ["cosmetic_color"]


@plate(
    "cosmetic-color",
    "responses of curve detectors to curves in other colours and contrasts",
    "Curve Detectors, synthetic curves",
)
def cosmetic_color(setting: Setting) -> Figure:
    """A row for each colouring of the same curves.

    Raises:
        CurvesError: the network has no curve family, or all of it is silent.
    """
    names = ("polarity", "colour", "hue", "bright", "contrast")
    return draw_looks(setting, "Curves in other colours and contrasts", names).figure
