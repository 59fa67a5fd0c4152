"""What is in a photograph, and what a unit is made of, in the words of a layer: units shown by what they like.

"Curve Circuits" takes the place of each earlier layer where a curve detector's expanded weights are largest, and asks
which units these weights are of; "The Building Blocks of Interpretability" (2018) does so for activations at a place of
a photograph.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Unit, expanded_weights, visualize
from circuits.images import ImageSet
from circuits.visualization import Direction, Excite
from evals.class_scores import batches_of_middles
from evals.gallery.contact import how_drawn, picture, visualised
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet, direction_colours
from evals.gallery.subject import STEPS, nearest_layer
from evals.gallery.words import ROW, WIDTH, Word, draw_row
from evals.likeness import merged
from evals.sweep import measure_scale
from evals.tuning import Array

__all__ = ["semantic_dictionary"]

PREFERRED = "coffee.png"
"""A photograph of scikit-image with round things; of other image sets, the first one is shown."""

PLACES, UNITS = 4, 5
SIDE = 224
LEFT, PHOTO, TARGET, LABELS = 0.4, 4.6, 2.4, 1.1
_LABEL = {"facecolor": "white", "pad": 1.5, "lw": 0}


@dataclass(frozen=True)
class _Place:
    """A place: first row and column of what is seen there, its loudest curve detector, and the units that fire most."""

    box: tuple[int, int]
    curve: int
    channels: tuple[int, ...]
    strengths: tuple[float, ...]


@plate(
    "semantic-dictionary",
    "places of a photograph, and a curve detector's weights, said in units that are shown by what they like",
    "Curve Circuits, the curve detector algorithm",
)
def semantic_dictionary(setting: Setting) -> Figure:
    """Above, a photograph and the places where curve detectors fire most; below, what the loudest of these is made of.

    Raises:
        CurvesError: the network has no curve family, or it is silent on the photograph.
    """
    net = setting.subject.net
    family = merged(setting.subject.bands("curve", setting.images, setting.progress))
    photograph, name = _photograph(setting.images)
    std = measure_scale(net, family.layer, setting.images).std
    with torch.inference_mode():
        maps = net.activations(photograph[None].to(net.device, net.dtype), [family.layer])[family.layer][0].cpu()
    heard = (maps.double() / torch.where(std > 0, std, torch.inf).double()[:, None, None]).numpy()
    field = net.receptive_field(family.layer)
    places = _places(heard, list(family.channels), field.size // 2 // field.stride, field.offset, field.stride)
    if not places:
        raise CurvesError(f"no curve detector of {setting.subject.name} fires on {name}; give other images")
    unit = Unit(family.layer, places[0].curve)
    weights = _weights(setting, unit)
    right = LEFT + PHOTO + LABELS
    sheet = Sheet(right + WIDTH + 0.3, (len(places) + len(weights)) * ROW + 0.75, "Semantic dictionary")
    frames = dict(zip(family.channels, direction_colours(family.directions, family.period), strict=True))
    axes = sheet.picture(LEFT, 0.3, PHOTO, PHOTO, photograph.permute(1, 2, 0).numpy())
    sheet.text(right, 0.1, f"units of {family.layer} that fire most, standard deviations", fontsize=8, color=MUTED)
    channels = sorted({channel for place in places for channel in place.channels})
    found = visualised(setting, [Unit(family.layer, channel) for channel in channels])
    strongest = max(place.strengths[0] for place in places)
    for number, place in enumerate(places):
        top, left = place.box
        edge = Rectangle((left - 0.5, top - 0.5), field.size, field.size, fill=False, edgecolor="white", linewidth=1.4)
        axes.add_patch(edge)
        middle = field.size / 2
        label: Any = {"color": INK, "fontsize": 8, "ha": "center", "va": "center", "bbox": _LABEL}
        axes.text(left + middle, top + middle, str(number + 1), **label)
        seen = photograph[:, top : top + field.size, left : left + field.size].permute(1, 2, 0).numpy()
        words = [
            Word(channel, channels.index(channel), strength, f"{strength:.1f}")
            for channel, strength in zip(place.channels, place.strengths, strict=True)
        ]
        draw_row(sheet, right, number * ROW + 0.3, str(number + 1), seen, words, found, strongest, frames)
    told = f"{name}, middle {SIDE} px; {family.layer} of {setting.subject.name}"
    sheet.text(LEFT, PHOTO + 0.45, told, fontsize=7, color=MUTED)
    _made_of(setting, sheet, unit, weights, len(places) * ROW + 0.45)
    sheet.caption(
        (setting.subject,),
        "places: where curve detectors fire most, half a field apart or more; each box is what a unit sees there",
        f"standard deviations over {setting.images.name}; coloured frames: curve detectors, by direction",
        "weights: layers between multiplied out, at the place where they are largest; vermilion excites, blue inhibits",
        how_drawn(found),
    )
    return sheet.figure


def _made_of(setting: Setting, sheet: Sheet, unit: Unit, weights: dict[str, Tensor], top: float) -> None:
    """A row for each earlier layer: the weights where they are largest, and the units that they are of."""
    right, left = LEFT + PHOTO + LABELS, LEFT + (PHOTO - TARGET) / 2
    picture(sheet, left, top + 0.3, TARGET, visualised(setting, [unit]), 0)
    told = f"{unit}, the curve detector that fires most at 1"
    sheet.text(LEFT + PHOTO / 2, top + TARGET + 0.45, told, ha="center", fontsize=8, color=INK)
    sheet.text(right, top + 0.1, f"units with the largest weights to {unit}", fontsize=8, color=MUTED)
    for number, (layer, kernels) in enumerate(weights.items()):
        row, column = np.unravel_index(int(kernels.norm(dim=0).argmax()), kernels.shape[1:])
        vector = kernels[:, row, column]
        most = torch.argsort(vector.abs(), descending=True, stable=True)[:UNITS].tolist()
        wanted = [Direction(layer, vector), *(Excite(Unit(layer, channel)) for channel in most)]
        found = visualize(setting.subject.net, wanted, steps=setting.steps)
        words = [
            Word(channel, 1 + n, float(vector[channel]), f"{float(vector[channel]):+.2g}".replace("-", "−"))
            for n, channel in enumerate(most)
        ]
        tile = found.images[0].permute(1, 2, 0).numpy()
        largest = float(vector.abs().max()) or 1.0
        draw_row(sheet, right, top + 0.3 + number * ROW, layer, tile, words, found, largest, {})
        if setting.progress:
            setting.progress(f"weights of {unit}", number + 1, len(weights))


def _weights(setting: Setting, unit: Unit) -> dict[str, Tensor]:
    """Expanded weights, C x h x w, of those layers on the way to curves that this network has, the nearest first."""
    found: dict[str, Tensor] = {}
    for kind in reversed(list(STEPS)[:-1]):
        with suppress(CurvesError):  # it has no such layer before the unit's
            layer = nearest_layer(setting.subject.net, kind)
            kernels = expanded_weights(setting.subject.net, layer, unit).detach().cpu()
            if kernels.any():
                found[layer] = kernels
    return found


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
        curve = curves[int(here[curves].argmax())]
        found.append(_Place(box, curve, tuple(channels), tuple(float(here[channel]) for channel in channels)))
        rows, columns = np.indices(best.shape)
        best = np.where((abs(rows - row) <= apart) & (abs(columns - column) <= apart), 0, best)
    return found
