"""Radial tuning curves: what the curve is, on one unit, and the family's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from evals.battery.synthetic import SyntheticCurves
from evals.figures import Maps
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import card_of, drawing, spread_out, unit_label
from evals.gallery.style import MUTED, Sheet, direction_colours
from evals.stimuli import Curve
from evals.tuning import Array

__all__ = ["radial_tuning"]

SIZE, ROOM, ICON = 2.6, 0.5, 0.36
"""Inches: of a circle, around it for the stimuli, of one of these."""


@plate(
    "radial-tuning",
    "radial tuning curves: response by direction around a circle, of one unit and of the whole family",
    "Curve Detectors, radial tuning curve",
)
def radial_tuning(setting: Setting) -> Figure:
    """One unit with the curves that it was shown around it, and all units.

    Raises:
        CurvesError: the network has no curve family, or all of it is silent.
    """
    test = SyntheticCurves()
    family, card = card_of(setting, test)
    maps = Maps.of(card)
    assert maps is not None
    heard = [i for i, silent in enumerate(maps.silent) if not silent]
    (one,) = spread_out(family, 1, heard)
    whole = SIZE + 2 * ROOM
    sheet = Sheet(2 * whole + 1.6, whole + 0.35, "Radial tuning curves")
    field = setting.subject.net.receptive_field(family.layer).size
    curve = Curve(radius=test.radii[len(test.radii) // 2], size=field)
    for left, units, title in (
        (0.45, [one], f"{unit_label(family, one)}: response by the direction of the curves around"),
        (0.45 + whole + 0.7, heard, f"all {len(family)} units of {family.layer}, each in the hue of its direction"),
    ):
        sheet.text(left + whole / 2, 0.05, title, ha="center")
        _around(sheet, left, 0.25, curve)
        largest = float(maps.tuning[units].max())
        axes = sheet.axes(left + ROOM, 0.25 + ROOM, SIZE, SIZE, projection="polar")
        _circle(axes, maps.directions, maps.tuning[units].astype(float), [family.directions[i] for i in units], largest)
    told = {name: card.scores[f"synthetic.{name}"] for name in ("width", "echo", "coverage")}
    scores = [f"{name} {value:.3g}" for name, value in told.items() if value is not None]
    sheet.caption(
        setting.subjects,
        f"response: mean over radii of {test.radii[0]:.0f} to {test.radii[-1]:.0f} px, light line and light area, in "
        f"standard deviations of the unit's pre-activation over {setting.images.name}",
        "direction: from the arc's middle to its centre of curvature",
        "family: " + ", ".join(scores),
    )
    return sheet.figure


def _around(sheet: Sheet, left: float, top: float, curve: Curve) -> None:
    middle, away = SIZE / 2 + ROOM, SIZE / 2 + ROOM - ICON / 2
    for direction in range(0, 360, 30):
        angle = math.radians(direction)
        x, y = left + middle + away * math.cos(angle), top + middle - away * math.sin(angle)
        drawing(sheet, x - ICON / 2, y - ICON / 2, ICON, replace(curve, direction=direction))


def _circle(axes: Axes, directions: Array, curves: Array, own: list[float], largest: float) -> None:
    theta = np.radians([*directions, directions[0] + 360])
    for curve, direction in zip(curves, own, strict=True):
        around, colour = [*curve, curve[0]], direction_colours(direction)
        axes.fill(theta, around, color=colour, alpha=0.25, linewidth=0)
        axes.plot(theta, around, color=colour, linewidth=1.3)
    half = float(f"{largest / 2:.1g}")
    axes.set_xticks(np.radians(range(0, 360, 30)), [""] * 12)
    axes.set_yticks([half, 2 * half] if 2 * half < largest else [half])
    axes.set_yticklabels([f"{tick:g} SD" for tick in axes.get_yticks()], color=MUTED, fontsize=6.5)
    assert isinstance(axes, PolarAxes)
    axes.set_rlabel_position(own[0] + 180 if len(own) == 1 else 15)
    axes.set_ylim(0, 1.04 * largest)
    axes.grid(linewidth=0.4)
    axes.spines["polar"].set_linewidth(0.6)
