"""Families of kindred kinds, one row for each layer and kind: what each unit answers to, by direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from circuits import CurvesError, Family
from evals.gallery.board import Board
from evals.gallery.icons import feature_icon
from evals.gallery.kernels import counted
from evals.gallery.layered import evenly, families_by_layer
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, STRENGTH, Sheet
from evals.gallery.tuning_plots import aligned, around
from evals.portrait import Portrait
from evals.tuning import Array

__all__ = ["Stimulus", "layer_rows"]

ROW, ICON, ICONS = 2.15, 0.3, 10
MAP = 5.05


@dataclass(frozen=True)
class Stimulus:
    """What units are shown.

    Attributes:
        name: such as `curve`.
        directions: degrees, evenly over one period.
        period: degrees.
        tuning: from a layer's portrait the responses, units x directions.
    """

    name: str
    directions: tuple[float, ...]
    period: float
    tuning: Callable[[Portrait], Array]


def layer_rows(setting: Setting, kinds: Sequence[str], stimulus: Stimulus, title: str, *remarks: str) -> Figure:
    """Draw all families of some kinds, from the first layer on.

    Args:
        setting: the network and the images.
        kinds: names of families.
        stimulus: what they are shown.
        title: of the figure.
        remarks: for its caption.

    Raises:
        CurvesError: the network has no such family.
    """
    subject = setting.subject
    found = families_by_layer(subject, setting.images, setting.progress, kinds=kinds)
    rows = [family for families in found.values() for family in families]
    if not rows:
        raise CurvesError(
            f"{subject.name} has no {' and no '.join(kinds)}, which this figure shows; try another network"
        )
    sheet = Sheet(10.4, ROW * len(rows) + 0.15, title)
    board = Board(sheet)
    heard = {}
    for number, family in enumerate(rows):
        if family.layer not in heard:
            portrait = Portrait(subject.net, family.layer, setting.images, setting.progress)
            heard[family.layer] = stimulus.tuning(portrait)
        tuning = heard[family.layer][list(family.channels)]
        field = subject.net.receptive_field(family.layer).size
        _row(sheet, board, ROW * number, family, field, tuning, stimulus, last=number == len(rows) - 1)
    sheet.caption(
        setting.subjects,
        *remarks,
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}; colour: the unit's direction",
        "right: each unit's responses as shares of its best, in order of direction",
    )
    return sheet.figure


def _row(
    sheet: Sheet, board: Board, top: float, family: Family, field: int, tuning: Array, stimulus: Stimulus, *, last: bool
) -> None:
    told = f"{family.layer} {family.name}s: {counted(len(family))}"
    sheet.text(0.35, top, told, fontsize=9, fontweight="bold")
    sheet.text(MAP, top, f"field {field} px · best response {float(tuning.max()):.1f} SD", color=MUTED)
    places = evenly(len(family), ICONS)
    for number, place in enumerate(places):
        board.picture(
            0.35 + (ICON + 0.05) * number, top + 0.13, ICON, feature_icon(family.name, family.directions[place])
        )
    down = top + 0.66
    shown = (stimulus.directions, tuning, family.directions, stimulus.period)
    around(sheet.axes(0.62, down, 1.15, 1.15, projection="polar"), *shown)
    turned = sheet.axes(2.55, down, 1.75, 1.15)
    aligned(turned, *shown)
    turned.set_ylabel("share of best", labelpad=2)
    axes = sheet.axes(MAP, top + 0.13, 5.0, 1.62)
    _map(axes, stimulus, tuning, family.directions)
    if last:
        turned.set_xlabel("from the unit's direction", labelpad=1)
        axes.set_xlabel(f"{stimulus.name}'s direction", labelpad=1)


def _map(axes: Axes, stimulus: Stimulus, tuning: Array, preferred: ArrayLike) -> None:
    best = tuning.max(axis=1, keepdims=True)
    shares = np.divide(tuning, best, out=np.zeros_like(tuning), where=best > 0)
    step = stimulus.period / len(stimulus.directions)
    edges = (*np.asarray(stimulus.directions) - step / 2, stimulus.directions[-1] + step / 2)
    axes.pcolormesh(
        edges, np.arange(len(shares) + 1), shares, cmap=STRENGTH, vmin=0, vmax=1, rasterized=True, linewidth=0
    )
    along = (np.asarray(preferred) + step / 2) % stimulus.period - step / 2
    axes.plot(along, np.arange(len(shares)) + 0.5, "|", color="#d55e00", markersize=3.2, markeredgewidth=0.9)
    ticks = np.arange(0, stimulus.period, stimulus.period / 4)
    axes.set(xlim=(edges[0], edges[-1]), ylim=(len(shares), 0), xticks=ticks, yticks=[])
    axes.set_xticklabels([f"{tick:g}°" for tick in ticks])
    axes.set_ylabel("units", labelpad=2)
