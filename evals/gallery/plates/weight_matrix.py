"""The weights from early curves to curves as a matrix, both ordered by direction."""

from __future__ import annotations

from matplotlib.figure import Figure

from circuits import family_weights
from evals.gallery.board import Board
from evals.gallery.kernels import KEY, matrix, member_icons, signed_key
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import Sheet

__all__ = ["weight_matrix"]

LEFT, SIDE, ICONS = 0.95, 7.0, 0.32


@plate(
    "weight-matrix",
    "all kernels from early curves to curves, both ordered by direction",
    "Curve Circuits, 3a early curve family",
)
def weight_matrix(setting: Setting) -> Figure:
    """Each cell is a kernel; sources from left to right, targets from top to bottom.

    Raises:
        CurvesError: the network lacks one of the families, or one does not read the other.
    """
    subject = setting.subject
    source, target = (subject.family(kind, setting.images, setting.progress) for kind in ("early curve", "curve"))
    weights = family_weights(subject.net, source, target)
    largest = float(weights.kernels.abs().max())
    sheet = Sheet(LEFT + SIDE + 1.05, SIDE + 1.1, "Weights from early curves to curves")
    told = f"{source.layer} {source.name}s → {target.layer} {target.name}s, largest weight {largest:.2g}"
    sheet.text(0.35, 0, told, fontsize=9, fontweight="bold")
    top = 0.25 + ICONS
    matrix(sheet, LEFT, top, SIDE, SIDE, weights, by_target=True, key=False)
    board = Board(sheet)
    member_icons(board, source, LEFT, 0.22, SIDE, "x")
    member_icons(board, target, top, LEFT + SIDE + 0.05, SIDE, "y")
    signed_key(sheet, LEFT + SIDE + ICONS + 0.12, top, 1.6)
    sheet.caption(
        setting.subjects,
        f"{KEY}; full colour: each curve's largest weight",
        "each cell is a kernel, layers between multiplied out",
        "direction: from the arc's middle to its centre; pictures: what a unit of that direction is for",
    )
    return sheet.figure
