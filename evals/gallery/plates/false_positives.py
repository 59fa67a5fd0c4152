"""Crops that excite a curve detector although people say that there is no curve, and which pixels did it."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from circuits import CurvesError
from circuits.attribution import attribution
from circuits.regions import INPUT
from evals.dataset.strata import crops, cut, pictures_of
from evals.gallery.natural import own_labels
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, Sheet
from evals.human.labels import NAMES
from evals.human.reading import Labelled
from evals.human.sample import LabelCrop

__all__ = ["false_positives"]

MOST, ACROSS = 12, 4
LEFT, TILE, GAP, LINE = 0.35, 0.85, 0.28, 0.3
BLUR = 1.5
"""px: neighbouring pixels' gradients differ in sign and size, which says nothing."""

UNRELATED = NAMES.index("unrelated")


@plate(
    "false-positives",
    "crops that excite a curve detector and that people call unrelated to curves, and the pixels that excite it",
    "Curve Detectors, human comparison",
    labelled=True,
)
def false_positives(setting: Setting) -> Figure:
    """Draw the most exciting crops that most of their labellers called unrelated.

    Raises:
        CurvesError: the labels are of another network, or there is no such crop.
    """
    labelled = own_labels(setting)
    assert labelled is not None  # of a figure of labels
    sample, found = labelled.sample, _exciting(labelled)
    seen = crops(sample, setting.images, [sample.example(crop) for crop in found])
    causes = _causes(setting, labelled, found)
    rows = -(-len(found) // ACROSS)
    width = max(LEFT * 2 + ACROSS * (2 * TILE + GAP) - GAP, 7.0)
    sheet = Sheet(width, rows * (TILE + LINE), f"{sample.unit} fires, and people see no curve")
    for number, (crop, pixels, cause) in enumerate(zip(found, seen, causes, strict=True)):
        left = LEFT + number % ACROSS * (2 * TILE + GAP)
        top = number // ACROSS * (TILE + LINE)
        sheet.picture(left, top, TILE, TILE, pixels)
        sheet.picture(left + TILE, top, TILE, TILE, cause)
        sheet.text(left + TILE, top + TILE + 0.09, f"{crop.value:.1f} SD", ha="center", fontsize=6.5, color=MUTED)
    sheet.caption(
        (setting.subject,),
        f"{sample.images['name']}: crops that most of {', '.join(labelled.labellers)} called unrelated, the most "
        "exciting first, with the pre-activation in standard deviations",
        "beside each: size of the unit’s gradient to the pixels times their distance from the mean colour, smoothed",
    )
    return sheet.figure


def _exciting(labelled: Labelled) -> list[LabelCrop]:
    most = labelled.counts.sum(axis=1) < 2 * labelled.counts[:, UNRELATED]
    kept = [crop for crop, unrelated in zip(labelled.sample.crops, most, strict=True) if unrelated and crop.value > 0]
    if not kept:
        raise CurvesError(
            f"no labelled crop excites {labelled.sample.unit} and was called unrelated, so there is no false positive "
            f"to show; label more crops"
        )
    return sorted(kept, key=lambda crop: -crop.value)[:MOST]


def _causes(setting: Setting, labelled: Labelled, found: list[LabelCrop]) -> list[NDArray[np.float64]]:
    """For each crop the size of gradient times difference from the mean colour, dark where it is large."""
    from scipy.ndimage import gaussian_filter

    net, sample = setting.subject.net, labelled.sample
    causes: dict[int, NDArray[np.float64]] = {}
    for number, pixels, corner in pictures_of(sample, setting.images, [sample.example(crop) for crop in found]):
        picture = pixels[None].to(net.device, net.dtype)
        place = (found[number].row, found[number].column)
        gradient = attribution(net, sample.unit, INPUT, images=picture, place=place, method="gradient").tensor[0]
        one, other = (cut(each.cpu().double(), corner, sample.field["size"], 0.0) for each in (pixels, gradient))
        amount = gaussian_filter(((one - one.mean((1, 2), keepdim=True)) * other).sum(0).abs().numpy(), BLUR)
        share = np.clip(amount / (float(np.percentile(amount, 99)) or 1.0), 0, 1)
        causes[number] = np.repeat(1 - share[..., None], 3, axis=2)
        if setting.progress:
            setting.progress("gradients", len(causes), len(found))
    return [causes[number] for number in range(len(found))]
