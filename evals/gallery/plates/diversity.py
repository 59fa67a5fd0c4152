"""Several pictures of each of a few curve detectors, made to differ: what else they like besides their curve."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from evals.gallery.contact import deviations, how_drawn, picture, visualised
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet

__all__ = ["diversity"]

UNITS, PICTURES = 4, 5
LEFT, CELL, GAP, ROW = 1.25, 1.2, 0.1, 1.5


@plate(
    "diversity",
    "feature visualisations of a few curve detectors that are made to differ from each other",
    "Curve Detectors, feature visualization",
)
def diversity(setting: Setting) -> Figure:
    """A row for each of a few units around the circle: alone, then several that differ.

    Raises:
        CurvesError: the network has no curve family.
    """
    family = setting.subject.family("curve", setting.images, setting.progress)
    chosen = np.unique(np.arange(UNITS) * len(family) // UNITS)
    members = [family.members[place] for place in chosen]
    units = [member.unit for member in members]
    alone, several = visualised(setting, units), visualised(setting, units, PICTURES)
    columns = 1 + PICTURES
    sheet = Sheet(LEFT + columns * (CELL + GAP) + 0.5, len(units) * ROW + 0.2, "Diverse pictures of one unit each")
    sheet.text(LEFT, 0, "alone", fontsize=8, color=MUTED)
    sheet.text(LEFT + CELL + GAP + 0.15, 0, "together, the less alike the better", fontsize=8, color=MUTED)
    for row, member in enumerate(members):
        top = 0.2 + row * ROW
        sheet.text(LEFT - 0.12, top + CELL / 2 - 0.08, str(member.unit), ha="right", fontweight="bold", color=INK)
        told = f"{round(member.direction) % 360}°"
        sheet.text(LEFT - 0.12, top + CELL / 2 + 0.08, told, ha="right", color=MUTED)
        for found, first, start in ((alone, 0, row), (several, 1, row * PICTURES)):
            loud = deviations(setting, found, units)
            for column in range(len(found) // len(units)):
                left = LEFT + (first + column) * (CELL + GAP) + 0.15 * first
                picture(sheet, left, top, CELL, found, start + column)
                told = f"{loud[start + column]:.1f} SD"
                sheet.text(left + CELL / 2, top + CELL + 0.1, told, ha="center", fontsize=7, color=MUTED)
    sheet.caption(
        (setting.subject,),
        f"below each: the unit's activation in it, standard deviations over {setting.images.name}",
        f"a picture gives up at most {several.provenance['diversity']:.0%} of its value to differ from its unit's "
        "other pictures, by the Gram matrices of the layer before",
        how_drawn(several),
    )
    return sheet.figure
