"""Responses to drawn curves by direction and radius, with the curves on the axes."""

from __future__ import annotations

import math
from dataclasses import replace

from matplotlib.figure import Figure

from evals.battery.synthetic import SyntheticCurves
from evals.figures import Maps
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import MapRows, card_of, spread_out, unit_label
from evals.gallery.style import Sheet
from evals.stimuli import Curve

__all__ = ["synthetic_curves"]

MOST = 8
"""Units shown."""


@plate(
    "synthetic-curves",
    "responses of curve detectors to drawn curves, by direction and radius",
    "Curve Detectors, synthetic curves",
)
def synthetic_curves(setting: Setting) -> Figure:
    """A map for each of some units, whose directions are spread around the circle.

    Raises:
        CurvesError: the network has no curve family.
    """
    test = SyntheticCurves()
    family, card = card_of(setting, test)
    maps = Maps.of(card)
    assert maps is not None
    shown = spread_out(family, MOST, [i for i, silent in enumerate(maps.silent) if not silent])
    sheet = Sheet(10.4, MapRows.height(len(shown)), "Responses to synthetic curves, by direction and radius")
    base = Curve(direction=90, size=setting.subject.net.receptive_field(family.layer).size)
    rows = [replace(base, radius=radius) for radius in (*test.radii, math.inf)]
    labels = [*(f"{radius:.0f} px" for radius in test.radii), "line"]
    largest = float(maps.responses[shown].max())
    titles = [unit_label(family, unit) for unit in shown]
    MapRows(sheet, 0.1, rows, labels).draw(
        [maps.responses[unit].astype(float) for unit in shown], maps.directions, titles, largest
    )
    sheet.caption(
        setting.subjects,
        f"units of {family.layer}; across: direction from the arc's middle to its centre",
        "up: radius of curvature, the last a straight line; mean over a light line and a light area that ends in it",
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}; one scale for all",
    )
    return sheet.figure
