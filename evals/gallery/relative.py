"""Weights between two families by relative direction: kernels of a few targets, and the sums of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from circuits import Family, FamilyWeights
from circuits.angles import difference
from circuits.graph.colors import NEGATIVE, POSITIVE
from evals.gallery.board import Board
from evals.gallery.icons import feature_icon
from evals.gallery.kernels import angle, kernels
from evals.gallery.style import INK, MUTED, RULE, Sheet
from evals.tuning import Array

__all__ = ["Relative", "draw_kernels", "draw_sums", "height_of_kernels", "label"]

LEFT, ICON, KERNEL, ROW = 1.15, 0.4, 0.62, 0.84


@dataclass(frozen=True, eq=False)
class Relative:
    """The weights between two families, by how far each source is turned from its target.

    Attributes:
        weights: T targets, S sources.
        zero: degrees that are added to a target's direction before the sources' are compared with it: 90 for lines
            along the tangent of a curve.
    """

    weights: FamilyWeights
    zero: float = 0.0

    @property
    def period(self) -> float:
        """After which the relative angle is itself again: the smaller of the families'."""
        return min(self.weights.source.period, self.weights.target.period)

    @property
    def turns(self) -> Array:
        """Degrees from each target to each source, T x S, in [-period / 2, period / 2)."""
        targets = np.array(self.weights.target.directions)[:, None] + self.zero
        return difference(self.weights.source.directions, targets, self.period)

    def nearest(self, target: int, turn: float) -> int:
        """The source whose angle to a target is nearest to a turn in degrees."""
        return int(np.abs(difference(self.turns[target], turn, self.period)).argmin())

    def sums(self, bins: int) -> tuple[Array, Array]:
        """The mean of kernels' sums in bins of relative angle, each target's weights as shares of all it has.

        Returns:
            The bins' middles in degrees, ascending; and positive and negative parts, 2 x bins, NaN for empty bins.
        """
        parts = self.parts()
        step = self.period / bins
        which = np.floor((self.turns + self.period / 2) / step + 0.5).astype(int) % bins
        means = np.full((2, bins), np.nan)
        for place in range(bins):
            if (inside := which == place).any():
                means[:, place] = parts[:, inside].mean(axis=1)
        middles = np.arange(bins, dtype=np.float64) * step - self.period / 2
        return middles, means

    def parts(self) -> Array:
        """2 x T x S: sums of the positive and of the negative weights, as shares of all of the target's."""
        drawn = kernels(self.weights)
        whole = np.abs(drawn).sum(axis=(1, 2, 3), keepdims=True)
        shares = np.divide(drawn, whole, out=np.zeros_like(drawn), where=whole > 0)
        return np.stack([shares.clip(min=0).sum(axis=(2, 3)), shares.clip(max=0).sum(axis=(2, 3))])


def height_of_kernels(rows: int) -> float:
    """Inches that `draw_kernels` needs."""
    return 0.3 + ROW * rows


def draw_kernels(
    sheet: Sheet, board: Board, top: float, found: Relative, targets: list[int], turns: list[float]
) -> None:
    """A row for each target: its kernels from the sources nearest to these turns, each row on its own scale."""
    weights, count = found.weights, len(turns)
    column = (sheet.width - LEFT - 0.35) / count
    every = kernels(weights)
    for place, turn in enumerate(turns):
        middle = LEFT + column * (place + 0.5)
        sheet.text(middle, top + 0.08, _signed(turn), ha="center", color=MUTED)
    sheet.text(0.35, top + 0.08, f"{weights.target.name}", color=MUTED)
    for number, target in enumerate(targets):
        down = top + 0.25 + ROW * number
        direction = weights.target.directions[target]
        board.picture(0.35, down + (KERNEL - ICON) / 2, ICON, feature_icon(weights.target.name, direction), frame=INK)
        label(sheet, 0.35 + ICON / 2, down + (KERNEL + ICON) / 2 + 0.09, weights.target, target)
        largest = float(np.abs(every[target]).max()) or 1.0
        for place, turn in enumerate(turns):
            source = found.nearest(target, turn)
            left = LEFT + column * (place + 0.5) - (ICON + KERNEL) / 2
            picture = feature_icon(weights.source.name, weights.source.directions[source])
            board.picture(left - 0.04, down + (KERNEL - ICON) / 2, ICON, picture)
            board.kernel(left + ICON, down, KERNEL, every[target, source], largest)
            label(sheet, left + ICON / 2 - 0.04, down + (KERNEL + ICON) / 2 + 0.09, weights.source, source)


def label(sheet: Sheet, middle: float, top: float, family: Family, place: int) -> None:
    """A unit's channel and direction below its picture."""
    words = f":{family.channels[place]} {angle(family.directions[place], family.period)}"
    sheet.text(middle, top, words, ha="center", fontsize=5.5, color=MUTED)


def draw_sums(axes: Axes, found: Relative, bins: int, *, words: str) -> None:
    """All pairs as dots and their means as bars: positive above, negative below."""
    turns, parts = found.turns.flatten(), 100 * found.parts().reshape(2, -1)
    middles, means = found.sums(bins)
    step = found.period / bins
    half = found.period / 2
    for colour, dots, mean in zip((POSITIVE, NEGATIVE), parts, 100 * means, strict=True):
        axes.bar(middles, mean, width=0.9 * step, color=colour, alpha=0.35, linewidth=0)
        axes.plot(turns, dots, ".", color=colour, markersize=1.8, alpha=0.55, rasterized=True)
    balance = 100 * means.sum(axis=0)
    known = ~np.isnan(balance)
    around = np.append(middles[known], middles[known][:1] + found.period)
    axes.plot(around, np.append(balance[known], balance[known][:1]), "-", color=INK, linewidth=1.3)
    axes.axhline(0, color=RULE, linewidth=0.6)
    axes.set(xlim=(-half - step / 2, half + step / 2), xticks=np.linspace(-half, half, 9))
    axes.set_xticklabels([_signed(tick) for tick in np.linspace(-half, half, 9)])
    axes.set_xlabel(words, labelpad=2)
    axes.set_ylabel("% of the target's weights", labelpad=2)
    axes.spines[["top", "right"]].set_visible(False)


def _signed(turn: float) -> str:
    return f"{turn:+g}°".replace("-", "−") if turn else "0°"
