"""The same curves in several looks: maps of some units, and how alike those of all units are."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from circuits import Family
from evals.battery.cosmetic import Cosmetic
from evals.battery.synthetic import RADII
from evals.gallery.setting import Setting
from evals.gallery.shown import colour_bar, heat_map, spread_out, unit_label
from evals.gallery.style import INK, Sheet, direction_colours
from evals.progress import counted
from evals.sweep import measure_scale, sweep
from evals.tuning import Array
from evals.undefined import over
from evals.variants import VARIANTS

__all__ = ["Looks", "draw_looks"]

LEFT, WIDTH, HEIGHT, GAP, PICTURE, SIDE = 2.35, 1.5, 0.95, 0.16, 0.86, 1.75
ROW = HEIGHT + 0.2
UNITS = 4
TEST = Cosmetic(radii=RADII)


@dataclass(frozen=True, eq=False)
class Looks:
    """Responses of a family to curves in several looks.

    Attributes:
        family: its units.
        names: of the looks, the first of which is the plain white line.
        responses: looks x units x directions x radii, standard deviations.
        pictures: of each look, size x size x 3.
    """

    family: Family
    names: tuple[str, ...]
    responses: Array
    pictures: tuple[Array, ...]

    @classmethod
    def of(cls, setting: Setting, names: Sequence[str]) -> Looks:
        """Show the curves of the cosmetic test as white lines and in the variants of these names."""
        net = setting.subject.net
        family = setting.subject.family("curve", setting.images, setting.progress)
        std = measure_scale(net, family.layer, setting.images).std[list(family.channels)].double().numpy()
        size = net.receptive_field(family.layer).size
        grids = [TEST.stimuli(size, VARIANTS[name] if name else None) for name in ("", *names)]
        told = counted(setting.progress, f"looks of curves through {family.layer}", sum(map(len, grids)))
        heard, pictures = [], []
        for grid in grids:
            values = sweep(net, family.layer, grid, progress=told)[..., list(family.channels)].clamp(min=0)
            heard.append(np.moveaxis(values.double().numpy() / np.where(std > 0, std, np.inf), -1, 0))
            # The middle radius, of a direction to the upper right.
            place = 3 * len(TEST.radii) + len(TEST.radii) // 2
            drawn = next(b for i, b in enumerate(grid.batches(1)) if i == place)
            pictures.append(drawn[0].permute(1, 2, 0).numpy())
        return cls(
            family, ("a white line", *(VARIANTS[name].about for name in names)), np.stack(heard), tuple(pictures)
        )

    def likeness(self, look: int) -> list[float | None]:
        """By unit, the correlation of its map with that of the white line; None where one of them is flat."""
        pairs = zip(self.responses[look], self.responses[0], strict=True)
        return [
            float(np.corrcoef(own.ravel(), base.ravel())[0, 1]) if own.std() > 0 and base.std() > 0 else None
            for own, base in pairs
        ]


def draw_looks(setting: Setting, title: str, names: Sequence[str]) -> Sheet:
    """A row for each look: what it is like, maps of some units by direction and radius, and all units' likeness.

    Raises:
        CurvesError: the network has no curve family, or all of it is silent.
    """
    looks = Looks.of(setting, names)
    family = looks.family
    shown = spread_out(family, UNITS, [i for i, own in enumerate(looks.responses[0]) if own.max() > 0])
    maps_end = LEFT + len(shown) * (WIDTH + GAP)
    sheet = Sheet(maps_end + 0.75 + SIDE + 0.45, 0.55 + ROW * len(looks.names), title)
    largest = float(looks.responses[:, shown].max())
    for column, unit in enumerate(shown):
        sheet.text(LEFT + column * (WIDTH + GAP), 0.05, unit_label(family, unit), fontsize=7.5)
    sheet.text(
        maps_end + 0.75, 0.05, "correlation with the white line,\nall units; bar: mean", fontsize=7.5, va="bottom"
    )
    alike = [looks.likeness(row) for row in range(1, len(looks.names))]
    least = min(0.75, min((value for values in alike for value in values if value is not None), default=0) - 0.03)
    for row, name in enumerate(looks.names):
        top, last = 0.2 + ROW * row, row == len(looks.names) - 1
        sheet.picture(LEFT - PICTURE - 0.48, top + (HEIGHT - PICTURE) / 2, PICTURE, PICTURE, looks.pictures[row])
        words = textwrap.fill(name, 15)
        sheet.text(LEFT - PICTURE - 0.56, top + HEIGHT / 2, words, ha="right", fontsize=7.5)
        for column, unit in enumerate(shown):
            axes = sheet.axes(LEFT + column * (WIDTH + GAP), top, WIDTH, HEIGHT)
            heat_map(axes, looks.responses[row, unit], TEST.directions, largest)
            if last:
                axes.set_xticks([0, 90, 180, 270], ["0°", "90°", "180°", "270°"])
            if column == 0:
                ends = [0, len(TEST.radii) - 1]
                axes.set_yticks(ends, [f"{TEST.radii[end]:.0f} px" for end in ends])
        if row:
            axes = sheet.axes(maps_end + 0.75, top, SIDE, HEIGHT)
            _likeness(axes, family, alike[row - 1], least)
            if not last:
                axes.set_xticklabels([])
    colour_bar(sheet, maps_end - 0.02, 0.2, HEIGHT, largest)
    sheet.caption(
        setting.subjects,
        f"units of {family.layer}; across: direction from the arc's middle to its centre, up: radius of curvature",
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}; one scale for all maps",
    )
    return sheet


def _likeness(axes: Axes, family: Family, values: Sequence[float | None], least: float) -> None:
    """A dot for each unit in the hue of its direction, one above the other, and the mean."""
    for number, (value, direction) in enumerate(zip(values, family.directions, strict=True)):
        if value is not None:
            height = 0.2 + 0.6 * number / max(len(values) - 1, 1)
            axes.plot(value, height, "o", color=direction_colours(direction), markersize=3.5)
    if (mean := over(np.mean, values)) is not None:
        axes.plot([mean] * 2, [0.08, 0.92], color=INK, linewidth=1.5)
    axes.set(xlim=(least, 1.01), ylim=(0, 1), yticks=[])
    axes.spines[["top", "right", "left"]].set_visible(False)
