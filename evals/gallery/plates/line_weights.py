"""What lines are made of and what they make: complex Gabors to lines, and lines to curves, by relative angle."""

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

__all__ = ["line_weights"]

TURNS = [0.0, 22.5, 45.0, 67.5, 90.0, -67.5, -45.0, -22.5]
BINS = 12
SUMS = 1.75

PAIRS = (
    ("complex Gabor", "line", (0.0, 60.0, 120.0), 0.0, "from the line's to the Gabor's orientation"),
    ("line", "curve", (45.0, 165.0, 285.0), 90.0, "from the curve's tangent to the line"),
)
"""Source and target, degrees of the targets that have a row of kernels, degrees from direction to tangent, in words."""


@plate(
    "line-weights",
    "kernels from complex Gabors to lines and from lines to curves, by relative angle",
    "Curve Circuits, 3a line families",
)
def line_weights(setting: Setting) -> Figure:
    """For either step three targets with sources turned from them by steps of 22.5°, and beside them all pairs.

    Raises:
        CurvesError: the network lacks one of the families, or one does not read the other.
    """
    subject = setting.subject
    found = []
    for source, target, shown, zero, words in PAIRS:
        families = [subject.family(kind, setting.images, setting.progress) for kind in (source, target)]
        weights = family_weights(subject.net, *families)
        directions = weights.target.directions
        turns = [np.abs(difference(directions, angle, weights.target.period)) for angle in shown]
        found.append((Relative(weights, zero), sorted({int(turn.argmin()) for turn in turns}), words))
    heights = [0.35 + height_of_kernels(len(rows)) + SUMS + 0.6 for _, rows, _ in found]
    sheet = Sheet(10.6, sum(heights) + 0.1, "Lines by relative angle: what they are made of, and what they make")
    board = Board(sheet)
    for number, (pair, rows, words) in enumerate(found):
        top = sum(heights[:number])
        read, made = pair.weights.source, pair.weights.target
        told = f"{read.layer} {read.name}s → {made.layer} {made.name}s; columns: the turn {words}"
        sheet.text(0.35, top, told, fontsize=9, fontweight="bold")
        draw_kernels(sheet, board, top + 0.2, pair, rows, TURNS)
        below = top + 0.35 + height_of_kernels(len(rows))
        draw_sums(sheet.axes(0.95, below, 9.2, SUMS), pair, BINS, words=words)
    sheet.caption(
        setting.subjects,
        f"{KEY}; full colour: the row's largest weight from the family; layers between multiplied out",
        "kernels: from the source whose turn is nearest to that of the column",
        "below them a dot for each kernel, its positive weights above 0 and its negative ones below, in percent of all "
        "weights from the family to that unit; bars: means; line: mean sum",
        "lines to curves: the angle is that to the tangent in the arc's middle",
    )
    return sheet.figure
