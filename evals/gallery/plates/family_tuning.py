"""How a family's units divide the circle among themselves, and what is left uncovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from evals.battery.synthetic import SyntheticCurves
from evals.figures import Maps
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import card_of, drawing, spread_out
from evals.gallery.style import INK, MUTED, Sheet, direction_colours
from evals.stimuli import Curve

__all__ = ["family_tuning"]

LEFT, WIDTH, HEIGHT, ICON = 0.75, 9.2, 2.3, 0.5


@plate(
    "family-tuning",
    "the units of a curve family by direction: who answers to what, and how well the circle is covered",
    "Curve Detectors, a simplified story of curve neurons",
)
def family_tuning(setting: Setting) -> Figure:
    """All units' tuning curves over the circle, each its largest being 1, and the family's best over them.

    Raises:
        CurvesError: the network has no curve family, or all of it is silent.
    """
    test = SyntheticCurves()
    family, card = card_of(setting, test)
    maps = Maps.of(card)
    assert maps is not None
    heard = spread_out(family, len(family), [i for i, silent in enumerate(maps.silent) if not silent])
    sheet = Sheet(LEFT + WIDTH + 0.4, HEIGHT + 1.62, "A family of curve detectors around the circle")
    axes = sheet.axes(LEFT, 0.55, WIDTH, HEIGHT)
    directions = [*maps.directions, 360.0]
    best = np.zeros(len(directions))
    last = -np.inf
    for unit in heard:
        curve = maps.tuning[unit] / maps.tuning[unit].max()
        around, colour = np.append(curve, curve[0]), direction_colours(family.directions[unit])
        axes.fill_between(directions, around, color=colour, alpha=0.22, linewidth=0)
        axes.plot(directions, around, color=colour, linewidth=1.2)
        best = np.maximum(best, around)
        direction = family.directions[unit] % 360
        axes.plot([direction] * 2, [1.03, 1.09], color=colour, linewidth=1.4, clip_on=False)
        if direction - last >= 5:  # names that do not meet
            axes.text(
                direction, 1.12, str(family.units[unit].channel), ha="center", va="bottom", fontsize=7, rotation=90
            )
            last = direction
    axes.plot(directions, best, color=INK, linewidth=1.8)
    least = int(best.argmin())
    axes.plot(directions[least], best[least], "o", color=INK, markersize=4)
    axes.set(xlim=(0, 360), ylim=(0, 1.02), xticks=range(0, 361, 45), yticks=[0, 0.5, 1])
    axes.set_xticklabels([f"{direction}°" for direction in range(0, 361, 45)])
    axes.set_ylabel("share of the unit's best")
    axes.spines[["top", "right"]].set_visible(False)
    base = Curve(radius=test.radii[len(test.radii) // 2], size=setting.subject.net.receptive_field(family.layer).size)
    for direction in range(0, 361, 45):
        middle = LEFT + WIDTH * direction / 360
        drawing(sheet, middle - ICON / 2, 0.55 + HEIGHT + 0.24, ICON, replace(base, direction=direction))
    sheet.text(
        LEFT, HEIGHT + 1.52,
        f"coverage {best[least]:.2f}, at {directions[least]:.0f}°: the least of the black line, the best of all units",
        color=MUTED,
    )  # fmt: skip
    sheet.caption(
        setting.subjects,
        f"radial tuning curves of {len(heard)} units of {family.layer}, numbers: channels, at their directions",
        f"mean over radii of {test.radii[0]:.0f} to {test.radii[-1]:.0f} px, light line and light area",
        f"image set: {setting.images.name}",
    )
    return sheet.figure
