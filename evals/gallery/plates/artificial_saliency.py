"""Where in photographs and drawings natural and hand-built families fire, and for which direction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from circuits import Family, Member
from circuits.images import ImageSet
from evals.class_scores import batches_of_middles
from evals.gallery.pixels import Firing, firing
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet, wheel
from evals.gallery.subject import Subject
from evals.stimuli import Curve, render_curves
from evals.tuning import Array

__all__ = ["artificial_saliency"]

PREFERRED = ("coffee.png", "astronaut.png", "motorcycle_left.png")
"""Photographs of scikit-image with round things at several sizes; of other image sets, the first ones are shown."""

SIDE = 224
LEFT, CELL, GAP = 1.5, 1.55, 0.1
PERCENTILE = 99  # of the pixels; beyond it colours are full


@plate(
    "artificial-saliency",
    "where natural and hand-built curve families fire on photographs and drawings, coloured by direction",
    "Curve Circuits, the artificial artificial neural network",
    compares=True,
)
def artificial_saliency(setting: Setting) -> Figure:
    """A column for each picture; below it, for each network, the directions found and the gradient to the pixels.

    Raises:
        CurvesError: a network has no curve family.
    """
    pictures = [*_photographs(setting.images), _circle(), _spiral()]
    rows = [(subject, _all_bands(subject, setting)) for subject in setting.subjects]
    sheet = Sheet(
        LEFT + len(pictures) * (CELL + GAP) + 1.3, (1 + 2 * len(rows)) * (CELL + GAP), "Where curve families fire"
    )
    _words(sheet, 0, "picture", "")
    for column, picture in enumerate(pictures):
        _place(sheet, 0, column, picture.permute(1, 2, 0).numpy())
    for number, (subject, family) in enumerate(rows):
        found = []
        for picture in pictures:
            found.append(firing(subject.net, family, picture, setting.images))
            if setting.progress:
                setting.progress(f"{subject.name} looks at pictures", len(found), len(pictures))
        _rows(sheet, 1 + 2 * number, subject, family, found)
    side = sheet.width - 1.25
    wheel(sheet, side, CELL + GAP, 1.05)
    sheet.text(side + 0.525, CELL + GAP + 1.2, "direction:\nto the centre", color=MUTED, ha="center", va="top")
    sheet.caption(
        setting.subjects,
        "direction: at each pixel, the unit centred there that fires most, in standard deviations over "
        f"{setting.images.name}, white: none",
        "gradient: of the sum of the family's squared activations, size over the three colours",
        f"full colour is the {PERCENTILE:g}th percentile, of a row of directions or of one gradient",
    )
    return sheet.figure


def _all_bands(subject: Subject, setting: Setting) -> Family:
    """The curves of all radii as one family."""
    bands = subject.bands("curve", setting.images, setting.progress)
    members: list[Member] = [member for band in bands for member in band]
    return replace(bands[0], members=tuple(members))


def _rows(sheet: Sheet, row: int, subject: Subject, family: Family, found: list[Firing]) -> None:
    strongest = _high(np.stack([each.strength for each in found]))
    _words(sheet, row, subject.name, f"{family.layer}, {len(family)} units:\ndirection\nup to {strongest:.1f} SD")
    _words(sheet, row + 1, subject.name, "gradient\nto the pixels")
    for column, each in enumerate(found):
        _place(sheet, row, column, each.coloured(strongest))
        _place(sheet, row + 1, column, _grey(each.saliency))


def _grey(saliency: Array) -> Array:
    """From white for none to black, in three channels."""
    share = np.clip(saliency / _high(saliency), 0, 1)
    return np.repeat(1 - share[..., None], 3, axis=2)


def _high(values: Array) -> float:
    return float(np.percentile(values, PERCENTILE)) or 1.0


def _words(sheet: Sheet, row: int, name: str, more: str) -> None:
    top = row * (CELL + GAP) + CELL / 2
    lines = 1 + more.count("\n") if more else 0
    sheet.text(LEFT - 0.12, top - 0.075 * lines, name, ha="right", fontsize=7.5, fontweight="bold", color=INK)
    if more:
        sheet.text(LEFT - 0.12, top - 0.075 * lines + 0.1, more, ha="right", va="top", fontsize=7, color=MUTED)


def _place(sheet: Sheet, row: int, column: int, pixels: Array) -> None:
    sheet.picture(LEFT + column * (CELL + GAP), row * (CELL + GAP), CELL, CELL, pixels)


def _photographs(images: ImageSet) -> list[Tensor]:
    preferred = tuple(path for name in PREFERRED for path in images.paths if path.name == name)
    chosen = preferred if len(preferred) == len(PREFERRED) else images.paths[: len(PREFERRED)]
    middles = next(batches_of_middles(replace(images, paths=chosen), SIDE))
    return list(middles[: len(PREFERRED)])  # of tar files there may be more


def _circle() -> Tensor:
    return Curve(radius=60, max_angle=360, position=(-60, 0), size=SIDE).render()


def _spiral() -> Tensor:
    """Half circles, one after another, each wider than the last by the same."""
    arcs, end = [], np.zeros(2)
    for number in range(5):
        upward = number % 2 == 0
        radius = 15.0 + 17.0 * number
        # The half circle begins at `end`, goes over the top or the bottom, and ends on the other side of its centre.
        centre = end + np.array([radius if upward else -radius, 0.0])
        middle = centre + np.array([0.0, radius if upward else -radius])
        arcs.append(Curve(direction=270 if upward else 90, radius=radius, position=tuple(middle), size=SIDE))
        end = centre + np.array([radius if upward else -radius, 0.0])
    shift = np.mean([arc.position for arc in arcs], axis=0)
    arcs = [replace(arc, position=tuple(np.asarray(arc.position) - shift)) for arc in arcs]
    drawn: Tensor = torch.amax(render_curves(arcs), dim=0)
    return drawn
