"""Many small pictures on a sheet: kernels and icons in thin frames, all in one coordinate system of inches."""

from __future__ import annotations

import numpy as np
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from evals.gallery.icons import kernel_icon
from evals.gallery.style import RULE, Sheet
from evals.tuning import Array

__all__ = ["Board"]

FINE = 150
"""Pixels to the inch above which a picture has finer ones than the sheet, about."""


class Board:
    """One pair of axes over a whole sheet, for what would be too many axes.

    Args:
        sheet: places are as on it: inches from its left edge and from below its title.
    """

    def __init__(self, sheet: Sheet) -> None:
        self._axes = sheet.figure.add_axes((0, 0, 1, 1), zorder=1)
        self._axes.axis("off")
        self._limits = (0, sheet.width, sheet.height - sheet.HEAD, -sheet.HEAD)
        self._axes.axis(self._limits)

    def picture(
        self, left: float, top: float, size: float, pixels: ArrayLike, *, frame: str = RULE, width: float = 0.5
    ) -> None:
        """A square picture, h x w x 3 in [0, 1], in a frame of a colour and a width in points, over those before it.

        Pixels that are smaller than those of the sheet are averaged.
        """
        sampled = "hanning" if len(np.asarray(pixels)) > FINE * size else "nearest"
        extent = (left, left + size, top + size, top)
        self._axes.imshow(pixels, extent=extent, aspect="auto", interpolation=sampled, zorder=2)
        self._axes.axis(self._limits)
        self._axes.add_patch(
            Rectangle((left, top), size, size, facecolor="none", edgecolor=frame, linewidth=width, zorder=2)
        )

    def kernel(self, left: float, top: float, size: float, kernel: Array, largest: float, *, frame: str = RULE) -> None:
        """A kernel: blue inhibits, vermilion excites, full at `largest`."""
        self.picture(left, top, size, kernel_icon(kernel, largest), frame=frame)
