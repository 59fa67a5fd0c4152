"""What the figures of tuning share: a family with its card, which of its units are shown, stimuli as axes, maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

import evals.harness
from circuits import CurvesError, Family
from circuits.angles import difference
from evals.gallery.setting import Setting
from evals.gallery.style import STRENGTH, Sheet
from evals.scorecard import Scorecard
from evals.stimuli import Curve
from evals.testing import Test
from evals.tuning import Array

__all__ = ["MapRows", "card_of", "colour_bar", "drawing", "heat_map", "spread_out", "unit_label"]


def card_of(setting: Setting, *tests: Test) -> tuple[Family, Scorecard]:
    """The curve family of the network that is shown, and what tests say of it.

    Raises:
        CurvesError: it has no curve family, or the test says that no unit of it responds.
    """
    family = setting.subject.family("curve", setting.images, setting.progress)
    card = evals.harness.run(
        setting.subject.net, family, tests, images=setting.images, draws=0, progress=setting.progress
    )
    return family, card


def spread_out(family: Family, count: int, among: Sequence[int] | None = None) -> list[int]:
    """Places of at most so many units, nearest to directions that are evenly spaced, in order of direction.

    Args:
        family: its units.
        count: how many.
        among: places of the units to choose from; all by default.

    Raises:
        CurvesError: there is nothing to choose from.
    """
    left = list(range(len(family)) if among is None else among)
    if not left:
        raise CurvesError(f"no unit of {family.layer} {family.name} responds to what this figure shows; show another")
    number = min(count, len(left))
    taken: list[int] = []
    for wanted in (np.arange(number) + 0.5) * family.period / number:
        rest = [place for place in left if place not in taken]
        apart = np.abs(difference([family.directions[place] for place in rest], wanted, family.period))
        taken.append(rest[int(apart.argmin())])
    return sorted(taken)


def unit_label(family: Family, place: int) -> str:
    """Name and direction of a unit."""
    member = family.members[place]
    return f"{member.unit} · {round(member.direction) % 360}°"


def drawing(sheet: Sheet, left: float, top: float, size: float, curve: Curve) -> None:
    """A stimulus as a small picture."""
    sheet.picture(left, top, size, size, curve.render().permute(1, 2, 0).numpy())


def heat_map(axes: Axes, values: ArrayLike, directions: ArrayLike, largest: float) -> None:
    """Responses by direction (first axis) and by rows that are evenly spaced from below, whatever they stand for."""
    heard, along = np.asarray(values), np.asarray(directions)
    step = float(along[1] - along[0])
    edges = np.append(along, along[-1] + step) - step / 2
    rows = np.arange(heard.shape[1] + 1) - 0.5
    axes.pcolormesh(edges, rows, heard.T, cmap=STRENGTH, vmin=0, vmax=largest or 1, rasterized=True, linewidth=0)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(rows[0], rows[-1]), xticks=[], yticks=[])


def colour_bar(sheet: Sheet, left: float, top: float, height: float, largest: float) -> None:
    """What a map's colours mean, in standard deviations."""
    bar = sheet.axes(left, top, 0.09, height)
    ramp = np.linspace(1, 0, 128)[:, None]
    bar.imshow(ramp, cmap=STRENGTH, aspect="auto", extent=(0, 1, 0, largest or 1), vmin=0, vmax=1)
    bar.set(xticks=[])
    bar.yaxis.tick_right()
    bar.yaxis.set_major_locator(MaxNLocator(4))
    bar.set_title("SD", loc="center")


class MapRows:
    """Maps of units by direction and something else, in rows of four, with the stimuli as axes.

    Args:
        sheet: where they are drawn.
        top: inches.
        rows: stimuli of the map's rows from below, of the direction 90.
        labels: what these are.
        field: px, of the pictures.
    """

    WIDTH, HEIGHT, LEFT, GAP, ICON = 2.0, 1.62, 1.1, 0.2, 0.3
    PITCH = HEIGHT + 0.32

    def __init__(self, sheet: Sheet, top: float, rows: Sequence[Curve], labels: Sequence[str]) -> None:
        self._sheet, self._top, self._rows, self._labels = sheet, top, rows, labels

    @classmethod
    def height(cls, count: int) -> float:
        """Inches that so many maps take."""
        return cls.PITCH * math.ceil(count / 4) + cls.ICON + 0.05

    def draw(self, maps: Sequence[Array], directions: Array, titles: Sequence[str], largest: float) -> None:
        """Draw maps, each directions x rows, and stimuli to the left of each row of them and below the last."""
        for number, (values, title) in enumerate(zip(maps, titles, strict=True)):
            row, column = divmod(number, 4)
            left, top = self.LEFT + column * (self.WIDTH + self.GAP), self._top + row * self.PITCH
            axes = self._sheet.axes(left, top, self.WIDTH, self.HEIGHT)
            heat_map(axes, values, directions, largest)
            axes.set_title(title, fontsize=7.5)
            if column == 0:
                self._beside(top)
            if number + 4 >= len(maps):
                self._below(left, top + self.HEIGHT + 0.06)
        colour_bar(
            self._sheet, self.LEFT + min(4, len(maps)) * (self.WIDTH + self.GAP), self._top, self.HEIGHT, largest
        )

    def _beside(self, top: float) -> None:
        step = self.HEIGHT / len(self._rows)
        every = math.ceil((self.ICON + 0.03) / step)
        for place in range(0, len(self._rows), every):
            middle = top + self.HEIGHT - (place + 0.5) * step
            up = min(max(middle - self.ICON / 2, top), top + self.HEIGHT - self.ICON)
            drawing(self._sheet, self.LEFT - self.ICON - 0.06, up, self.ICON, self._rows[place])
            self._sheet.text(
                self.LEFT - self.ICON - 0.1, up + self.ICON / 2, self._labels[place], ha="right", fontsize=6.5
            )

    def _below(self, left: float, top: float) -> None:
        middle = self._rows[len(self._rows) // 2]
        for direction in (0, 90, 180, 270):
            at = left + self.WIDTH * (direction + 360 / 96) / 360
            at = min(max(at, left + self.ICON / 2), left + self.WIDTH - self.ICON / 2)
            drawing(self._sheet, at - self.ICON / 2, top, self.ICON, replace(middle, direction=direction))
            self._sheet.text(at, top + self.ICON + 0.09, f"{direction}°", ha="center", fontsize=6.5)
