"""Responses to corners by direction and opening, with the corners on the axes."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from evals.battery.angles import Angles
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import MapRows, card_of, spread_out, unit_label
from evals.gallery.style import Sheet
from evals.stimuli import Curve

__all__ = ["synthetic_angles"]

MOST = 8
"""Units shown."""


@plate(
    "synthetic-angles",
    "responses of curve detectors to drawn corners, by direction and opening",
    "Curve Detectors, synthetic angles",
)
def synthetic_angles(setting: Setting) -> Figure:
    """A map for each of some units, whose directions are spread around the circle.

    Raises:
        CurvesError: the network has no curve family, or none of it answers to a corner.
    """
    openings = tuple(float(opening) for opening in range(15, 180, 16))
    test = Angles(directions=tuple(float(d) for d in range(0, 360, 10)), openings=openings, roundings=(0.0,))
    family, card = card_of(setting, test)
    corners = card.data["angles.corners"][:, 0].astype(float).transpose(0, 2, 1)  # units x directions x openings
    shown = spread_out(family, MOST, [i for i, own in enumerate(corners) if own.max() > 0])
    sheet = Sheet(10.4, MapRows.height(len(shown)), "Responses to synthetic angles, by direction and opening")
    base = Curve(direction=90, radius=0, extended=True, size=setting.subject.net.receptive_field(family.layer).size)
    rows = [replace(base, max_angle=180 - opening) for opening in openings]
    titles = []
    for unit in shown:
        share = card.scores[f"angles.{family.units[unit]}.corner_over_curve"]
        titles.append(unit_label(family, unit) + ("" if share is None else f" · {share:.0%}"))
    MapRows(sheet, 0.1, rows, [f"{opening:.0f}°" for opening in openings]).draw(
        [corners[unit] for unit in shown], card.data["angles.directions"], titles, float(corners[shown].max())
    )
    sheet.caption(
        setting.subjects,
        f"units of {family.layer}; across: direction of the bisector, up: opening, both in degrees",
        "mean over light lines and a light area between them; percent: the largest response over that to a curve",
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}; one scale for all",
    )
    return sheet.figure
