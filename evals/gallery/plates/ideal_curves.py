"""The ideal curve of each curve detector: a ring of feature visualisations, by the direction that each detects."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from circuits.angles import difference
from evals.gallery.contact import deviations, how_drawn, picture, visualised
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet, direction_colours
from evals.tuning import Array, first_harmonic

__all__ = ["ideal_curves"]

CELL, PITCH = 0.9, 1.3
WORDS = 0.18
LEAST = 2.0
"""Inches: the ring's radius, at least."""


@plate(
    "ideal-curves",
    "the feature visualisation of each curve detector, in a ring by the direction that it detects",
    "Curve Detectors, a simplified story of curve neurons; what curves does a curve detector like best",
)
def ideal_curves(setting: Setting) -> Figure:
    """Each curve lies on the ring as on a circle around its middle; lines lead to the directions of the drawn curves.

    Raises:
        CurvesError: the network has no curve family.
    """
    family = setting.subject.family("curve", setting.images, setting.progress)
    found = visualised(setting, family.units)
    loud = deviations(setting, found, family.units)
    radius = max(LEAST, len(family) * PITCH / (2 * np.pi))
    sheet = Sheet(2 * (radius + 0.8), 2 * radius + CELL + 0.3, "Ideal curves")
    middle = (sheet.width / 2, radius + CELL / 2)
    inner = radius - 1.35 * CELL
    # A curve of direction d faces the middle from the opposite side.
    places, directions = _places(np.asarray(family.directions)), np.asarray(family.directions)
    axes = sheet.axes(middle[0] - radius, middle[1] - radius, 2 * radius, 2 * radius, zorder=0)
    axes.set(xlim=(-radius, radius), ylim=(-radius, radius))
    axes.axis("off")
    axes.add_patch(Circle((0, 0), inner, fill=False, edgecolor=MUTED, linewidth=0.6))
    for number, (member, place, colour) in enumerate(
        zip(family, places, direction_colours(directions, family.period), strict=True)
    ):
        out = np.array([np.cos(np.radians(place)), np.sin(np.radians(place))])
        true = np.radians(member.direction + 180)
        start = inner * np.array([np.cos(true), np.sin(true)])
        # As far as the picture's edge, or the words below it where these come first.
        words = WORDS if out[1] > abs(out[0]) else 0.0
        end = out * (radius - (CELL / 2 + words) / np.abs(out).max() - 0.05)
        axes.plot(*zip(start, end, strict=True), color=colour, linewidth=1.5)
        axes.plot(*start, "o", color=colour, markersize=4)
        left, top = middle[0] + out[0] * radius - CELL / 2, middle[1] - out[1] * radius - CELL / 2
        framed = picture(sheet, left, top, CELL, found, number)
        framed.spines[:].set(color=colour, linewidth=1.5)
        told = f"{member.unit.channel}: {round(member.direction) % 360}°"
        sheet.text(left + CELL / 2, top + CELL + 0.08, told, ha="center", fontsize=6.5, color=INK)
    told = f"{setting.subject.name}\n{family.layer}, {len(family)} units"
    sheet.text(middle[0], middle[1], told, ha="center", fontsize=8, color=INK, linespacing=1.4)
    sheet.caption(
        (setting.subject,),
        "unit: direction to the centre of curvature, as drawn curves tell it; lines lead from there on the circle",
        f"units answer to their own pictures with {min(loud):.0f} to {max(loud):.0f} standard deviations over "
        f"{setting.images.name}",
        how_drawn(found),
    )
    return sheet.figure


def _places(directions: Array) -> Array:
    """Evenly spaced angles, degrees, in order of direction, that are together as near to the opposite directions."""
    even = np.arange(len(directions)) * 360 / len(directions)
    off = difference(directions + 180, even)
    shift, _ = first_harmonic(np.ones(len(off)), off)
    placed: Array = even + shift
    return placed
