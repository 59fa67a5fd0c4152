"""From a corner to a curve: responses as the corner becomes rounder, step by step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from evals.battery.angles import Angles
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import card_of, colour_bar, drawing, heat_map, spread_out, unit_label
from evals.gallery.style import INK, Sheet, direction_colours
from evals.stimuli import Curve

__all__ = ["angles_to_curves"]

UNITS = 4
LEFT, WIDTH, HEIGHT, GAP, ICON, SERIES = 1.25, 1.3, 1.12, 0.14, 0.62, 1.25
"""Inches; the last is the width of the plots to the right."""


@plate(
    "angles-to-curves",
    "responses of curve detectors as corners are rounded until they are curves",
    "Curve Detectors, synthetic angles",
)
def angles_to_curves(setting: Setting) -> Figure:
    """A row for each of four units, a column for each radius of rounding; to the right the best of each column.

    Raises:
        CurvesError: the network has no curve family, or all of it is silent.
    """
    openings = tuple(float(opening) for opening in range(20, 180, 28))
    test = Angles(directions=tuple(float(d) for d in range(0, 360, 15)), openings=openings)
    family, card = card_of(setting, test)
    corners = card.data["angles.corners"].astype(float).transpose(0, 1, 3, 2)
    shown = spread_out(family, UNITS, [i for i, own in enumerate(corners) if own.max() > 0])
    columns = len(test.roundings)
    maps_end = LEFT + columns * (WIDTH + GAP)
    sheet = Sheet(maps_end + 0.75 + SERIES + 0.4, 1.2 + len(shown) * (HEIGHT + 0.3), "From angles to curves")
    base = Curve(
        direction=90, max_angle=180 - openings[len(openings) // 2], extended=True,
        size=setting.subject.net.receptive_field(family.layer).size,
    )  # fmt: skip
    for column, rounding in enumerate(test.roundings):
        middle = LEFT + column * (WIDTH + GAP) + WIDTH / 2
        sheet.text(middle, 0.05, "a corner" if rounding == 0 else f"rounded by {rounding:.0f} px", ha="center")
        drawing(sheet, middle - ICON / 2, 0.17, ICON, replace(base, radius=rounding))
    sheet.text(maps_end + 0.75, 0.72, "best of each column,\nover that to a curve", va="center")
    directions, largest = card.data["angles.directions"], float(corners[shown].max())
    for row, unit in enumerate(shown):
        top = 1.15 + row * (HEIGHT + 0.3)
        sheet.text(LEFT, top - 0.11, unit_label(family, unit), fontsize=7.5)
        for place in (0, len(openings) // 2, len(openings) - 1):
            middle = top + HEIGHT * (1 - (place + 0.5) / len(openings))
            up = min(max(middle - 0.14, top), top + HEIGHT - 0.28)
            drawing(sheet, LEFT - 0.34, up, 0.28, replace(base, radius=0, max_angle=180 - openings[place]))
            sheet.text(LEFT - 0.39, up + 0.14, f"{openings[place]:.0f}°", ha="right", fontsize=6.5)
        for column in range(columns):
            axes = sheet.axes(LEFT + column * (WIDTH + GAP), top, WIDTH, HEIGHT)
            heat_map(axes, corners[unit, column], directions, largest)
            if row == len(shown) - 1:
                axes.set_xticks([0, 90, 180, 270], ["0°", "90°", "180°", "270°"])
        whole = float(card.data["angles.curves"][unit].max())
        axes = sheet.axes(maps_end + 0.75, top, SERIES, HEIGHT)
        series = corners[unit].max(axis=(1, 2)) / whole if whole > 0 else np.full(columns, np.nan)
        axes.plot(range(columns), series, "o-", color=direction_colours(family.directions[unit]), markersize=4)
        axes.axhline(1, color=INK, linewidth=0.8, linestyle=":")
        axes.set(xlim=(-0.3, columns - 0.7), ylim=(0, 1.05 * max(1.05, np.nanmax(series, initial=1))))
        axes.set_xticks(range(columns))
        axes.set_xticklabels([f"{r:.0f}" for r in test.roundings] if row == len(shown) - 1 else [])
        axes.spines[["top", "right"]].set_visible(False)
        if row == len(shown) - 1:
            axes.set_xlabel("rounding, px", labelpad=1)
    colour_bar(sheet, maps_end - 0.02, 1.15, HEIGHT, largest)
    sheet.caption(
        setting.subjects,
        f"units of {family.layer}; across: direction of the bisector, up: opening; arcs have their middle there",
        "mean over light lines and a light area; one scale for all maps",
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}",
    )
    return sheet.figure
