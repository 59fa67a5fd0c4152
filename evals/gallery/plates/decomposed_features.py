"""Curves taken apart: what a curve unit wants to see where, and which families its weights come from."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from circuits import CurvesError, Family, expanded_weights
from evals.gallery.board import Board
from evals.gallery.composition import composition
from evals.gallery.icons import feature_icon
from evals.gallery.kernels import angle, counted, percent
from evals.gallery.layered import Shares, evenly, exemplar, families_by_layer, family_colours, shares
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet

__all__ = ["decomposed_features"]

MOST = 24
"""Curves that have a bar."""

LEFT, COLUMN, SIDE, BARS, WORDS = 0.75, 2.85, 2.45, 1.2, 0.17
STEPS_LEFT, STEP = 2.3, 0.3


@plate(
    "decomposed-features",
    "a curve unit drawn from what excites it in each layer, and the share of weights from each family",
    "Curve Circuits, the curve detector algorithm",
)
def decomposed_features(setting: Setting) -> Figure:
    """A column for each layer before the curves: picture, shares of all curves; below, what each family is built from.

    Raises:
        CurvesError: the network has no curve family, or no layer before it has a family.
    """
    subject = setting.subject
    curves = subject.family("curve", setting.images, setting.progress)
    found = families_by_layer(subject, setting.images, setting.progress, before=curves.layer)
    layers = [layer for layer, families in found.items() if families]
    if not layers:
        raise CurvesError(f"no layer before {curves.layer} of {subject.name} has a family; show another network")
    units = [curves.units[i] for i in evenly(len(curves), MOST)]
    spread = {layer: shares(subject.net, units, layer, found[layer]) for layer in layers}
    colours = family_colours(found)
    lines = max(int((one.mean > 0).sum()) for one in spread.values())
    steps = _steps(setting, found, curves)
    below = 0.65 + SIDE + 0.45 + BARS + 0.35 + WORDS * lines + 0.35
    width = max(LEFT + COLUMN * len(layers) + 0.1, 8.0)
    sheet = Sheet(width, below + 0.3 + STEP * len(steps) + 0.25, "Curves taken apart")
    place = exemplar(curves)
    board = Board(sheet)
    board.picture(0.35, -0.1, 0.5, feature_icon("curve", curves.directions[place]), frame=INK, width=1.6)
    told = f"{curves.units[place]}, curve of {angle(curves.directions[place])}: what excites it where"
    sheet.text(0.97, 0.15, told, fontsize=9, fontweight="bold")
    sheet.text(0.35, 0.8 + SIDE, f"where the weights of {curves.layer} curves come from", fontsize=9, fontweight="bold")
    for column, layer in enumerate(layers):
        left = LEFT + COLUMN * column
        sheet.text(left, 0.53, layer, fontweight="bold")
        kernels = expanded_weights(subject.net, layer, curves.units[place]).detach().cpu().double().numpy()
        board.picture(left, 0.65, SIDE, composition(kernels, found[layer]))
        _bars(sheet, left, 0.65 + SIDE + 0.4, spread[layer], colours, first=column == 0)
    sheet.text(0.35, below, "what each family is built from in the layer before", fontsize=9, fontweight="bold")
    _built(sheet, below + 0.25, steps, colours)
    sheet.caption(
        setting.subjects,
        "pictures: at each place the icon of the unit of a family with the largest positive weight, darkest where it "
        "is largest of all; layers between multiplied out, fine kernels summed in squares",
        f"bars: {len(units)} curves in order of direction; share of the absolute weights from that layer; other: units "
        "of no family; in brackets the share of the layer's units",
        "families are found by what units do, or known by construction",
    )
    return sheet.figure


def _steps(setting: Setting, found: dict[str, tuple[Family, ...]], curves: Family) -> list[tuple[str, Shares]]:
    """For each family behind the first layer, and last for curves, the shares of the layer before it."""
    steps = []
    names = list(found)
    for before, layer in zip(names, [*names[1:], curves.layer], strict=True):
        for family in found.get(layer, (curves,)):
            told = f"{layer} {family.name}, {counted(len(family))}"
            steps.append((told, shares(setting.subject.net, family.units, before, found[before])))
    return steps


def _bars(sheet: Sheet, left: float, top: float, spread: Shares, colours: dict[str, str], *, first: bool) -> None:
    axes = sheet.axes(left, top, SIDE, BARS)
    base = np.zeros(len(spread.of_unit))
    for name, values in zip(spread.names, 100 * spread.of_unit.T, strict=True):
        axes.bar(np.arange(len(base)), values, bottom=base, color=colours[name], width=0.86, linewidth=0)
        base += values
    axes.set(xlim=(-0.6, len(base) - 0.4), ylim=(0, 100), xticks=[], yticks=[0, 50, 100])
    axes.set_yticklabels(["0%", "50%", "100%"] if first else [])
    axes.set_xlabel("curves by direction", labelpad=3)
    axes.spines[["top", "right"]].set_visible(False)
    units = sum(spread.counts)
    every = zip(spread.names, spread.mean, spread.counts, strict=True)
    for row, (name, mean, count) in enumerate(one for one in every if one[1] > 0):
        down = top + BARS + 0.32 + WORDS * row
        sheet.text(left, down, "■", color=colours[name])
        sheet.text(left + 0.16, down, f"{name} {percent(mean)} ({percent(count / units)})")


def _built(sheet: Sheet, top: float, steps: list[tuple[str, Shares]], colours: dict[str, str]) -> None:
    width = sheet.width - STEPS_LEFT - 0.35
    axes = sheet.axes(STEPS_LEFT, top, width, STEP * len(steps))
    for row, (words, spread) in enumerate(steps):
        sheet.text(0.35, top + STEP * (row + 0.5), words)
        start = 0.0
        for name, mean in zip(spread.names, 100 * spread.mean, strict=True):
            axes.barh(row, mean, left=start, color=colours[name], height=0.72, linewidth=0)
            start += mean
        told = [f"{name} {percent(mean)}" for name, mean in zip(spread.names, spread.mean, strict=True) if mean]
        label = f"{spread.layer}: {', '.join(told)}"
        axes.text(0.7, row, label, va="center", fontsize=6.5, color=INK, bbox={
            "facecolor": "white", "alpha": 0.82, "linewidth": 0, "pad": 1.2})  # fmt: skip
    axes.set(xlim=(0, 100), ylim=(len(steps) - 0.5, -0.5), yticks=[], xticks=[0, 25, 50, 75, 100])
    axes.set_xticklabels(["0%", "25%", "50%", "75%", "100%"], color=MUTED)
    axes.spines[["top", "right", "left"]].set_visible(False)
