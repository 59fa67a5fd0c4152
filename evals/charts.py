"""Small charts of what a test found, in the gallery's style."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["by_category", "by_direction", "data_uri", "distributions", "ranked", "tuning_curves"]

MARKS = (("o", "#0072b2"), ("s", "#d55e00"), ("^", "#009e73"), ("D", "#56b4e9"))
"""Shape and colour of each series: colour-blind readers can tell them apart by either."""


def by_category(title: str, values: Mapping[str, Sequence[float | None]], label: str) -> Figure:
    """Values of units in several categories, one below the other, and their mean as a bar.

    Args:
        title: short.
        values: by category, a value for each unit; None where it is undefined.
        label: of the values, with their unit.
    """
    figure, axes = _axes(title, label, "")
    for row, own in enumerate(values.values()):
        known = [value for value in own if value is not None]
        axes.plot(known, [row] * len(known), "o", color=MARKS[0][1], markersize=3, alpha=0.5)
        if known:
            axes.plot([float(np.mean(known))] * 2, [row - 0.35, row + 0.35], color=MARKS[1][1], linewidth=1.5)
    axes.set(yticks=range(len(values)), ylim=(len(values) - 0.5, -0.5))
    axes.set_yticklabels([name.replace("_", " ") for name in values])
    return figure


def by_direction(
    title: str, directions: Sequence[float], series: Mapping[str, Sequence[float | None]], label: str
) -> Figure:
    """Values of units by the direction that they point in, one mark for each unit of each series.

    Args:
        title: short.
        directions: degrees, one for each unit.
        series: by name, at most four, a value for each unit; None where it is undefined.
        label: of the values, with their unit.
    """
    figure, axes = _axes(title, "unit's direction, degrees", label)
    for (name, values), (marker, colour) in zip(series.items(), MARKS, strict=False):
        heights = [np.nan if value is None else value for value in values]
        axes.plot(np.asarray(directions) % 360, heights, marker, color=colour, markersize=4, label=name)
    axes.set(xlim=(-10, 370), xticks=range(0, 361, 90))
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    figure.legend(loc="outside lower left", ncols=len(series), frameon=False, fontsize=7.5, handletextpad=0.2)
    return figure


def tuning_curves(
    title: str, directions: ArrayLike, curves: ArrayLike, preferred: Sequence[float], label: str
) -> Figure:
    """Tuning curves of units, each in the hue of its direction.

    Args:
        title: short.
        directions: degrees, D of them.
        curves: units x D.
        preferred: the units' directions, degrees.
        label: of the values, with their unit.
    """
    from evals.gallery.style import direction_colours

    figure, axes = _axes(title, "curve's direction, degrees", label)
    around = [*np.asarray(directions), np.asarray(directions)[0] + 360]
    for curve, colour in zip(np.asarray(curves), direction_colours(preferred), strict=True):
        axes.plot(around, [*curve, curve[0]], color=colour, linewidth=1)
    axes.set(xticks=range(0, 361, 90), ylim=(0, None))
    return figure


def distributions(
    title: str,
    edges: ArrayLike,
    heights: ArrayLike,
    preferred: Sequence[float],
    across: str,
    up: str,
    *,
    logarithmic: bool = False,
) -> Figure:
    """Histograms of units, each an outline in the hue of its direction.

    Args:
        title: short.
        edges: of the bins, units x (B + 1).
        heights: units x B; empty bins at the ends are left out.
        preferred: the units' directions, degrees.
        across: what is binned, with its unit.
        up: of the heights.
        logarithmic: whether heights are on a logarithmic scale.
    """
    from evals.gallery.style import direction_colours

    figure, axes = _axes(title, across, up)
    for borders, row, colour in zip(np.asarray(edges), np.asarray(heights), direction_colours(preferred), strict=True):
        if (used := np.flatnonzero(row)).size:
            first, end = used[0], used[-1] + 1
            axes.stairs(row[first:end], borders[first : end + 1], color=colour, baseline=None)
    if logarithmic:
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    return figure


def ranked(title: str, values: Sequence[float], what: str, label: str) -> Figure:
    """Values from the largest to the smallest.

    Args:
        title: short.
        values: in any order.
        what: each is of.
        label: of the values, with their unit.
    """
    figure, axes = _axes(title, f"{what}, by rank", label)
    axes.plot(range(1, len(values) + 1), sorted(values, reverse=True), "o-", color=MARKS[0][1], markersize=3)
    axes.set(ylim=(0, None), xlim=(0, len(values) + 1))
    return figure


def data_uri(figure: Figure) -> str:
    """A figure as an SVG in a data URI, the same for the same figure."""
    from matplotlib import rc_context

    from circuits.graph.painting import SUFFIXES
    from evals.gallery.style import RC

    file = io.BytesIO()
    with rc_context(RC):
        figure.savefig(file, format="svg", metadata=SUFFIXES[".svg"])
    return "data:image/svg+xml;base64," + base64.b64encode(file.getvalue()).decode()


def _axes(title: str, across: str, up: str) -> tuple[Figure, Axes]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from evals.gallery.style import RC

    with rc_context(RC):
        figure = Figure(figsize=(5.2, 3.2), facecolor="white", layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title, fontweight="bold")
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
