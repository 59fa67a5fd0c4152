"""What all figures look like: type, colours, a sheet measured in inches, and the line below that says what was shown.

Colours: signed weights go from blue over white (0) to vermilion, as in the graph's drawings; directions have the hues
of the report, cyclic and of even lightness; strengths go from white to dark. Colour-blind readers can tell signs and
strengths apart; a direction's hue is a help to the eye beside labels and order, which say the same.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import ArrayLike, NDArray

from circuits.graph.painting import INK, MUTED, RULE, SIGNED
from evals.gallery.subject import Subject
from evals.heat_maps import colour_scale

__all__ = ["HUES", "INK", "MUTED", "RC", "RULE", "SIGNED", "STRENGTH", "Sheet", "direction_colours", "wheel"]

RC: Any = {
    "font.family": ["DejaVu Sans"], "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5, "text.color": INK, "axes.labelcolor": MUTED, "axes.edgecolor": RULE, "xtick.color": MUTED,
    "ytick.color": MUTED, "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "xtick.major.size": 2.5, "ytick.major.size": 2.5, "axes.titlelocation": "left", "axes.titlepad": 4,
    "svg.hashsalt": "curves", "svg.fonttype": "path", "savefig.dpi": 200, "figure.dpi": 100, "hatch.linewidth": 0.5,
}  # fmt: skip
"""matplotlib's settings while a figure is drawn and written; its own type for them names each one that there is."""

MARGIN = 0.35
"""Inches that are free around the sheet."""


def _map(name: str, colours: Iterable[str]) -> LinearSegmentedColormap:
    from matplotlib.colors import to_rgb
    from plotly.colors import unlabel_rgb

    parsed = [to_rgb(c) if c.startswith("#") else tuple(v / 255 for v in unlabel_rgb(c)) for c in colours]
    return LinearSegmentedColormap.from_list(name, parsed, N=512)


def _hues() -> LinearSegmentedColormap:
    from plotly.colors import cyclical

    return _map("direction", cyclical.Phase)


HUES = _hues()
"""Direction / period, 0..1, as a hue."""

STRENGTH = _map("strength", [colour for _, colour in colour_scale()])
"""0..1 from white to dark."""


def direction_colours(directions: ArrayLike, period: float = 360) -> NDArray[np.float64]:
    """RGB in [0, 1] for directions in degrees: (..., 3). Those of an orientation go once around the hues as well."""
    colours: NDArray[np.float64] = np.asarray(HUES(np.asarray(directions) % period / period))[..., :3]
    return colours


class Sheet:
    """A figure on which things are placed in inches from its left and its top edge.

    Args:
        width: inches.
        height: inches, without the title above and the line below.
        title: short.
    """

    HEAD, FOOT = 0.62, 0.62

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height = width, height + self.HEAD + self.FOOT
        self.figure = Figure(figsize=(self.width, self.height), facecolor="white")
        self.text(MARGIN, 0.3, title, fontsize=11, fontweight="bold", absolute=True)

    def axes(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:  # noqa: ANN401
        """Axes whose frame is there; `top` is counted from below the title."""
        bottom = self.height - self.HEAD - top - height
        place = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        axes: Axes = self.figure.add_axes(place, **options)
        return axes

    def picture(self, left: float, top: float, width: float, height: float, pixels: ArrayLike, **options: Any) -> Axes:  # noqa: ANN401
        """A picture in a thin frame, without axes' ticks."""
        axes = self.axes(left, top, width, height)
        axes.imshow(pixels, aspect="auto", interpolation="nearest", **options)
        axes.set(xticks=[], yticks=[])
        return axes

    def text(self, left: float, top: float, text: str, *, absolute: bool = False, **options: Any) -> None:  # noqa: ANN401
        """Words whose middle line is at `top`; `absolute` counts from the sheet's edge."""
        down = top + (0 if absolute else self.HEAD)
        options = {"va": "center", "ha": "left"} | options
        self.figure.text(left / self.width, 1 - down / self.height, text, **options)

    def curve(self, controls: Sequence[tuple[float, float]], *, color: str, **options: Any) -> None:  # noqa: ANN401
        """A Bezier curve through four control points, (inches from the left, from below the title), behind all else."""
        points = [(x / self.width, 1 - (self.HEAD + y) / self.height) for x, y in controls]
        path = Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
        self.figure.add_artist(
            PathPatch(path, facecolor="none", edgecolor=color, transform=self.figure.transFigure, zorder=0, **options)
        )

    def caption(self, subjects: Sequence[Subject], *remarks: str) -> None:
        """The small lines at the bottom: which networks, by name and identity, then remarks. Call it once."""
        what = " · ".join(subject.label for subject in subjects)
        lines = textwrap.wrap(" · ".join((what, *remarks)), int((self.width - 2 * MARGIN) * 18.5))
        for number, line in enumerate(lines):
            down = self.height - 0.16 - 0.135 * (len(lines) - 1 - number)
            self.text(MARGIN, down, line, absolute=True, fontsize=6.5, color=MUTED)


def wheel(sheet: Sheet, left: float, top: float, size: float) -> None:
    """The key to directions: a circle, each part in the hue of its direction, which is the way to the middle."""
    axes = sheet.axes(left, top, size, size)
    around = np.radians(np.linspace(0, 360, 181))
    points = np.stack([np.cos(around), np.sin(around)], axis=1)
    pieces = np.stack([points[:-1], points[1:]], axis=1)
    middles = np.degrees(around[:-1] + around[1:]) / 2
    axes.add_collection(LineCollection(pieces.tolist(), colors=direction_colours(middles + 180), linewidths=7))
    for angle in np.radians(range(0, 360, 90)):
        outer, inner = ((share * np.cos(angle), share * np.sin(angle)) for share in (0.78, 0.4))
        axes.annotate("", inner, outer, arrowprops={"arrowstyle": "->", "color": MUTED, "linewidth": 0.8})
    axes.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal")
    axes.axis("off")
