"""Labels by expected value of what a curve detector sees, as the article stacks them."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.gallery.label_sheet import draw_labels
from evals.gallery.registry import plate
from evals.gallery.setting import Setting

__all__ = ["expected_value"]


@plate(
    "expected-value",
    "the labels that people give, by what they add to a curve detector's expected value",
    "Curve Detectors, human comparison",
)
def expected_value(setting: Setting) -> Figure:
    """Stack the shares of the four labels."""
    return draw_labels(setting, "expected")
