"""Labels by probability of what a curve detector sees, as the article stacks them."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.gallery.label_sheet import draw_labels
from evals.gallery.registry import plate
from evals.gallery.setting import Setting

__all__ = ["label_probability"]


@plate(
    "label-probability",
    "the labels that people give, by how often a curve detector's pre-activation occurs",
    "Curve Detectors, human comparison",
)
def label_probability(setting: Setting) -> Figure:
    """Stack the shares of the four labels."""
    return draw_labels(setting, "probability")
