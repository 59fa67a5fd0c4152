"""Robustness to cosmetic changes, family by family on the way to curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import evals.harness
from circuits import CurvesError, Family
from evals.battery.cosmetic import Cosmetic
from evals.gallery.icons import feature_icon
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, STRENGTH, Sheet
from evals.gallery.subject import STEPS
from evals.scorecard import Scorecard
from evals.tuning import Array
from evals.undefined import over
from evals.variants import VARIANTS

__all__ = ["cosmetic_neurons"]

SHOWN = (
    "fill", "polarity", "colour", "hue", "bright", "contrast", "thin", "thick", "texture_inside", "texture_outside",
    "blur", "noise",
)  # fmt: skip
OVERLAID = {"polarity": "#d55e00", "hue": "#009e73", "contrast": "#56b4e9", "texture_outside": "#cc79a7"}
"""Looks whose tuning curves are drawn beside that of the white line, which is black."""

LEFT, CURVE, CELL, ROW, TOP = 1.55, 2.7, 0.52, 1.3, 1.0


@dataclass(frozen=True, eq=False)
class _Step:
    kind: str
    family: Family
    card: Scorecard


@plate(
    "cosmetic-neurons",
    "how families on the way to curves ignore fill, colour, contrast, texture, blur and noise",
    "Curve Circuits, cosmetic neurons",
)
def cosmetic_neurons(setting: Setting) -> Figure:
    """A row for each family: one unit's tuning in several looks, and each look's likeness to the white line.

    Raises:
        CurvesError: the network has none of the families.
    """
    steps = _steps(setting)
    matrix = LEFT + CURVE + 0.55
    size = matrix + CELL * len(SHOWN) + 0.4, TOP + ROW * len(steps) + 0.2
    sheet = Sheet(*size, "Families that ignore cosmetic changes")
    sheet.text(LEFT, 0.02, "one unit: response by direction, of its largest", fontweight="bold")
    sheet.text(matrix, 0.02, "correlation with the white line, mean over units", fontweight="bold")
    for number, name in enumerate(SHOWN):
        left = matrix + CELL * number
        sheet.picture(left + 0.04, TOP - 0.5, CELL - 0.08, CELL - 0.08, _picture(name))
        colour = OVERLAID.get(name, INK)
        words = name.replace("_", "\n")
        sheet.text(left + CELL / 2, TOP - 0.66, words, ha="center", fontsize=6.5, color=colour)
    for row, step in enumerate(steps):
        top = TOP + ROW * row
        sheet.picture(0.4, top + 0.1, 0.62, 0.62, feature_icon(step.kind, 45))
        sheet.text(0.4, top + 0.86, f"{step.kind}\n{step.family.layer}: {len(step.family)}", fontsize=7, va="top")
        _overlaid(sheet.axes(LEFT, top + 0.1, CURVE, ROW - 0.45), step, last=row == len(steps) - 1)
        for number, name in enumerate(SHOWN):
            _cell(sheet, matrix + CELL * number, top + 0.1, step.card.scores[f"cosmetic.{name}"])
    looks = "; ".join(f"{name.replace('_', ' ')}: {VARIANTS[name].about}" for name in OVERLAID)
    sheet.caption(
        setting.subjects,
        "black: white lines on black; the coloured curves are those of the looks in that colour",
        f"all see the same curves, {len(_TEST.directions)} directions x {len(_TEST.radii)} radii, in its own field",
        looks,
    )
    return sheet.figure


_TEST = Cosmetic(radii=(30.0, 70.0))


def _steps(setting: Setting) -> list[_Step]:
    """The families that there are, the card of each made once."""
    steps, refused = [], ""
    for kind in STEPS:
        try:
            family = setting.subject.family(kind, setting.images, setting.progress)
        except CurvesError as error:
            refused = str(error)
            continue
        card = evals.harness.run(
            setting.subject.net, family, [_TEST], images=setting.images, draws=0, progress=setting.progress
        )
        steps.append(_Step(kind, family, card))
    if not steps:
        raise CurvesError(f"{setting.subject.name} has none of {', '.join(STEPS)}: {refused}")
    return steps


def _picture(name: str) -> Array:
    """A curve in this look, as the test shows it."""
    grid = Cosmetic(directions=(45.0,), radii=(45.0,)).stimuli(91, VARIANTS[name])
    pixels: Array = next(iter(grid.batches(1)))[0].permute(1, 2, 0).double().numpy()
    return pixels


def _overlaid(axes: Axes, step: _Step, last: bool) -> None:
    """Responses by direction, averaged over radii, of the unit of median likeness, in some looks."""
    directions = [*step.card.data["cosmetic.directions"], 360]
    base = step.card.data["cosmetic.base"].mean(axis=2)
    unit = _typical(step, base)
    if unit is not None:
        largest = max(float(_curve(step, name, unit).max()) for name in ("base", *OVERLAID))
        for name, colour in ({"base": INK} | OVERLAID).items():
            curve = _curve(step, name, unit) / largest
            axes.plot(directions, [*curve, curve[0]], color=colour, linewidth=1.8 if name == "base" else 1.1)
        axes.set_title(str(step.family.units[unit]), fontsize=7, pad=2)
    axes.set(xlim=(0, 360), ylim=(0, 1.08), xticks=range(0, 361, 90), yticks=[0, 1])
    axes.set_xticklabels(["0°", "90°", "180°", "270°", "360°"] if last else [])
    axes.spines[["top", "right"]].set_visible(False)


def _curve(step: _Step, name: str, unit: int) -> Array:
    curve: Array = step.card.data[f"cosmetic.{name}"][unit].mean(axis=1).astype(float)
    return curve


def _typical(step: _Step, base: Array) -> int | None:
    """The unit whose mean likeness over the looks is the median of all that respond."""
    alike = {}
    for place, unit in enumerate(step.family.units):
        own: Sequence[float | None] = [step.card.scores[f"cosmetic.{unit}.{name}"] for name in SHOWN]
        if base[place].max() > 0 and (mean := over(np.mean, own)) is not None:
            alike[place] = mean
    ranked = sorted(alike, key=lambda place: (alike[place], place))
    return ranked[len(ranked) // 2] if ranked else None


def _cell(sheet: Sheet, left: float, top: float, value: float | None) -> None:
    """A number on its colour."""
    share = 0.0 if value is None or math.isnan(value) else min(max(value, 0.0), 1.0)
    height = ROW - 0.45
    axes = sheet.picture(left + 0.02, top, CELL - 0.04, height, np.full((1, 1, 3), STRENGTH(0.75 * share)[:3]))
    words = "–" if value is None else f"{value:.2f}".replace("-", "−")
    axes.text(0, 0, words, ha="center", va="center", fontsize=7, color="white" if share > 0.6 else INK)
