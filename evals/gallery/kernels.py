"""The kernels between two families as a picture: one cell for each pair, both families ordered by direction."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from circuits import Family, FamilyWeights
from evals.gallery.board import Board
from evals.gallery.icons import feature_icon
from evals.gallery.style import MUTED, SIGNED, Sheet
from evals.tuning import Array

__all__ = ["KEY", "angle", "counted", "kernels", "matrix", "member_icons", "mosaic", "percent", "signed_key"]

KEY = "blue: inhibits, vermilion: excites, white: 0"
"""What the colours of kernels say, for a caption."""

TICKS = 5
BETWEEN = "#e3e6ea"
"""The colour of the lines between the cells of a matrix."""


def angle(degrees: float, period: float = 360) -> str:
    """A direction in words, 359.9 as 0."""
    return f"{round(degrees % period) % round(period)}°"


def counted(units: int) -> str:
    """How many units, in words."""
    return f"{units} unit{'' if units == 1 else 's'}"


def percent(share: float) -> str:
    """A share of 0..1 in whole percent; a little is no nothing."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def kernels(weights: FamilyWeights) -> Array:
    """T x S x k x k, as numbers to draw."""
    drawn: Array = weights.kernels.detach().cpu().double().numpy()
    return drawn


def matrix(
    sheet: Sheet,
    left: float,
    top: float,
    width: float,
    height: float,
    weights: FamilyWeights,
    title: str = "",
    *,
    by_target: bool = False,
    key: bool = True,
) -> None:
    """Draw all kernels between two families, targets from top to bottom, sources from left to right.

    Args:
        sheet: where to.
        left: inches.
        top: inches.
        width: inches.
        height: inches.
        weights: the kernels.
        title: above it.
        by_target: full colour is each target's largest weight, and not that of all.
        key: with a bar that says which colour is which sign.
    """
    axes = sheet.axes(left, top, width, height)
    axes.set_facecolor(BETWEEN)
    drawn = kernels(weights)
    if by_target:
        own = np.abs(drawn).max(axis=(1, 2, 3), keepdims=True)
        drawn = np.divide(drawn, own, out=np.zeros_like(drawn), where=own > 0)
    picture, cell = mosaic(drawn)
    largest = float(np.nanmax(np.abs(picture))) or 1.0
    axes.imshow(picture, cmap=SIGNED, vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
    axes.set_title(title)
    _ticks(axes, "x", weights.source, cell)
    _ticks(axes, "y", weights.target, cell)
    if key:
        signed_key(sheet, left + width + 0.08, top, height)


def signed_key(sheet: Sheet, left: float, top: float, height: float) -> None:
    """A bar that says which colour is which sign."""
    bar = sheet.axes(left, top, 0.07, height)
    bar.imshow(np.linspace(1, -1, 128)[:, None], cmap=SIGNED, aspect="auto", extent=(0, 1, -1, 1))
    bar.set(xticks=[])
    bar.yaxis.tick_right()
    bar.set_yticks([-1, 0, 1], ["−", "0", "+"])


def mosaic(kernels: Array) -> tuple[Array, tuple[int, int]]:
    """All kernels, T x S x h x w, side by side with a line that is no number between them; and a cell's size in px."""
    targets, sources, rows, columns = kernels.shape
    # One place needs no line to tell it from the next.
    line = 1 if rows * columns > 1 else 0
    cells = np.full((targets, sources, rows + line, columns + line), np.nan)
    cells[..., :rows, :columns] = kernels
    cell = (rows + line, columns + line)
    whole: Array = cells.transpose(0, 2, 1, 3).reshape(targets * cell[0], sources * cell[1])
    return whole[: whole.shape[0] - line, : whole.shape[1] - line], cell


def member_icons(
    board: Board, family: Family, start: float, across: float, span: float, axis: Literal["x", "y"], most: float = 0.3
) -> None:
    """Icons of a family's members in order, one for each cell along an axis, of several where cells are small.

    Args:
        board: where to.
        family: whose members.
        start: of the first cell along the axis, inches.
        across: where icons begin in the other direction, inches.
        span: of all cells, inches.
        axis: along which they stand.
        most: largest size of an icon, inches.
    """
    cell = span / len(family)
    every = max(1, round(0.2 / cell))
    size = min(0.94 * cell * every, most)
    for place in range(0, len(family), every):
        middle = start + cell * (place + 0.5) - size / 2
        left, top = (middle, across) if axis == "x" else (across, middle)
        board.picture(left, top, size, feature_icon(family.name, family.directions[place]))


def _ticks(axes: Axes, axis: str, family: Family, cell: tuple[int, int]) -> None:
    """A few units, evenly spaced along the axis so that no label meets another, with their directions."""
    size = cell[1] if axis == "x" else cell[0]
    chosen = np.unique(np.linspace(0, len(family) - 1, min(TICKS, len(family))).round().astype(int))
    places = chosen * size + (size - 1) / 2 - (0.5 if size > 1 else 0)
    labels = [angle(family.directions[i]) for i in chosen]
    place = axes.set_xticks if axis == "x" else axes.set_yticks
    place(places, labels)
    name = f"{family.layer} {family.name}: direction, {counted(len(family))}"
    (axes.set_xlabel if axis == "x" else axes.set_ylabel)(name, color=MUTED, labelpad=2)
