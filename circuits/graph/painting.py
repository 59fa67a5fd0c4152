"""A laid out circuit as a file, by matplotlib. Imported only to draw: `import circuits` does not load matplotlib."""

from __future__ import annotations

import os
from pathlib import Path as FilePath

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.patches import Rectangle as Patch
from matplotlib.path import Path
from numpy.typing import ArrayLike

from circuits.errors import CurvesError
from circuits.files import replacing
from circuits.graph.colors import NEGATIVE, POSITIVE
from circuits.graph.drawing import Edge, Node, Scene
from circuits.graph.layout import Curve, Rectangle

__all__ = ["SUFFIXES", "paint"]

SUFFIXES: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""What can be written, and the date that is left out so that the same graph gives the same file."""

INK, MUTED, RULE = "#1f2328", "#59636e", "#8c959f"
SIGNED = LinearSegmentedColormap.from_list("signed", [NEGATIVE, "white", POSITIVE])


def paint(scene: Scene, path: str | os.PathLike[str]) -> None:
    """Write the picture of a scene, whole or not at all.

    Raises:
        CurvesError: the suffix is of no kind of picture that can be written, or the place cannot be written to.
    """
    suffix = FilePath(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise CurvesError(f"cannot draw {path}: a picture is one of {', '.join(SUFFIXES)}")
    figure = _figure(scene)
    with rc_context({"svg.hashsalt": "circuits"}), replacing(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=160, metadata=SUFFIXES[suffix])


def _figure(scene: Scene) -> Figure:
    """One data unit to the inch."""
    figure = Figure(figsize=(scene.width, scene.height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    for edge in scene.edges:
        _line(axes, edge.curve, edge.value)
    for edge in scene.edges:
        _kernel(axes, edge)
    for node in scene.nodes:
        _node(axes, node)
    for x, y, name in scene.headers:
        axes.text(x, y, name, ha="center", va="bottom", fontsize=9, fontweight="bold", color=INK, zorder=6)
    axes.text(0.3, scene.height - 0.3, scene.title, va="center", fontsize=11, fontweight="bold", color=INK)
    _legend(axes, scene)
    axes.set(xlim=(0, scene.width), ylim=(0, scene.height), aspect="auto")
    return figure


def _line(axes: Axes, curve: Curve, value: float) -> None:
    path = Path(curve.controls, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4])
    color = POSITIVE if value >= 0 else NEGATIVE
    axes.add_patch(PathPatch(path, facecolor="none", edgecolor=color, linewidth=_width(value), alpha=0.7, zorder=1))


def _width(value: float) -> float:
    return 0.3 + 3.7 * abs(value)


def _kernel(axes: Axes, edge: Edge) -> None:
    if edge.kernel is not None and edge.place is not None:
        largest = float(np.abs(edge.kernel).max())
        _image(axes, edge.place, SIGNED(0.5 + 0.5 * edge.kernel / largest), POSITIVE if edge.value >= 0 else NEGATIVE)


def _image(axes: Axes, place: Rectangle, picture: ArrayLike, frame: str) -> None:
    left, bottom = place.x - place.width / 2, place.y - place.height / 2
    extent = (left, left + place.width, bottom, bottom + place.height)
    axes.imshow(picture, extent=extent, interpolation="nearest", zorder=3)
    axes.add_patch(
        Patch((left, bottom), place.width, place.height, facecolor="none", edgecolor=frame, linewidth=0.6, zorder=3)
    )


def _node(axes: Axes, node: Node) -> None:
    box = node.box
    corner = box.x - box.width / 2 + 0.05, box.y - box.height / 2 + 0.05
    patch = FancyBboxPatch(corner, box.width - 0.1, box.height - 0.1, "round,pad=0.05", facecolor="white", zorder=4)
    patch.set(edgecolor=INK if node.target else RULE, linewidth=1.8 if node.target else 0.8)
    axes.add_patch(patch)
    axes.text(box.x, box.y, node.label, ha="center", va="center", fontsize=7.5, color=INK, linespacing=1.1, zorder=5)
    if node.picture is not None:
        size = 0.3
        _image(axes, Rectangle(box.x - box.width / 2 - size / 2 - 0.04, box.y, size, size), node.picture, RULE)


def _legend(axes: Axes, scene: Scene) -> None:
    """What colours, widths and small pictures mean, one line each."""
    kernels = [edge for edge in scene.edges if edge.kernel is not None]
    balance = " on balance" if kernels else ""
    x, y = 0.3, 0.95
    for value, text, start in ((0.7, "excites", x), (-0.7, "inhibits", x + 2.2)):
        _line(axes, Curve((start, y), (start + 0.85, y)), value)
        _text(axes, start + 1.0, y, text + balance)
    y -= 0.23
    for i, value in enumerate((0.1, 0.5, 1.0)):
        axes.plot(
            [x + 0.3 * i, x + 0.3 * i + 0.25], [y, y], color=MUTED, linewidth=_width(value), solid_capstyle="butt"
        )
    _text(axes, x + 1.0, y, f"absolute {scene.measure}, relative to the strongest edge into the layer")
    if kernels:
        y -= 0.23
        _image(axes, Rectangle(x + 0.425, y, 0.85, 0.13), SIGNED(np.linspace(0, 1, 64))[None], RULE)
        drawn = sum(edge.place is not None for edge in kernels)
        which = "" if drawn == len(kernels) else f" ({drawn} of {len(kernels)}: those with room)"
        _text(axes, x + 1.0, y, f"kernel, from negative over 0 (white) to positive, each on its own scale{which}")
    if any(node.picture is not None for node in scene.nodes):
        _text(axes, x, y - 0.23, "in colour: the kernel with which a unit reads the image; grey is 0")


def _text(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, va="center", fontsize=8, color=MUTED)
