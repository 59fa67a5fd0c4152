"""What curves make in the layer after: circles, spirals, S-shapes, double curves, and units of no kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from circuits import CurvesError, Family, Unit, expanded_weights
from circuits.angles import difference
from evals.gallery.board import Board
from evals.gallery.composition import FEW, composition
from evals.gallery.icons import feature_icon
from evals.gallery.kernels import KEY, angle, percent
from evals.gallery.layered import OTHER, evenly, families_by_layer, shares, stations
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, Sheet
from evals.tuning import Array

__all__ = ["family_4a"]

EACH, REST = 2, 4
"""Units of each family, and of none, that have a row."""

AROUND = tuple(float(angle) for angle in range(0, 360, 45))
"""Degrees: of the curves whose kernels are shown."""

LEFT, PICTURE, KERNEL, COLUMN, ROW, TOP, ICON = 1.55, 1.0, 0.78, 0.86, 1.12, 0.85, 0.38


@dataclass(frozen=True, eq=False)
class _Shown:
    """A unit of 4a.

    Attributes:
        unit: which.
        kind: of its family, or `OTHER`.
        direction: in words, where it has one.
        share: of its absolute weights from the curves' layer, those from curves.
    """

    unit: Unit
    kind: str
    direction: str
    share: float


@plate(
    "family-4a",
    "units of the layer after curves, with their kernels from curves by direction",
    "Curve Circuits, downstream",
)
def family_4a(setting: Setting) -> Figure:
    """A row for each unit: what excites it where, and its kernels from eight curves around the circle.

    Raises:
        CurvesError: the network has no curves, or no layer with a larger field behind them.
    """
    subject = setting.subject
    curves = subject.family("curve", setting.images, setting.progress)
    layer = stations(subject.net)[-1]
    order = list(subject.net.layers)
    if order.index(layer) <= order.index(curves.layer):
        raise CurvesError(f"{subject.name} has no layer behind the curves of {curves.layer}; show another network")
    read = families_by_layer(subject, setting.images, setting.progress, kinds=["curve"], only=curves.layer)[
        curves.layer
    ]
    families = families_by_layer(subject, setting.images, setting.progress, only=layer)[layer]
    rows = _rows(setting, layer, families, read)
    turns = np.abs(difference(np.array(AROUND)[:, None], curves.directions))
    sources = [int(place) for place in turns.argmin(axis=1)]
    width = LEFT + PICTURE + 0.35 + COLUMN * len(AROUND) + 0.3
    sheet = Sheet(width, TOP + ROW * len(rows) + 0.15, f"What curves make in {layer}")
    board = Board(sheet)
    sheet.text(LEFT, TOP - 0.14, "what curves excite it where", fontsize=7)
    sheet.text(0.35, 0.0, f"kernels from {curves.layer} curves", fontsize=9, fontweight="bold")
    for column, place in enumerate(sources):
        left = _left(column)
        board.picture(left, 0.22, ICON, feature_icon(curves.name, curves.directions[place]))
        told = f":{curves.channels[place]}\n{angle(curves.directions[place])}"
        sheet.text(left + ICON + 0.05, 0.22 + ICON / 2, told, fontsize=6, color=MUTED)
    kernels = expanded_weights(subject.net, curves.layer, [row.unit for row in rows]).detach().cpu().double().numpy()
    for number, (row, own) in enumerate(zip(rows, kernels, strict=True)):
        _row(sheet, board, TOP + ROW * number, row, own, read, [curves.channels[place] for place in sources])
    sheet.caption(
        setting.subjects,
        f"{KEY}; full colour: the unit's largest weight from these curves; layers between multiplied out",
        f"rows: {EACH} units of each family at most, and of units of no family that read more than one place the "
        f"{REST} with the largest share of weights from curves",
        f"percent: that share of all absolute weights from {curves.layer}",
        f"pictures: at each place the {curves.layer} curve with the largest positive weight, of all that there are",
        "families are found by what units do, or known by construction; columns: the curve nearest to each 45°",
    )
    return sheet.figure


def _rows(setting: Setting, layer: str, families: tuple[Family, ...], read: tuple[Family, ...]) -> list[_Shown]:
    net = setting.subject.net
    units = net.units(layer)
    spread = shares(net, units, read[0].layer, read)
    of_curves = spread.of_unit[:, :-1].sum(axis=1)
    rows = []
    for family in families:
        for place in evenly(len(family), EACH):
            unit = family.units[place]
            told = angle(family.directions[place], family.period) if len(family) > 1 else ""
            rows.append(_Shown(unit, family.name, told, float(of_curves[unit.channel])))
    named = {unit for family in families for unit in family.units}
    # Units of a 1x1 branch read all curves in one place, which makes no shape.
    reach = (expanded_weights(net, read[0].layer, units) != 0).any(dim=1).flatten(1).sum(dim=1).tolist()
    rest = [unit for unit, places in zip(units, reach, strict=True) if unit not in named and places > min(reach)]
    rest.sort(key=lambda unit: (-of_curves[unit.channel], unit))
    rows += [_Shown(unit, OTHER, "", float(of_curves[unit.channel])) for unit in rest[:REST]]
    if not any(row.share for row in rows):
        raise CurvesError(f"no unit of {layer} of {setting.subject.name} reads curves; show another network")
    return rows


def _row(
    sheet: Sheet, board: Board, top: float, row: _Shown, own: Array, read: tuple[Family, ...], channels: list[int]
) -> None:
    sheet.text(0.35, top + 0.28, row.kind if row.kind != OTHER else "no family", fontweight="bold")
    sheet.text(0.35, top + 0.45, f"{row.unit} {row.direction}")
    sheet.text(0.35, top + 0.62, f"{percent(row.share)} from curves", color=MUTED, fontsize=7)
    board.picture(LEFT, top, PICTURE, composition(own, read, FEW))
    largest = float(np.abs(own[channels]).max()) or 1.0
    for column, channel in enumerate(channels):
        board.kernel(_left(column), top + (PICTURE - KERNEL) / 2, KERNEL, own[channel], largest)


def _left(column: int) -> float:
    return LEFT + PICTURE + 0.35 + COLUMN * column
