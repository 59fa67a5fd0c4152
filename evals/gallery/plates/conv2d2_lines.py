"""The first lines: how each is built from the layer before, its tuning, and the weights from them to curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from circuits import Family, FamilyWeights, Unit, expanded_weights, family_weights
from circuits.graph.colors import NEGATIVE, POSITIVE
from evals.gallery.board import Board
from evals.gallery.icons import feature_icon, unit_icon
from evals.gallery.kernels import KEY, angle, matrix, member_icons, percent
from evals.gallery.layered import evenly, families_by_layer, shares
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, RULE, Sheet
from evals.gallery.subject import Subject
from evals.oriented import ORIENTATIONS
from evals.portrait import Portrait
from evals.tuning import Array

__all__ = ["conv2d2_lines"]

MOST = 12
"""Lines that have a column."""

EXCITING, INHIBITING = 3, 2
"""Units of the layer before that are shown for each."""

LEFT, COLUMN, ICON, KERNEL, ROW = 1.5, 1.0, 0.38, 0.46, 0.62
TUNING = 0.62
CELL = 0.46


@plate(
    "conv2d2-lines",
    "the first line family: what each unit is built from, its tuning, and its kernels to curves",
    "Curve Circuits, lines in conv2d2",
)
def conv2d2_lines(setting: Setting) -> Figure:
    """Above, a column for each line; below, all kernels from these lines to curves.

    Raises:
        CurvesError: the network lacks lines or curves, or nothing lies between lines and the image.
    """
    subject = setting.subject
    lines, curves = (subject.family(kind, setting.images, setting.progress) for kind in ("line", "curve"))
    curves = replace(curves, members=tuple(curves.members[i] for i in evenly(len(curves), MOST)))
    weights = family_weights(subject.net, lines, curves)
    chosen = evenly(len(lines), MOST)
    built = 0.4 + ICON + 0.2 + TUNING + 0.4 + ROW * (EXCITING + INHIBITING) + 0.35
    cell = min(CELL, (COLUMN * MOST - 0.5) / len(lines))
    sheet = Sheet(LEFT + COLUMN * MOST + 0.35, built + 0.5 + cell * len(curves) + 0.6, f"The lines of {lines.layer}")
    board = Board(sheet)
    _built(sheet, board, setting, lines, chosen)
    _to_curves(sheet, board, weights, built, cell)
    sheet.caption(
        setting.subjects,
        f"{KEY}; full colour: the line's largest weight, below the curve's",
        "tuning, from 0 to the best: response to straight lines of the better polarity at the best offset",
        "pictures: what a unit of that kind and direction is for; of no kind: the weights with which it reads the "
        "image, grey for 0",
        "exciting and inhibiting: by the sum of the kernel; layers between multiplied out",
        "percent: of all absolute weights from that layer, mean over these lines; other: units of no family",
    )
    return sheet.figure


def _built(sheet: Sheet, board: Board, setting: Setting, lines: Family, chosen: list[int]) -> None:
    subject = setting.subject
    found = families_by_layer(subject, setting.images, setting.progress, before=lines.layer)
    layer = list(found)[-1]
    kernels = expanded_weights(subject.net, layer, [lines.units[i] for i in chosen]).detach().cpu().double().numpy()
    spread = shares(subject.net, [lines.units[i] for i in chosen], layer, found[layer])
    tuning = Portrait(subject.net, lines.layer, setting.images, setting.progress).line_tuning
    parts = [f"{name} {percent(mean)}" for name, mean in zip(spread.names, spread.mean, strict=True) if mean]
    sheet.text(0.35, 0, f"built from {layer}: {', '.join(parts)}", fontsize=9, fontweight="bold")
    tops = [0.3, 0.3 + ICON + 0.2]
    rows = tops[1] + TUNING + 0.32
    for words, top in (("line", tops[0] + ICON / 2), ("tuning", tops[1] + TUNING / 2)):
        sheet.text(0.35, top, words)
    for words, colour, first, count in (
        ("excite it\nmost", POSITIVE, 0, EXCITING),
        ("inhibit it\nmost", NEGATIVE, EXCITING, INHIBITING),
    ):
        sheet.text(0.35, rows + ROW * (first + count / 2) - 0.08, words, color=colour)
    for column, (place, own) in enumerate(zip(chosen, kernels, strict=True)):
        left = LEFT + COLUMN * column
        unit = lines.units[place]
        board.picture(left, tops[0], ICON, feature_icon(lines.name, lines.directions[place]), frame=INK)
        told = f":{unit.channel}\n{angle(lines.directions[place], lines.period)}"
        sheet.text(left + ICON + 0.06, tops[0] + ICON / 2, told, fontsize=6.5, color=MUTED)
        _tuning(sheet, left, tops[1], tuning[unit.channel], lines.directions[place])
        _sources(sheet, board, left, rows, subject, own, layer, found[layer])


def _tuning(sheet: Sheet, left: float, top: float, responses: Array, direction: float) -> None:
    axes = sheet.axes(left, top, COLUMN - 0.16, TUNING)
    best = float(responses.max()) or 1.0
    axes.plot([*ORIENTATIONS, 180], np.append(responses, responses[0]) / best, color=INK, linewidth=1.1)
    axes.axvline(direction, color=RULE, linewidth=0.7, linestyle=":")
    axes.set(xlim=(0, 180), ylim=(0, 1.05), xticks=[0, 90, 180], yticks=[])
    axes.set_xticklabels(["0°", "90°", ""], fontsize=5.5)
    axes.tick_params(length=1.5, pad=1)
    axes.spines[["top", "right"]].set_visible(False)


def _sources(
    sheet: Sheet, board: Board, left: float, top: float, subject: Subject, kernels: Array, layer: str,
    families: tuple[Family, ...],
) -> None:  # fmt: skip
    """Units of the layer before, strongest first: their pictures and kernels below each other."""
    balance = kernels.sum(axis=(1, 2))
    order = np.argsort(-balance, kind="stable")
    shown = [*order[:EXCITING], *order[::-1][:INHIBITING]]
    largest = float(np.abs(kernels[shown]).max()) or 1.0
    signs = [1] * EXCITING + [-1] * INHIBITING
    for row, (channel, sign) in enumerate(zip(map(int, shown), signs, strict=True)):
        if sign * balance[channel] <= 0:
            continue
        unit = Unit(layer, channel)
        family = next((family for family in families if unit in family.units), None)
        down = top + ROW * row
        board.picture(left, down, ICON, unit_icon(subject.net, unit, family))
        board.kernel(left + ICON + 0.03, down, KERNEL, kernels[channel], largest)
        words = f":{channel}"
        if family:
            words += f" {angle(family.directions[family.units.index(unit)], family.period)}"
        sheet.text(left, down + ICON + 0.07, words, fontsize=5, color=MUTED)


def _to_curves(sheet: Sheet, board: Board, weights: FamilyWeights, top: float, cell: float) -> None:
    told = f"{weights.source.layer} {weights.source.name}s → {weights.target.layer} {weights.target.name}s"
    sheet.text(0.35, top, told, fontsize=9, fontweight="bold")
    width, height = (cell * len(family) for family in (weights.source, weights.target))
    matrix(sheet, LEFT, top + 0.5, width, height, weights, by_target=True, key=False)
    member_icons(board, weights.source, LEFT, top + 0.2, width, "x", 0.26)
    member_icons(board, weights.target, top + 0.5, LEFT + width + 0.05, height, "y", 0.26)
