"""What the next layer makes of the curve family: which units read it most, what they detect, and what they lose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from circuits import Family, Unit, expanded_weights
from evals.ablation import Ablation, controls, mean_activity, next_layer
from evals.ablation_effects import LEAST, NextEffects, drawings, next_effects
from evals.families import find_families
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, RULE, Sheet, direction_colours
from evals.gallery.subject import Subject
from evals.stimuli import Curve
from evals.tuning import Array

__all__ = ["downstream"]

MOST = 10
"""Units that are shown."""

DRAWS, NEAREST = 4, 16
"""Sets of control units, and among how many each is drawn; as in the test `causal`."""

DIRECTIONS, RADII = 12, (0.2, 0.6)
KINDS = ("line", "curve", "double curve")

LEFT, LINE, ICON, TOP = 1.6, 0.72, 0.6, 0.42
WEIGHTS, RESPONSES = (2.75, 2.6), (6.0, 2.3)
"""From the left, and width, in inches."""


@dataclass(frozen=True, eq=False)
class _Reader:
    """A unit of the next layer: its weights to each member, the family's part of all, and what it detects."""

    unit: Unit
    kind: str
    weights: Array
    share: float


@plate(
    "downstream",
    "the next layer's units that read the curve family most: weights, what they detect, what they lose without it",
    "Curve Detectors and Curve Circuits, on what curves are used for",
)
def downstream(setting: Setting) -> Figure:
    """A row for each of the units that read the family most.

    Raises:
        CurvesError: the network has no curve family, or no layer behind it.
    """
    subject = setting.subject
    family = subject.family("curve", setting.images, setting.progress)
    layer = next_layer(subject.net, family.layer)
    kinds = _kinds(subject, layer, setting)
    activity = mean_activity(subject.net, family.layer, setting.images, setting.progress)
    drawn = controls(family, activity, DRAWS, 0, NEAREST)
    found = next_effects(
        subject.net, family.layer, layer, (), [Ablation.zero(each) for each in (family.channels, *drawn)],
        drawings(subject.net, layer, DIRECTIONS, RADII), setting.images, setting.progress,
    )  # fmt: skip
    readers = _readers(subject, family, layer, kinds, found.before.max(axis=0) >= LEAST)
    sheet = Sheet(9.0, TOP + len(readers) * LINE + 0.35, f"Who reads the curves of {family.layer} in {subject.name}")
    sheet.text(LEFT + 0.05, 0.1, "prefers", color=INK)
    sheet.text(WEIGHTS[0], 0.1, f"weights from the {len(family)} curves", color=INK)
    sheet.text(RESPONSES[0], 0.1, "its response, and without the curves", color=INK)
    best = max(float(found.before[:, reader.unit.channel].max()) for reader in readers) or 1.0
    for number, reader in enumerate(readers):
        top, last = TOP + number * LINE, number == len(readers) - 1
        _name(sheet, top, reader, found)
        _weights(sheet, top, family, reader, last=last)
        _responses(sheet, top, reader.unit.channel, found, best, last=last)
    sheet.caption(
        (subject,),
        f"units of {layer} that respond to drawings by {LEAST:g} standard deviations (others only if these are few), "
        f"in order of the family's part (percent) of all absolute weights from {family.layer}, layers between "
        "multiplied out",
        "weights: sums of the kernels, by the curve's direction, in its hue, to the row's largest",
        "prefers: of drawn curves, circles and lines, what excites the unit most; response to it in standard "
        f"deviations over {setting.images.name}",
        f"filled: intact, open: the family set to 0, crosses: {len(drawn)} times as many other units of like activity "
        "set to 0",
    )
    return sheet.figure


def _kinds(subject: Subject, layer: str, setting: Setting) -> dict[int, str]:
    """What units of a layer detect, by channel."""
    known = [family for family in subject.families or () if family.layer == layer]
    if not known:
        known = list(find_families(subject.net, layer, kinds=KINDS, images=setting.images, progress=setting.progress))
    return {channel: family.name for family in known for channel in family.channels}


