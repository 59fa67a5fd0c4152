"""Tuning curves of a family's units: around the circle, and all turned to a common direction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from evals.gallery.style import INK, direction_colours

__all__ = ["aligned", "around"]


def around(
    axes: Axes, directions: ArrayLike, curves: ArrayLike, preferred: Sequence[float], period: float = 360
) -> None:
    """Each unit's tuning curve on polar axes, in the hue of its direction, up to the largest of all.

    Args:
        axes: polar.
        directions: degrees, D, evenly over one period.
        curves: units x D.
        preferred: the units' directions, degrees.
        period: after which a curve is drawn again, until the circle is full.
    """
    heard, along = np.asarray(curves), np.asarray(directions)
    turns = np.arange(0, 360, period)
    theta = np.radians([*(turns[:, None] + along).flatten(), along[0] + 360])
    for curve, direction in zip(heard, preferred, strict=True):
        whole = [*np.tile(curve, len(turns)), curve[0]]
        axes.plot(theta, whole, color=direction_colours(direction, period), linewidth=1)
    axes.set_xticks(np.radians(range(0, 360, 90)), ["0°", "90°", "180°", "270°"])
    axes.tick_params(axis="x", pad=-1)
    axes.set(yticks=[], ylim=(0, 1.04 * float(heard.max()) or 1))
    axes.grid(linewidth=0.4)
    axes.spines["polar"].set_linewidth(0.6)


def aligned(
    axes: Axes, directions: ArrayLike, curves: ArrayLike, preferred: Sequence[float], period: float = 360
) -> None:
    """All curves as shares of their best, turned to a common direction, and in black their mean; silent ones are not.

    Args:
        axes: where to.
        directions: degrees, D, evenly over one period.
        curves: units x D.
        preferred: the units' directions, degrees.
        period: degrees.
    """
    half = period / 2
    turns = np.arange(-half, half + 1, period / 48)
    shown = []
    for curve, direction in zip(np.asarray(curves), preferred, strict=True):
        if curve.max() > 0:
            at = np.interp(direction + turns, np.asarray(directions), curve / curve.max(), period=period)
            shown.append(at)
            axes.plot(turns, at, color=direction_colours(direction, period), linewidth=0.6, alpha=0.8)
    if shown:
        axes.plot(turns, np.mean(shown, axis=0), color=INK, linewidth=1.6)
    axes.set(xlim=(-half, half), ylim=(0, 1.04), xticks=np.linspace(-half, half, 5), yticks=[0, 0.5, 1])
    axes.set_xticklabels([f"−{half:g}°", "", "0°", "", f"{half:g}°"])
    axes.set_ylabel("share of the unit's best", labelpad=2)
    axes.spines[["top", "right"]].set_visible(False)
