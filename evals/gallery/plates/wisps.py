"""Wispy triangles: responses in fine steps of direction and radius, and how much the smallest step can change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.figure import Figure

from circuits import Family
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import colour_bar, drawing, heat_map, spread_out, unit_label
from evals.gallery.style import INK, MUTED, Sheet
from evals.grid import CurveGrid
from evals.progress import counted
from evals.stimuli import Curve
from evals.sweep import measure_scale, sweep
from evals.tuning import Array

__all__ = ["wisps"]

UNITS, STEP, REACH = 3, 3.0, 60.0
"""How many are shown; degrees from direction to direction, and to either side of the unit's own."""

RADII = tuple(round(float(radius), 1) for radius in np.geomspace(15, 300, 16))
LEFT, SIZE, PITCH, ICON, PAIR = 1.05, 2.5, 3.35, 0.34, 0.8


@plate(
    "wisps",
    "responses of curve detectors in fine steps of direction and radius, and what the smallest steps change",
    "Curve Detectors, synthetic curves",
)
def wisps(setting: Setting) -> Figure:
    """A fine map for each of three units, and the pair of neighbours in it that differ most.

    Raises:
        CurvesError: the network has no curve family, or all of it is silent.
    """
    net = setting.subject.net
    family = setting.subject.family("curve", setting.images, setting.progress)
    grid = CurveGrid.of(
        Curve(size=net.receptive_field(family.layer).size), direction=np.arange(0, 360, STEP), radius=RADII
    )
    told = counted(setting.progress, f"curves in fine steps through {family.layer}", len(grid))
    std = measure_scale(net, family.layer, setting.images).std[list(family.channels)].double().numpy()
    values = sweep(net, family.layer, grid, progress=told)[..., list(family.channels)].clamp(min=0).double().numpy()
    heard = np.moveaxis(values / np.where(std > 0, std, np.inf), -1, 0)
    shown = spread_out(family, UNITS, [i for i, own in enumerate(heard) if own.max() > 0])
    sheet = Sheet(LEFT + UNITS * PITCH, SIZE + 2.35, "Wispy triangles: responses in fine steps")
    largest = float(heard[shown].max())
    for column, unit in enumerate(shown):
        _draw(sheet, LEFT + column * PITCH, _Fine.of(family, unit, heard[unit]), grid.base, largest)
    colour_bar(sheet, LEFT + (len(shown) - 1) * PITCH + SIZE + 0.1, 0.25, SIZE, largest)
    sheet.caption(
        setting.subjects,
        f"units of {family.layer}; lines of 3 px; across: turn from the unit's direction, in steps of {STEP:.0f}°",
        "up: radius; dotted: half of the unit's best",
        "below: the two neighbours in the map that the unit tells apart most",
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}; one scale for all",
    )
    return sheet.figure


@dataclass(frozen=True, eq=False)
class _Fine:
    """A unit's map about its own direction: directions x radii, and the directions in degrees from 0 on."""

    title: str
    own: float
    turns: Array
    values: Array

    @classmethod
    def of(cls, family: Family, unit: int, heard: Array) -> _Fine:
        own = round(family.directions[unit] / STEP)
        places = np.arange(-int(REACH / STEP), int(REACH / STEP) + 1)
        return cls(
            unit_label(family, unit), own * STEP, STEP * places.astype(np.float64), heard[(own + places) % len(heard)]
        )

    def pair(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The two neighbours, by direction or by radius, that differ most; the one that excites more comes last."""
        steps = [np.abs(np.diff(self.values, axis=axis)) for axis in (0, 1)]
        axis = int(steps[1].max() > steps[0].max())
        row, column = (int(i) for i in np.unravel_index(int(steps[axis].argmax()), steps[axis].shape))
        ends = (row, column), (row + 1, column) if axis == 0 else (row, column + 1)
        first, last = sorted(ends, key=lambda place: float(self.values[place]))
        return first, last


def _draw(sheet: Sheet, left: float, fine: _Fine, base: Curve, largest: float) -> None:
    top = 0.25
    axes = sheet.axes(left, top, SIZE, SIZE)
    heat_map(axes, fine.values, fine.turns, largest)
    rows = np.arange(fine.values.shape[1])
    axes.contour(fine.turns, rows, fine.values.T, [fine.values.max() / 2], colors=[INK], linewidths=0.8, linestyles=":")
    axes.set_title(fine.title)
    for place in (0, 5, 10, len(RADII) - 1):
        up = min(max(top + SIZE * (1 - (place + 0.5) / len(RADII)) - ICON / 2, top), top + SIZE - ICON)
        drawing(sheet, left - ICON - 0.05, up, ICON, replace(base, radius=RADII[place], direction=fine.own))
        sheet.text(left - ICON - 0.09, up + ICON / 2, f"{RADII[place]:.0f} px", ha="right", fontsize=6.5)
    for turn in (-60, -30, 0, 30, 60):
        middle = left + SIZE * (turn - fine.turns[0] + STEP / 2) / (fine.turns[-1] - fine.turns[0] + STEP)
        middle = min(max(middle, left + ICON / 2), left + SIZE - ICON / 2)
        drawing(sheet, middle - ICON / 2, top + SIZE + 0.06, ICON, replace(base, radius=45, direction=fine.own + turn))
        sheet.text(
            middle,
            top + SIZE + ICON + 0.16,
            f"{turn:+d}°".replace("-", "−") if turn else "0°",
            ha="center",
            fontsize=6.5,
        )
    below = top + SIZE + 0.75
    for number, (row, column) in enumerate(fine.pair()):
        at = left + 0.15 + number * (PAIR + 0.55)
        curve = replace(base, direction=fine.own + fine.turns[row], radius=RADII[column])
        drawing(sheet, at, below, PAIR, curve)
        axes.plot(fine.turns[row], column, "s", color=INK, markersize=3, fillstyle="none")
        words = f"{curve.direction % 360:.0f}°, {curve.radius:.0f} px\n{fine.values[row, column]:.1f} SD"
        sheet.text(at + PAIR / 2, below + PAIR + 0.18, words, ha="center", fontsize=7, color=MUTED)
