"""The activation quilt: crops from every part of a unit's range, drawn by lot."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.dataset import draw_quilt
from evals.gallery.natural import curves_at, surveyed
from evals.gallery.registry import plate
from evals.gallery.setting import Setting

__all__ = ["activation_quilt"]


@plate(
    "activation-quilt",
    "a curve detector's distribution on natural images, and crops by lot from every part of it",
    "Curve Detectors, dataset analysis",
)
def activation_quilt(setting: Setting) -> Figure:
    """Survey the unit and draw its quilt."""
    family = curves_at(setting)
    return draw_quilt(surveyed(setting, family), setting.images, family.units[0], setting.subject.name)
