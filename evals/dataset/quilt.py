"""The activation quilt ("Curve Detectors"): a unit's distribution, and crops from every part of it, drawn by lot.

Crops of a column are a random sample of all positions with such pre-activations; the last column has the pictures in
which the unit is highest. What lies outside a picture is grey; the unit sees padding there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from circuits import Unit
from circuits.pictures import Images
from evals.dataset.strata import crops, place_of, stratified
from evals.dataset.summary import bins, tail
from evals.dataset.survey import Survey

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_contribution", "draw_distribution", "draw_quilt"]

Array = NDArray[np.float64]

MOST_ROWS = 6
"""Crops of a column, at most."""

FILL, SOLID, DASHED = "#b9c4d0", "#0072b2", "#d55e00"
"""Of bars, of the exponential and of the Gaussian; the lines differ in style too."""

_LEFT, _CELL, _TILE, _GAP, _PLOT, _QUILT = 0.85, 0.66, 0.62, 0.14, 1.55, 2.75
"""Inches: where plots begin, crop to crop, a crop, the gap before the highest, height of plots, top of the quilt."""


def draw_quilt(survey: Survey, images: Images, unit: Unit | str, name: str = "") -> Figure:
    """A unit's distribution with the laws fitted to its tail, what adds up to its expected value, and its quilt.

    Args:
        survey: of at least one picture.
        images: those that were surveyed.
        unit: one of the family.
        name: what to call the network; as it calls itself by default.

    Raises:
        CurvesError: the unit is not in the survey, or the image set lacks a picture.
    """
    from matplotlib import rc_context

    from evals.gallery.style import MUTED, RC, Sheet

    place = place_of(survey, unit)
    columns = [(column.examples[:MOST_ROWS], column) for column in stratified(survey, unit)]
    top = survey.top.rows
    highest = tuple(survey.examples(top[top["group"] == place][:MOST_ROWS]))
    seen = crops(survey, images, [e for examples, _ in columns for e in examples] + list(highest))
    rows = max(len(highest), *(len(examples) for examples, _ in columns))
    with rc_context(RC):
        width = _LEFT + (len(columns) + 1) * _CELL + _GAP + 0.35
        sheet = Sheet(max(width, 7.0), _QUILT + 0.3 + rows * _CELL, f"{survey.family.units[place]} on natural images")
        half = (sheet.width - _LEFT - 1.2) / 2
        draw_distribution(sheet.axes(_LEFT, 0.15, half, _PLOT), survey, place)
        draw_contribution(sheet.axes(_LEFT + half + 0.85, 0.15, half, _PLOT), survey, place)
        crop = iter(seen)
        for number, (examples, column) in enumerate(columns):
            left = _LEFT + number * _CELL
            heading = f"{column.low:.1f} to\n{column.high:.1f}"
            sheet.text(left + _CELL / 2, _QUILT - 0.3, heading, ha="center", fontsize=7)
            sheet.text(left + _CELL / 2, _QUILT - 0.02, _percent(column.share), ha="center", fontsize=6.5, color=MUTED)
            for row, _ in enumerate(examples):
                sheet.picture(left, _QUILT + 0.1 + row * _CELL, _TILE, _TILE, next(crop))
        left = _LEFT + len(columns) * _CELL + _GAP
        sheet.text(left + _CELL / 2, _QUILT - 0.3, "highest\npictures", ha="center", fontsize=7)
        for row, _ in enumerate(highest):
            sheet.picture(left, _QUILT + 0.1 + row * _CELL, _TILE, _TILE, next(crop))
        network, sets = survey.network, " and ".join(dict.fromkeys(piece.images for piece in survey.pieces))
        about = f"{name or network['name']} ({network['identity'][:8]}) · {sets}: {survey.positions:,} positions"
        notes = (
            "columns: pre-activation in standard deviations, share of positions; crops of the receptive field, by lot"
        )
        sheet.text(0.35, sheet.height - 0.3, about, absolute=True, fontsize=6.5, color=MUTED)
        sheet.text(0.35, sheet.height - 0.16, notes, absolute=True, fontsize=6.5, color=MUTED)
        return sheet.figure


def draw_distribution(axes: Axes, survey: Survey, place: int) -> None:
    """Density of positions by pre-activation, on a logarithmic scale, and the laws fitted to the tail."""
    from evals.gallery.style import RULE

    _, deviation = survey.histogram.moments(place)
    own = bins(survey)[place]
    widths = np.diff(own.edges)
    axes.stairs(own.share / widths, own.edges, fill=True, color=FILL)
    found = tail(survey, place)
    if found:
        x = np.linspace(found.threshold / deviation, own.edges[np.flatnonzero(own.share).max() + 1], 200)
        inside = float(own.share @ _part_above(own.edges, found.threshold / deviation))
        excess = x - x[0]
        scale = found.scale / deviation
        axes.plot(x, inside * np.exp(-excess / scale) / scale, color=SOLID, linewidth=1.2, label="exponential")
        middle, spread = (number / deviation for number in found.gaussian)
        bell = np.exp(-(((x - middle) / spread) ** 2) / 2)
        area = float(np.trapezoid(bell, x)) or 1.0
        axes.plot(x, inside * bell / area, color=DASHED, linewidth=1.2, linestyle="--", label="Gaussian")
        axes.legend(frameon=False, fontsize=7, loc="upper left")
    used = np.flatnonzero(own.share)
    least = own.share[used].min() / widths.max()
    axes.set(yscale="log", ylim=(least / 3, None), xlim=(own.edges[used.min()], own.edges[used.max() + 1]))
    axes.set_xlabel("pre-activation, standard deviations")
    axes.set_ylabel("positions, share per SD")
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_contribution(axes: Axes, survey: Survey, place: int) -> None:
    """What activations of each size add to the expected value."""
    own = bins(survey)[place]
    axes.stairs(own.contribution, own.edges, fill=True, color=FILL)
    used = np.flatnonzero(own.contribution)
    if used.size:
        axes.set_xlim(0, own.edges[used.max() + 1])
    axes.set(xlabel="activation, standard deviations", ylim=(0, None))
    axes.set_ylabel("share of the expected value")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _part_above(edges: Array, threshold: float) -> Array:
    """How much of each bin lies above a threshold."""
    return np.clip((edges[1:] - threshold) / np.diff(edges), 0, 1)


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.1 else f"{100 * share:.0f}%"
