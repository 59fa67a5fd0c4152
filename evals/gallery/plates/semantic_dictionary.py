"""A few places of a photograph in the layer's own words: the units that fire most there, shown by what they like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Unit
from circuits.images import ImageSet
from evals.class_scores import batches_of_middles
from evals.gallery.contact import how_drawn, picture, visualised
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, RULE, Sheet, direction_colours
from evals.likeness import merged
from evals.sweep import measure_scale
from evals.tuning import Array

__all__ = ["semantic_dictionary"]

PREFERRED = "coffee.png"
"""A photograph of scikit-image with round things; of other image sets, the first one is shown."""

PLACES, UNITS = 4, 5
SIDE = 224
PHOTO, PATCH, CELL, GAP, ROW = 4.6, 1.0, 0.84, 0.16, 1.56
BAR = 0.09
_LABEL = {"facecolor": "white", "pad": 1.5, "lw": 0}


@dataclass(frozen=True)
class _Place:
    """A place of the map: its row and column, the box of the picture seen there, and the units that fire most."""

    box: tuple[int, int]
    channels: tuple[int, ...]
    strengths: tuple[float, ...]


@plate(
    "semantic-dictionary",
    "a photograph, and at a few places the units that fire most, each shown by its feature visualisation",
    "Curve Detectors, semantic dictionaries",
)
def semantic_dictionary(setting: Setting) -> Figure:
    """Left the photograph; right a row for each place where curve detectors fire most.

    Raises:
        CurvesError: the network has no curve family, or it is silent on the photograph.
    """
    net = setting.subject.net
    family = merged(setting.subject.bands("curve", setting.images, setting.progress))
    photograph, name = _photograph(setting.images)
    std = measure_scale(net, family.layer, setting.images).std
    with torch.inference_mode():
        maps = net.activations(photograph[None].to(net.device, net.dtype), [family.layer])[family.layer][0].cpu()
    heard = maps.double() / torch.where(std > 0, std, torch.inf).double()[:, None, None]
    field = net.receptive_field(family.layer)
    places = _places(heard.numpy(), list(family.channels), field.size // 2 // field.stride, field.offset, field.stride)
    if not places:
        raise CurvesError(f"no curve detector of {setting.subject.name} fires on {name}; give other images")
    channels = sorted({channel for place in places for channel in place.channels})
    found = visualised(setting, [Unit(family.layer, channel) for channel in channels])
    wide = UNITS * (CELL + GAP)
    sheet = Sheet(0.4 + PHOTO + 0.35 + PATCH + 0.25 + wide + 0.3, max(PLACES * ROW, PHOTO + 0.3), "Semantic dictionary")
    axes = sheet.picture(0.4, 0.1, PHOTO, PHOTO, photograph.permute(1, 2, 0).numpy())
    strongest = max(place.strengths[0] for place in places)
    colours = dict(zip(family.channels, direction_colours(family.directions, family.period), strict=True))
    for number, place in enumerate(places):
        top, left = place.box
        edge = Rectangle((left - 0.5, top - 0.5), field.size, field.size, fill=False, edgecolor="white", linewidth=1.4)
        axes.add_patch(edge)
        middle = field.size / 2
        label: Any = {"color": INK, "fontsize": 8, "ha": "center", "va": "center", "bbox": _LABEL}
        axes.text(left + middle, top + middle, str(number + 1), **label)
        down, right = number * ROW + 0.1, 0.4 + PHOTO + 0.35
        seen = photograph[:, max(top, 0) : top + field.size, max(left, 0) : left + field.size]
        sheet.picture(right, down, PATCH, PATCH, seen.permute(1, 2, 0).numpy())
        sheet.text(right - 0.08, down + PATCH / 2, str(number + 1), ha="right", fontsize=9, fontweight="bold")
        for column, (channel, strength) in enumerate(zip(place.channels, place.strengths, strict=True)):
            x = right + PATCH + 0.25 + column * (CELL + GAP)
            framed = picture(sheet, x, down, CELL, found, channels.index(channel))
            if channel in colours:
                framed.spines[:].set(color=colours[channel], linewidth=2)
            _bar(sheet, x, down + CELL + 0.07, strength / strongest)
            sheet.text(x, down + CELL + 0.27, f"{channel}: {strength:.1f} SD", fontsize=7, color=INK)
    told = f"{name}, middle {SIDE} px; {family.layer} of {setting.subject.name}"
    sheet.text(0.4, PHOTO + 0.25, told, fontsize=7, color=MUTED)
    sheet.caption(
        (setting.subject,),
        "places: where curve detectors fire most, half a field apart or more; each box is what a unit sees there",
        f"unit: activation in standard deviations over {setting.images.name}; coloured frames: curve detectors",
        how_drawn(found),
    )
    return sheet.figure


def _bar(sheet: Sheet, left: float, top: float, share: float) -> None:
    axes = sheet.axes(left, top, CELL, BAR)
    axes.barh([0], [share], height=1, color=INK)
    axes.set(xlim=(0, 1), ylim=(-0.5, 0.5), xticks=[], yticks=[])
    axes.spines[:].set(color=RULE)


def _photograph(images: ImageSet) -> tuple[Tensor, str]:
    preferred = [path for path in images.paths if path.name == PREFERRED]
    path = (preferred or list(images.paths))[0]
    (middles,) = batches_of_middles(replace(images, paths=(path,)), SIDE)
    return middles[0], path.name


def _places(heard: NDArray[np.float64], curves: list[int], apart: int, offset: int, stride: int) -> list[_Place]:
    """Places where curve detectors fire most, more than `apart` units from each other along an axis."""
    best: Array = heard[curves].max(axis=0)
    # What hangs over the edge of the photograph is no patch to show.
    inside = np.ones_like(best, dtype=bool)
    first = -(-max(-offset, 0) // stride)
    inside[first : best.shape[0] - first, first : best.shape[1] - first] = False
    best = np.where(inside, 0, best)
    found: list[_Place] = []
    while len(found) < PLACES and best.max() > 0:
        row, column = np.unravel_index(int(best.argmax()), best.shape)
        here = heard[:, row, column]
        channels = [int(channel) for channel in np.argsort(-here, kind="stable")[:UNITS] if here[channel] > 0]
        box = (offset + stride * int(row), offset + stride * int(column))
        found.append(_Place(box, tuple(channels), tuple(float(here[channel]) for channel in channels)))
        rows, columns = np.indices(best.shape)
        best = np.where((abs(rows - row) <= apart) & (abs(columns - column) <= apart), 0, best)
    return found