def _readers(
    subject: Subject, family: Family, layer: str, kinds: dict[int, str], responds: NDArray[np.bool_]
) -> list[_Reader]:
    """Those that respond to what is drawn, by the family's part of their weights; then, if these are few, others."""
    kernels = expanded_weights(subject.net, family.layer, layer).detach().cpu().double().numpy()
    sizes = np.abs(kernels).sum(axis=(2, 3))
    whole = sizes.sum(axis=1)
    channels = list(family.channels)
    share = np.divide(sizes[:, channels].sum(axis=1), whole, out=np.zeros_like(whole), where=whole > 0)
    order = np.lexsort((-share, ~responds))[:MOST]
    return [
        _Reader(Unit(layer, int(i)), kinds.get(int(i), ""), kernels[i, channels].sum(axis=(1, 2)), float(share[i]))
        for i in order
    ]


def _name(sheet: Sheet, top: float, reader: _Reader, found: NextEffects) -> None:
    middle = top + ICON / 2
    sheet.text(0.35, middle - 0.14, str(reader.unit), fontweight="bold", fontsize=8.5)
    sheet.text(0.35, middle + 0.03, reader.kind or "of no kind known", color=INK if reader.kind else MUTED, fontsize=7)
    sheet.text(0.35, middle + 0.19, f"{reader.share:.0%} of its weights", color=MUTED, fontsize=7)
    if found.before[:, reader.unit.channel].max() > 0:
        sheet.picture(LEFT, top, ICON, ICON, _drawn(found.drawing(reader.unit.channel)))
    else:
        sheet.text(LEFT, middle, "silent", color=MUTED, fontsize=7)


def _weights(sheet: Sheet, top: float, family: Family, reader: _Reader, *, last: bool) -> None:
    axes = sheet.axes(WEIGHTS[0], top, WEIGHTS[1], ICON)
    directions, largest = np.asarray(family.directions), float(np.abs(reader.weights).max()) or 1.0
    axes.axhline(0, color=RULE, linewidth=0.8)
    axes.bar(directions, reader.weights, width=7, color=direction_colours(directions), edgecolor=INK, linewidth=0.3)
    axes.set(xlim=(-8, 368), ylim=(-1.1 * largest, 1.1 * largest), yticks=[])
    axes.set_xticks(range(0, 361, 90), [f"{angle}°" for angle in range(0, 361, 90)] if last else [])
    if last:
        axes.set_xlabel("the curve's direction")
    _open(axes)


def _responses(sheet: Sheet, top: float, channel: int, found: NextEffects, best: float, *, last: bool) -> None:
    axes = sheet.axes(RESPONSES[0], top, RESPONSES[1], ICON)
    radius = int(found.before[:, channel].argmax())
    before, (after, *others) = found.before[radius, channel], found.after[:, radius, channel]
    axes.axhline(0.5, color=RULE, linewidth=0.8, zorder=0)
    axes.plot([before, after], [0.5, 0.5], color=INK, linewidth=1.2)
    axes.plot(others, [0.5] * len(others), "x", color=MUTED, markersize=5, markeredgewidth=1)
    axes.plot(after, 0.5, "o", color=INK, markerfacecolor="white", markersize=6)
    axes.plot(before, 0.5, "o", color=INK, markersize=6)
    axes.set(xlim=(-0.03 * best, 1.06 * best), ylim=(0, 1), yticks=[])
    if last:
        axes.set_xlabel("response, standard deviations")
    else:
        axes.set_xticklabels([])
    _open(axes)


def _open(axes: object) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)  # type: ignore[attr-defined]


def _drawn(curve: Curve) -> Array:
    pixels: Array = curve.render().permute(1, 2, 0).double().numpy()
    return pixels
