"""The weights between families, ordered by direction: hand-built beside learned, with how alike they are."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits import Family, FamilyWeights, family_weights, weight_similarity
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, SIGNED, Sheet
from evals.gallery.subject import Subject
from evals.tuning import Array

__all__ = ["artificial_weights"]

PAIRS = (("early curve", "curve"), ("line", "early curve"), ("complex Gabor", "line"))
"""Source and target."""

LEFT, SIDE, WIDE, ROW = 0.95, 3.2, 4.3, 4.2
TICKS = 5


@plate(
    "artificial-weights",
    "weights between families ordered by direction, natural beside hand-built, with their similarity",
    "Curve Circuits, the artificial artificial neural network",
    compares=True,
)
def artificial_weights(setting: Setting) -> Figure:
    """A row for each pair of families, a column for each network; each cell is a kernel.

    Raises:
        CurvesError: a network lacks one of the families, or one does not read the other.
    """
    found = [[_weights(subject, pair, setting) for subject in setting.subjects] for pair in PAIRS]
    sheet = Sheet(LEFT + WIDE * len(setting.subjects) + 0.55, ROW * len(PAIRS), "Weights between families")
    for number, ((source, target), row) in enumerate(zip(PAIRS, found, strict=True)):
        top = ROW * number
        told = f"{_many(source)} → {_many(target)}"
        sheet.text(0.35, top, told, fontsize=9, fontweight="bold")
        if len(row) == 2:
            sheet.text(sheet.width - 0.35, top, _likeness(setting.subjects, row), ha="right", fontsize=9, color=INK)
        for column, (subject, weights) in enumerate(zip(setting.subjects, row, strict=True)):
            _matrix(sheet, LEFT + WIDE * column, top + 0.42, subject, weights)
    remarks = ["blue: inhibits, vermilion: excites, white: 0; full colour: the matrix's largest weight"]
    remarks.append("each cell is a kernel, layers between multiplied out; families are ordered by direction")
    if len(setting.subjects) == 2:
        remarks.append("similarity: circuits.weight_similarity of what is shown; in brackets what chance gives")
    sheet.caption(setting.subjects, *remarks)
    return sheet.figure


def _weights(subject: Subject, pair: tuple[str, str], setting: Setting) -> FamilyWeights:
    source, target = (subject.family(kind, setting.images, setting.progress) for kind in pair)
    return family_weights(subject.net, source, target)


def _likeness(subjects: tuple[Subject, ...], row: list[FamilyWeights]) -> str:
    """How alike the two matrices of a row are; weights of other distances in the picture are not compared."""
    pitches = {
        tuple(subject.net.receptive_field(family.layer).stride for family in (weights.source, weights.target))
        for subject, weights in zip(subjects, row, strict=True)
    }
    if len(pitches) > 1 or len({weights.kernels.shape[-1] % 2 for weights in row}) > 1:
        return "not compared: other strides"
    found = weight_similarity(*row)
    return f"similarity {found.cosine:.2f} ({found.chance:.2f})"


def _matrix(sheet: Sheet, left: float, top: float, subject: Subject, weights: FamilyWeights) -> None:
    axes = sheet.axes(left, top, SIDE, SIDE)
    picture, cell = _mosaic(weights.kernels.detach().cpu().double().numpy())
    largest = float(np.nanmax(np.abs(picture))) or 1.0
    axes.imshow(picture, cmap=SIGNED, vmin=-largest, vmax=largest, aspect="auto", interpolation="nearest")
    axes.set_title(f"{subject.name}, largest weight {largest:.2g}")
    _ticks(axes, "x", weights.source, cell)
    _ticks(axes, "y", weights.target, cell)
    bar = sheet.axes(left + SIDE + 0.08, top, 0.07, SIDE)
    bar.imshow(np.linspace(1, -1, 128)[:, None], cmap=SIGNED, aspect="auto", extent=(0, 1, -1, 1))
    bar.set(xticks=[])
    bar.yaxis.tick_right()
    bar.set_yticks([-1, 0, 1], ["−", "0", "+"])


def _mosaic(kernels: Array) -> tuple[Array, tuple[int, int]]:
    """All kernels, T x S x h x w, side by side with a line that is no number between them; and a cell's size in px."""
    targets, sources, rows, columns = kernels.shape
    # One place needs no line to tell it from the next.
    line = 1 if rows * columns > 1 else 0
    cells = np.full((targets, sources, rows + line, columns + line), np.nan)
    cells[..., :rows, :columns] = kernels
    cell = (rows + line, columns + line)
    whole: Array = cells.transpose(0, 2, 1, 3).reshape(targets * cell[0], sources * cell[1])
    return whole[: whole.shape[0] - line, : whole.shape[1] - line], cell


def _ticks(axes: Axes, axis: str, family: Family, cell: tuple[int, int]) -> None:
    """A few units, evenly spaced along the axis so that no label meets another, with their directions."""
    size = cell[1] if axis == "x" else cell[0]
    chosen = np.unique(np.linspace(0, len(family) - 1, min(TICKS, len(family))).round().astype(int))
    places = chosen * size + (size - 1) / 2 - (0.5 if size > 1 else 0)
    labels = [f"{round(family.directions[i]) % 360}°" for i in chosen]
    place = axes.set_xticks if axis == "x" else axes.set_yticks
    place(places, labels)
    name = f"{family.layer} {family.name}: direction, {len(family)} units"
    (axes.set_xlabel if axis == "x" else axes.set_ylabel)(name, color=MUTED, labelpad=2)


def _many(kind: str) -> str:
    return f"{kind}s"
