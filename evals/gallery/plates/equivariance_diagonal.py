"""The equivariance motif: along the diagonal one kernel, turned from unit to unit; and the symmetric part beside it."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from circuits import FamilyWeights, equivariance, family_weights, symmetric_part
from circuits.angles import difference
from circuits.motifs import permuted
from circuits.rotation import rotate_kernels
from evals.gallery.board import Board
from evals.gallery.icons import feature_icon
from evals.gallery.kernels import KEY, angle, kernels, matrix
from evals.gallery.layered import evenly
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, Sheet
from evals.tuning import Array

__all__ = ["aligned_pairs", "equivariance_diagonal"]

MOST = 10
"""Curves in the rows above, as in the article."""

LEFT, COLUMN, KERNEL, ICON = 1.35, 0.82, 0.72, 0.34
SIDE, GAP, HEAD = 3.85, 1.15, 0.5
DEALS = 10
"""How often the curves' weights are dealt out to say what chance gives."""

ROWS = ("weights", "turned back\nto 0°", "symmetric part")


@plate(
    "equivariance-diagonal",
    "kernels of aligned early curves and curves around the circle, and the symmetric part of all weights",
    "Curve Circuits, the curve detector algorithm",
)
def equivariance_diagonal(setting: Setting) -> Figure:
    """Above, a column for each curve: its kernel from the early curve most nearly aligned. Below, all kernels.

    Raises:
        CurvesError: the network lacks one of the families, or one does not read the other.
    """
    subject = setting.subject
    source, target = (subject.family(kind, setting.images, setting.progress) for kind in ("early curve", "curve"))
    weights = family_weights(subject.net, source, target)
    symmetric = symmetric_part(weights)
    pairs = aligned_pairs(weights)
    width = max(LEFT + COLUMN * len(pairs) + 0.35, 0.95 + 2 * SIDE + GAP + 0.35)
    below = HEAD + 3 * (KERNEL + 0.1) + ICON + 0.45
    sheet = Sheet(width, below + SIDE + 0.55, "One kernel, turned around the circle")
    _diagonal(sheet, weights, symmetric, pairs)
    score = equivariance(weights)
    chance = np.mean([equivariance(permuted(weights, seed)) for seed in range(DEALS)])
    told = f"weights: equivariance {score:.2f} (by chance {round(float(chance), 2) + 0:.2f})"
    matrix(sheet, 0.95, below, SIDE, SIDE, weights, told, by_target=True, key=False)
    matrix(sheet, 0.95 + SIDE + GAP, below, SIDE, SIDE, symmetric, "symmetric part", by_target=True)
    sheet.caption(
        setting.subjects,
        f"{KEY}; full colour: above the kernel's largest weight, below the curve's",
        "above: for each curve the early curve whose direction is nearest; turned back by the curve's direction, one "
        "and the same kernel would stand in all columns of an equivariant circuit",
        "below: both families ordered by direction, so that pairs of one relative angle lie along diagonals",
        "equivariance: cosine between each curve's weights and what all others, turned, say of them; by chance: with "
        f"the curves' weights dealt out at random, mean of {DEALS}",
    )
    return sheet.figure


def aligned_pairs(weights: FamilyWeights) -> list[tuple[int, int]]:
    """For curves around the circle, `MOST` at most, their index and that of the source most nearly aligned."""
    turns = np.abs(difference(np.array(weights.target.directions)[:, None], weights.source.directions))
    return [(t, int(turns[t].argmin())) for t in evenly(len(weights.target), MOST)]


def _diagonal(sheet: Sheet, weights: FamilyWeights, symmetric: FamilyWeights, pairs: list[tuple[int, int]]) -> None:
    board = Board(sheet)
    directions = np.array([weights.target.directions[t] for t, _ in pairs])
    plain, even = (np.stack([kernels(w)[pair] for pair in pairs]) for w in (weights, symmetric))
    rows = (plain, _turned(plain, -directions), even)
    told = f"{weights.source.layer} {weights.source.name}s → {weights.target.layer} {weights.target.name}s"
    sheet.text(0.35, 0, told, fontsize=9, fontweight="bold")
    top = HEAD + ICON
    for number, (name, row) in enumerate(zip(ROWS, rows, strict=True)):
        down = top + (KERNEL + 0.1) * number
        sheet.text(0.35, down + KERNEL / 2, name)
        for column, kernel in enumerate(row):
            board.kernel(LEFT + COLUMN * column, down, KERNEL, kernel, float(np.abs(kernel).max()) or 1.0)
    for column, (t, s) in enumerate(pairs):
        left = LEFT + COLUMN * column
        for family, place, at in ((weights.source, s, left), (weights.target, t, left + KERNEL - ICON)):
            board.picture(at, HEAD - 0.05, ICON, feature_icon(family.name, family.directions[place]))
            words = f"{angle(family.directions[place])}"
            sheet.text(at + ICON / 2, HEAD - 0.15, words, ha="center", fontsize=6.5, color=MUTED)


def _turned(every: Array, turns: Array) -> Array:
    turned: Array = rotate_kernels(torch.from_numpy(every), torch.from_numpy(turns)).numpy()
    return turned
