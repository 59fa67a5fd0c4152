"""All that one curve unit is made of: family by family, its kernels from the units that it reads most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from circuits import Family, Unit, expanded_weights
from evals.gallery.board import Board
from evals.gallery.icons import feature_icon, unit_icon
from evals.gallery.kernels import KEY, angle, counted, percent
from evals.gallery.layered import OTHER, exemplar, families_by_layer
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, RULE, Sheet
from evals.gallery.subject import Subject
from evals.tuning import Array

__all__ = ["circuit_weights"]

MOST = 5
"""Units of a family that are shown on either side."""

LEFT, ICON, KERNEL, PAIR, LINE, GAP, HEAD = 1.75, 0.38, 0.54, 1.06, 0.72, 0.2, 0.95


@dataclass(frozen=True, eq=False)
class _Group:
    """A family, or a layer's units of none, as the curve sees it."""

    layer: str
    name: str
    channels: tuple[int, ...]
    family: Family | None
    kernels: Array
    share: float

    def strongest(self, sign: int) -> list[int]:
        """Places of the units that excite (1) or inhibit (-1) most on balance, strongest first."""
        balance = sign * self.kernels.sum(axis=(1, 2))
        return [int(i) for i in np.argsort(-balance, kind="stable")[:MOST] if balance[i] > 0]


@plate(
    "circuit-weights",
    "all kernels that lead to one curve unit: the strongest of each family of each layer",
    "Curve Circuits, the curve detector algorithm",
)
def circuit_weights(setting: Setting) -> Figure:
    """A row for each family of each layer before the curve: units that excite it on the left, inhibit on the right.

    Raises:
        CurvesError: the network has no curve family.
    """
    subject = setting.subject
    curves = subject.family("curve", setting.images, setting.progress)
    place = exemplar(curves)
    target = curves.units[place]
    groups = _groups(setting, target)
    width = LEFT + 2 * MOST * PAIR + GAP + 0.35
    sheet = Sheet(width, HEAD + LINE * len(groups), "What one curve unit is made of")
    board = Board(sheet)
    board.picture(0.35, 0.0, 0.6, feature_icon("curve", curves.directions[place]), frame=INK, width=1.6)
    sheet.text(1.08, 0.2, f"{target}, curve of {angle(curves.directions[place])}", fontsize=9, fontweight="bold")
    sheet.text(1.08, 0.4, "percent: of all absolute weights from that layer", color=MUTED)
    for side, words in enumerate(("excite it most", "inhibit it most")):
        sheet.text(_left(side), HEAD - 0.16, words, fontweight="bold")
    for number, group in enumerate(groups):
        _row(sheet, board, subject, group, HEAD + LINE * number)
    sheet.caption(
        setting.subjects,
        f"{KEY}; full colour: the row's largest weight; layers between multiplied out",
        "pictures: what a unit of that kind and direction is for; where it reads the image itself, or is of no kind, "
        "the weights with which it reads the image, grey for 0",
        "the unit: of the family the one that curves excite most, or of a built family that of 45°",
        "families are those found by what units do, or known by construction; a ray shows the direction of other kinds",
    )
    return sheet.figure


def _groups(setting: Setting, target: Unit) -> list[_Group]:
    subject = setting.subject
    order = list(subject.net.layers)
    found = families_by_layer(subject, setting.images, setting.progress, before=target.layer)
    groups = []
    for layer, families in found.items():
        kernels = expanded_weights(subject.net, layer, target).detach().cpu().double().numpy()
        whole = float(np.abs(kernels).sum()) or 1.0
        rest = set(range(len(kernels))) - {channel for family in families for channel in family.channels}
        named = [(family.name, family.channels, family) for family in families]
        for name, channels, family in [*named, (OTHER, tuple(sorted(rest)), None)]:
            own = kernels[list(channels)]
            if own.any():
                groups.append(_Group(layer, name, channels, family, own, float(np.abs(own).sum()) / whole))
    return sorted(groups, key=lambda group: order.index(group.layer))


def _row(sheet: Sheet, board: Board, subject: Subject, group: _Group, top: float) -> None:
    sheet.text(0.35, top + 0.14, group.layer, fontweight="bold")
    sheet.text(0.35, top + 0.3, group.name)
    sheet.text(0.35, top + 0.46, f"{counted(len(group.channels))} · {percent(group.share)}", color=MUTED, fontsize=7)
    kept = [group.strongest(sign) for sign in (1, -1)]
    largest = max((float(np.abs(group.kernels[i]).max()) for side in kept for i in side), default=1.0)
    for side, places in enumerate(kept):
        for column, place in enumerate(places):
            left = _left(side) + PAIR * column
            unit = Unit(group.layer, group.channels[place])
            board.picture(left, top + 0.04, ICON, unit_icon(subject.net, unit, group.family))
            board.kernel(left + ICON + 0.08, top, KERNEL, group.kernels[place], largest, frame=RULE)
            words = f":{group.channels[place]}"
            if group.family:
                words += f" {angle(group.family.directions[place], group.family.period)}"
            sheet.text(left, top + ICON + 0.12, words, fontsize=5.5, color=MUTED)


def _left(side: int) -> float:
    return LEFT + side * (MOST * PAIR + GAP)
