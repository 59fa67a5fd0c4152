"""From early curves to curves by relative direction: does what points the same way excite, and what opposes inhibit?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from circuits import family_weights
from circuits.angles import difference
from evals.gallery.board import Board
from evals.gallery.kernels import KEY
from evals.gallery.registry import plate
from evals.gallery.relative import Relative, draw_kernels, draw_sums, height_of_kernels
from evals.gallery.setting import Setting
from evals.gallery.style import Sheet

__all__ = ["early_curve_weights"]

SHOWN = (45.0, 135.0, 225.0, 315.0)
"""Degrees: the curves that point most nearly there have a row of kernels."""

TURNS = [0.0, 45.0, 90.0, 135.0, 180.0, -135.0, -90.0, -45.0]
BINS = 24


@plate(
    "early-curve-weights",
    "kernels from early curves to curves by relative direction, with the tuning of excitation and inhibition",
    "Curve Circuits, 3a early curve family",
)
def early_curve_weights(setting: Setting) -> Figure:
    """Four curves, each with the early curves that are turned from it by steps of 45°; below, all pairs.

    Raises:
        CurvesError: the network lacks one of the families, or one does not read the other.
    """
    subject = setting.subject
    source, target = (subject.family(kind, setting.images, setting.progress) for kind in ("early curve", "curve"))
    found = Relative(family_weights(subject.net, source, target))
    rows = sorted({int(np.abs(difference(target.directions, angle)).argmin()) for angle in SHOWN})
    below = 0.35 + height_of_kernels(len(rows)) + 0.2
    sheet = Sheet(10.6, below + 2.45, "From early curves to curves, by relative direction")
    told = f"{source.layer} {source.name}s → {target.layer} {target.name}s; columns: the turn from curve to early curve"
    sheet.text(0.35, 0, told, fontsize=9, fontweight="bold")
    draw_kernels(sheet, Board(sheet), 0.2, found, rows, TURNS)
    draw_sums(sheet.axes(0.95, below, 9.2, 1.95), found, BINS, words="from the curve's to the early curve's direction")
    sheet.caption(
        setting.subjects,
        f"{KEY}; full colour: the curve's largest weight",
        "kernels: from the early curve whose turn is nearest to that of the column",
        f"below: a dot for each of {len(target)} x {len(source)} kernels, its positive weights above 0 and its "
        "negative ones below, in percent of all weights from early curves to that curve; bars: means; line: mean sum",
    )
    return sheet.figure
