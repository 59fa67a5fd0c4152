"""Labels by activation of what a curve detector sees, as the article stacks them."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.gallery.label_sheet import draw_labels
from evals.gallery.registry import plate
from evals.gallery.setting import Setting

__all__ = ["human_labels"]


@plate(
    "human-labels",
    "the labels that people give, by a curve detector's pre-activation; published ones where there are no others",
    "Curve Detectors, human comparison",
)
def human_labels(setting: Setting) -> Figure:
    """Stack the shares of the four labels."""
    return draw_labels(setting, "activation")
