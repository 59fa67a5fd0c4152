"""Feature visualisations on a sheet: drawing them for a figure, and a sheet of nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits import Unit, Visualization, visualize
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet
from evals.gallery.subject import Subject
from evals.progress import counted
from evals.sweep import measure_scale
from evals.tuning import Array

__all__ = ["contact_sheet", "deviations", "how_drawn", "picture", "visualised"]

CELL, GAP, WORDS = 1.1, 0.14, 0.3
MARGIN = 0.4
MOST = 6
"""Pictures in a row."""


def visualised(setting: Setting, units: Sequence[Unit], pictures: int = 1) -> Visualization:
    """Feature visualisations of units of a figure's network, in its number of steps."""
    told = counted(setting.progress, f"steps of {len(units) * pictures} visualisations", setting.steps)
    return visualize(setting.subject.net, list(units), pictures=pictures, steps=setting.steps, progress=told)


def deviations(setting: Setting, found: Visualization, units: Sequence[Unit]) -> list[float]:
    """Activations of units in their own pictures, in standard deviations over the figure's images; in pictures' order.

    Args:
        setting: the figure's.
        found: the pictures.
        units: of one layer, one for each objective.
    """
    scale = measure_scale(setting.subject.net, units[0].layer, setting.images)
    each = len(found) // len(units)
    spread = scale.std[[unit.channel for unit in units]].repeat_interleave(each)
    return (found.values.clamp(min=0) / spread.clamp(min=1e-12)).tolist()


def picture(sheet: Sheet, left: float, top: float, size: float, found: Visualization, number: int) -> Axes:
    """One of the pictures, in a frame of `size` inches."""
    pixels: Array = found.images[number].permute(1, 2, 0).numpy()
    axes = sheet.axes(left, top, size, size)
    axes.imshow(pixels, interpolation="bilinear")
    axes.set(xticks=[], yticks=[])
    return axes


def how_drawn(found: Visualization) -> str:
    """The settings, for the line below a figure."""
    told: Any = found.provenance
    rows, columns = found.images.shape[-2:]
    disturbed = told["robustness"]
    return (
        f"feature visualisations: {told['steps']} steps of ascent on Fourier coefficients, {columns} x {rows} px, seed "
        f"{told['seed']}; moved by up to {disturbed['jitter']:.2g} px, scaled by {disturbed['scale']:.0%}, turned by "
        f"{disturbed['rotation']:g}°"
    )


def contact_sheet(subject: Subject, found: Visualization) -> Figure:
    """All pictures in rows, below each what it is to excite and how much it does.

    Several pictures of one objective have a row of their own.
    """
    from matplotlib import rc_context

    from evals.gallery.style import RC

    each = int(found.provenance["pictures"])
    columns = each if each > 1 else min(len(found), MOST)
    rows = math.ceil(len(found) / columns)
    with rc_context(RC):
        width = max(2 * MARGIN + columns * (CELL + GAP), 5.2)
        sheet = Sheet(width, rows * (CELL + GAP + WORDS), "Feature visualisations")
        for number, (what, value) in enumerate(zip(found.objectives, found.values.tolist(), strict=True)):
            row, column = divmod(number, columns)
            left, top = MARGIN + column * (CELL + GAP), row * (CELL + GAP + WORDS)
            picture(sheet, left, top, CELL, found, number)
            name = what if len(what) <= 16 else what[:15] + "…"
            sheet.text(left, top + CELL + 0.1, name, fontsize=7, color=INK)
            sheet.text(left, top + CELL + 0.23, f"{value:.4g}", fontsize=6.5, color=MUTED)
        sheet.caption((subject,), how_drawn(found), "numbers: the objective; of a unit, its pre-activation")
    return sheet.figure
