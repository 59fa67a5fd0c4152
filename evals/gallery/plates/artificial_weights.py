"""The weights between families, ordered by direction: hand-built beside learned, with how alike they are."""

from __future__ import annotations

from matplotlib.figure import Figure

from circuits import FamilyWeights, family_weights, weight_similarity
from evals.gallery.kernels import KEY, matrix
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, Sheet
from evals.gallery.subject import Subject

__all__ = ["artificial_weights"]

PAIRS = (("early curve", "curve"), ("line", "early curve"), ("complex Gabor", "line"))
"""Source and target."""

LEFT, SIDE, WIDE, ROW = 0.95, 3.2, 4.3, 4.2


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
    remarks = [f"{KEY}; full colour: the matrix's largest weight"]
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
    largest = float(weights.kernels.abs().max())
    matrix(sheet, left, top, SIDE, SIDE, weights, f"{subject.name}, largest weight {largest:.2g}")


def _many(kind: str) -> str:
    return f"{kind}s"
