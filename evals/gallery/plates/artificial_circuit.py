"""The circuit of one curve unit, layer by layer: feature, weights, feature; natural beside hand-built."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from circuits import Family, Unit
from circuits.graph.colors import NEGATIVE, POSITIVE
from evals.gallery.chain import Part, Step, chain
from evals.gallery.icons import feature_icon, image_kernel, kernel_icon
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, RULE, Sheet
from evals.gallery.subject import Subject
from evals.tuning import Array

__all__ = ["artificial_circuit"]

DIRECTION = 45.0
"""Degrees: of the curve whose circuit is shown."""

MOST = 6
"""Units of a layer that are shown."""

LEFT, COLUMN, LINE, ICON, KERNEL = 0.45, 2.35, 0.68, 0.46, 0.46
TOP = 0.72
NAMES = {"filter": "filters of the image", "complex Gabor": "complex Gabors", "line": "lines",
         "early curve": "early curves"}  # fmt: skip


@plate(
    "artificial-circuit",
    "the circuit of one curve unit from the first layer on: feature, weights, feature",
    "Curve Circuits, the artificial artificial neural network",
    compares=True,
)
def artificial_circuit(setting: Setting) -> Figure:
    """A row for each network; in each layer the units that the next one's followed unit reads most.

    Raises:
        CurvesError: a network lacks one of the families, or one does not read the one before.
    """
    rows = [
        (subject, *chain(subject, DIRECTION, MOST, setting.images, setting.progress)) for subject in setting.subjects
    ]
    height = TOP + MOST * LINE + 0.2
    width = LEFT + max(len(steps) for *_, steps in rows) * COLUMN + 1.2
    sheet = Sheet(width, height * len(rows), "From the image to a curve")
    for number, (subject, family, target, steps) in enumerate(rows):
        _row(sheet, height * number, subject, family, target, steps)
    sheet.caption(
        setting.subjects,
        f"in each layer the {MOST} units of the family with the largest weights to the framed unit of the next, "
        "exciting and inhibiting, in order of direction",
        "kernels: blue inhibits, vermilion excites, white is 0, full at the layer's largest; layers between multiplied "
        "out",
        "percent: the family's part of all absolute weights from its layer",
    )
    return sheet.figure


def _row(sheet: Sheet, top: float, subject: Subject, family: Family, target: Unit, steps: tuple[Step, ...]) -> None:
    sheet.text(LEFT - 0.1, top, subject.name, fontsize=9, fontweight="bold")
    middle = top + TOP + MOST * LINE / 2
    for column, step in enumerate(steps):
        left = LEFT + COLUMN * column
        last = column == len(steps) - 1
        reached = middle if last else top + TOP + LINE * (steps[column + 1].followed + 0.5)
        _step(sheet, left, top, subject, step, (left + COLUMN, reached))
    left = LEFT + COLUMN * len(steps)
    direction = family.directions[family.units.index(target)]
    sheet.text(left + ICON / 2, top + 0.27, "curve", ha="center")
    sheet.text(left + ICON / 2, top + 0.44, family.layer, ha="center", color=MUTED, fontsize=7)
    _icon(sheet, left, middle, feature_icon("curve", direction), framed=True)
    _label(sheet, left, middle, target, direction)


def _step(sheet: Sheet, left: float, top: float, subject: Subject, step: Step, reached: tuple[float, float]) -> None:
    share = "" if step.kind == "filter" else f" · {step.share:.0%}"
    sheet.text(left, top + 0.27, NAMES[step.kind])
    sheet.text(left, top + 0.44, f"{step.layer}{share}", color=MUTED, fontsize=7)
    largest = max(float(np.abs(part.kernel).max()) for part in step.parts) or 1.0
    strongest = max(abs(part.value) for part in step.parts) or 1.0
    for number, part in enumerate(step.parts):
        middle = top + TOP + LINE * (number + 0.5)
        picture = _picture(subject, step, part)
        _icon(sheet, left, middle, picture, framed=number == step.followed and step.kind != "filter")
        _label(sheet, left, middle, part.unit, part.direction)
        _icon(sheet, left + 1.02, middle, kernel_icon(part.kernel, largest), framed=False, size=KERNEL)
        start = left + 1.02 + KERNEL + 0.04
        _thread(sheet, (start, middle), (reached[0] - 0.06, reached[1]), part.value / strongest)


def _picture(subject: Subject, step: Step, part: Part) -> Array:
    if part.direction is None:
        return image_kernel(subject.net, str(part.unit))
    return feature_icon(step.kind, part.direction)


def _icon(sheet: Sheet, left: float, middle: float, pixels: Array, *, framed: bool, size: float = ICON) -> None:
    axes = sheet.picture(left, middle - size / 2 - 0.05, size, size, pixels)
    for spine in axes.spines.values():
        spine.set(edgecolor=INK if framed else RULE, linewidth=2 if framed else 0.6)


def _label(sheet: Sheet, left: float, middle: float, unit: Unit, direction: float | None) -> None:
    angle = "" if direction is None else f"{round(direction) % 360}°"
    sheet.text(left + ICON + 0.06, middle - 0.12, f":{unit.channel}", fontsize=7, color=MUTED)
    if angle:
        sheet.text(left + ICON + 0.06, middle + 0.03, angle, fontsize=7, color=INK)


def _thread(sheet: Sheet, start: tuple[float, float], end: tuple[float, float], value: float) -> None:
    """A line from a kernel to the unit that it leads to: colour by sign, width by size (-1..1)."""
    half = (end[0] - start[0]) / 2
    (x0, y0), (x1, y1) = ((x, y - 0.05) for x, y in (start, end))
    controls = [(x0, y0), (x0 + half, y0), (x1 - half, y1), (x1, y1)]
    colour = POSITIVE if value > 0 else NEGATIVE
    sheet.curve(controls, color=colour, linewidth=0.4 + 2.2 * abs(value), alpha=0.7)
