"""Which straight lines excite curve detectors: short ones by place and orientation, long ones by orientation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from evals.battery.lines import LineTolerance
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import card_of, spread_out, unit_label
from evals.gallery.style import INK, MUTED, SIGNED, Sheet, direction_colours
from evals.scorecard import Scorecard
from evals.stimuli import Curve
from evals.tuning import Array

__all__ = ["line_tolerance"]

MOST, SIZE, GAP = 4, 2.15, 0.35


@plate(
    "line-tolerance",
    "which straight lines excite or inhibit curve detectors, by place and orientation",
    "Curve Circuits, line families",
)
def line_tolerance(setting: Setting) -> Figure:
    """Above, what short lines do to some units at the places of their field; below, long lines by orientation.

    Raises:
        CurvesError: the network has no curve family, or no short line excites any of it.
    """
    test = replace(LineTolerance(), offsets=LineTolerance().offsets[::2])
    family, card = card_of(setting, test)
    short = card.data["lines.short"].astype(float)
    shown = spread_out(family, MOST, [i for i, own in enumerate(short) if own.max() > 0])
    sheet = Sheet(0.55 + 4 * (SIZE + GAP) + 0.2, SIZE + 3.12, "Lines that excite curve detectors")
    field = setting.subject.net.receptive_field(family.layer).size
    sheet.text(
        0.35, 0.02, "short lines: what one does to the unit, at its place and in its orientation", fontweight="bold"
    )
    for column, unit in enumerate(shown):
        left = 0.55 + column * (SIZE + GAP)
        axes = sheet.axes(left, 0.42, SIZE, SIZE)
        _field(axes, short[unit], card, field, family.directions[unit])
        tolerance = card.scores[f"lines.{family.units[unit]}.short_tolerance"]
        axes.set_title(unit_label(family, unit) + ("" if tolerance is None else f" · ± {tolerance:.0f}°"), fontsize=8)
    top = SIZE + 1.12
    sheet.text(0.35, top - 0.36, "all units, from the tangent of their own curve", fontweight="bold")
    turns = np.linspace(-90, 90, 37)
    _short_by_turn(sheet.axes(0.95, top, 4.0, 1.65), short, card, turns)
    _long_by_turn(sheet.axes(6.0, top, 4.0, 1.65), card, turns)
    told = card.scores["lines.line_over_curve"]
    sheet.caption(
        setting.subjects,
        f"{len(family)} units of {family.layer}; vermilion excites, blue inhibits, length and colour by how much; "
        f"dotted: a curve in the unit's direction; short: {test.short_length:.0%} of the field's {field} px",
        "± half width at half maximum",
        *([] if told is None else [f"long lines: best response {told:.2f} of that to a curve"]),
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}",
    )
    return sheet.figure


def _field(axes: Axes, effect: Array, card: Scorecard, field: int, direction: float) -> None:
    """Short strokes at the places of the receptive field, seen as the picture is."""
    places, orientations = card.data["lines.places"], np.radians(card.data["lines.short_orientations"])
    step, largest = float(places[1] - places[0]), float(np.abs(effect).max())
    strokes, colours = [], []
    for index in np.argsort(np.abs(effect), axis=None):
        turn, row, column = np.unravel_index(index, effect.shape)
        share = effect[turn, row, column] / largest
        reach = 0.48 * step * abs(share)
        x, y = places[column], places[len(places) - 1 - row]
        across, up = reach * math.cos(orientations[turn]), reach * math.sin(orientations[turn])
        strokes.append([(x - across, y - up), (x + across, y + up)])
        colours.append(SIGNED(0.5 + 0.5 * share))
    axes.add_collection(LineCollection(strokes, colors=colours, linewidths=1.8, capstyle="round"))
    arc = Curve(direction=direction, radius=0.55 * field)
    angles = math.radians(arc.direction) + math.pi + np.linspace(-0.8, 0.8, 60)
    x = arc.radius * (math.cos(math.radians(direction)) + np.cos(angles))
    y = arc.radius * (math.sin(math.radians(direction)) + np.sin(angles))
    axes.plot(x, y, color=INK, linewidth=1, linestyle=":")
    axes.set(xlim=(-field / 2, field / 2), ylim=(-field / 2, field / 2), xticks=[], yticks=[], aspect="equal")


def _short_by_turn(axes: Axes, short: Array, card: Scorecard, turns: Array) -> None:
    """What short lines in the middle of the field do, by the turn from the tangent."""
    middle = short.shape[2] // 2
    _turned(axes, short[:, :, middle, middle], card.data["lines.short_orientations"], card, turns)
    axes.axhline(0, color=MUTED, linewidth=0.6)
    axes.set_title("short lines in the middle of the field")
    axes.set_ylabel("change, SD")


def _long_by_turn(axes: Axes, card: Scorecard, turns: Array) -> None:
    """Responses to long lines at their best distance from the middle, by the turn from the tangent."""
    _turned(axes, card.data["lines.long"].astype(float).max(axis=2), card.data["lines.orientations"], card, turns)
    if not card.data["lines.long"].any():
        axes.text(0, 0.5, "none excites any unit", ha="center", va="center")
        axes.set_ylim(top=1)
    axes.set_ylim(bottom=0)
    axes.set_title("lines across the whole field")
    axes.set_ylabel("response, SD")


def _turned(axes: Axes, values: Array, orientations: Array, card: Scorecard, turns: Array) -> None:
    assert card.family is not None
    every = []
    for direction, own in zip(card.family.directions, values, strict=True):
        every.append(np.interp(turns + direction + 90, orientations, own, period=180))
        axes.plot(turns, every[-1], color=direction_colours(direction), linewidth=0.8)
    axes.plot(turns, np.mean(every, axis=0), color=INK, linewidth=1.8)
    axes.set(xlim=(-90, 90), xticks=range(-90, 91, 45), xticklabels=["−90°", "−45°", "tangent", "45°", "90°"])
    axes.spines[["top", "right"]].set_visible(False)
