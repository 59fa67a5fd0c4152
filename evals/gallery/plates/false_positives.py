"""Crops that excite a curve detector although people say that there is no curve, and which pixels did it."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray

from circuits import CurvesError
from circuits.precision import arithmetic
from evals.dataset.strata import crops, cut
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
    size, stride, offset = (sample.field[name] for name in ("size", "stride", "offset"))
    wanted = {crop.picture for crop in found}
    pictures = {p.name: p.scaled(sample.short_side) for p in setting.images.pictures() if p.name in wanted}
    causes = []
    for number, crop in enumerate(found, start=1):
        picture = pictures[crop.picture].to(net.device, net.dtype)[None].requires_grad_()
        with torch.enable_grad(), arithmetic(net.precision):
            maps = net.activations(picture, [sample.unit.layer], pre=True)[sample.unit.layer]
            (gradient,) = torch.autograd.grad(maps[0, sample.unit.channel, crop.row, crop.column], picture)
        top, left = (offset + stride * at for at in (crop.row, crop.column))
        one, other = (cut(each[0].detach().cpu().float(), top, left, size, 0.0) for each in (picture, gradient))
        amount = gaussian_filter(np.abs(((one - one.mean(axis=(0, 1))) * other).sum(axis=2)), BLUR)
        share = np.clip(amount / (float(np.percentile(amount, 99)) or 1.0), 0, 1)
        causes.append(np.repeat(1 - share[..., None], 3, axis=2))
        if setting.progress:
            setting.progress("gradients", number, len(found))
    return causes
