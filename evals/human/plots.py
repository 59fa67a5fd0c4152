"""The article's three plots of labels: their shares by activation, by probability, and of the expected value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evals.human.labels import LABELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["VIEWS", "borders", "key", "stack", "stack_figures"]

Array = NDArray[np.float64]

VIEWS = {
    "activation": "share of the labels",
    "probability": "positions, share per SD",
    "expected": "share of expected value per SD",
}
"""What is stacked, and the name of its axis."""

EDGE = "#59636e"


def stack(axes: Axes, view: str, low: ArrayLike, high: ArrayLike, heights: ArrayLike) -> None:
    """Draw the shares of the four labels on top of each other.

    Args:
        axes: to draw on.
        view: one of `VIEWS`; shares of positions and of the expected value are drawn as densities, so that bins may
            differ in width.
        low: of the bins, standard deviations.
        high: of the bins.
        heights: bins x 4; NaN where there are no labels.
    """
    first, end = np.asarray(low, np.float64), np.asarray(high, np.float64)
    tall = np.nan_to_num(np.asarray(heights, np.float64)) / (1.0 if view == "activation" else (end - first)[:, None])
    bottom = np.zeros(len(tall))
    for label, column in zip(LABELS, tall.T, strict=True):
        axes.bar(
            first, column, end - first, bottom, align="edge", color=label.colour, edgecolor=EDGE, linewidth=0.3,
            label=label.name,
        )  # fmt: skip
        bottom = bottom + column
    axes.axvline(0, color=EDGE, linewidth=0.8, linestyle=":")
    axes.set(
        xlabel="pre-activation, standard deviations", ylabel=VIEWS[view], ylim=(0, 1 if view == "activation" else None)
    )
    axes.spines[["top", "right"]].set_visible(False)


def borders(axes: Axes, low: ArrayLike, high: ArrayLike, interval: tuple[Array, Array]) -> None:
    """Draw how sure the borders between labels are, `interval` as from `intervals`."""
    middles = (np.asarray(low) + np.asarray(high)) / 2
    apart = np.asarray(high) - np.asarray(low)
    for number in range(len(LABELS) - 1):
        below, above = (each[:, number] for each in interval)
        wide = np.nan_to_num(above - below) > 0
        places = middles[wide] + (number - 1) * 0.2 * apart[wide]
        axes.vlines(places, below[wide], above[wide], color="#1f2328", linewidth=0.9)


def key(axes: Axes, counts: Sequence[int] = ()) -> None:
    """Name the labels beside the plot, in the order in which they are stacked, and say how often each was given."""
    handles, names = axes.get_legend_handles_labels()
    names = [f"{name}, {count}" for name, count in zip(names, counts, strict=True)] if counts else names
    axes.legend(
        handles[::-1], names[::-1], loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False, fontsize=7.5,
        handlelength=1.2, handleheight=1.0,
    )  # fmt: skip


def stack_figures(title: str, data: Mapping[str, Array]) -> dict[str, Figure]:
    """The three plots as figures of their own.

    Args:
        title: what was labelled.
        data: `low` and `high` of the bins, `activation`, `probability` and `expected` as in `Shares`, and the
            `interval_low` and `interval_high` of the first.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from evals.gallery.style import RC

    figures = {}
    for view in VIEWS:
        with rc_context(RC):
            figure = Figure(figsize=(6.4, 3.0), facecolor="white", layout="constrained")
            axes = figure.add_subplot()
            axes.set_title(title, fontweight="bold")
            stack(axes, view, data["low"], data["high"], data[view])
            if view == "activation":
                borders(axes, data["low"], data["high"], (data["interval_low"], data["interval_high"]))
            key(axes)
        figures[view] = figure
    return figures
