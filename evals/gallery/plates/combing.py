"""Combing: what small lines across a curve do, in the weights and measured on drawings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import evals.harness
from circuits import Family, FamilyWeights, family_weights
from evals.battery.combing import Combing
from evals.combs import Comb
from evals.gallery.board import Board
from evals.gallery.composition import composition
from evals.gallery.icons import feature_icon
from evals.gallery.kernels import KEY, kernels
from evals.gallery.layered import evenly
from evals.gallery.registry import plate
from evals.gallery.relative import Relative, label
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, RULE, Sheet, direction_colours
from evals.scorecard import Scorecard
from evals.stimuli import Curve
from evals.tuning import Array

__all__ = ["combing"]

MOST = 6
"""Curves that are measured, evenly over the family."""

SHOWN = 5
"""Curves whose kernels are shown."""

NEAR = 30.0
"""Degrees from the tangent, or from its perpendicular, up to which lines count as along or across."""

KINDS = {
    "curve": "the plain curve",
    "ticks": "ticks alone",
    "combed": "curve with ticks",
    "dashes": "dashes along it",
}

LEFT, PICTURE, COLUMN, DOTS = 1.55, 1.05, 1.75, 1.9


@plate(
    "combing",
    "kernels from lines along and across curves to them, and responses to curves with ticks across",
    "Curve Circuits, 3a line families",
)
def combing(setting: Setting) -> Figure:
    """Above, what lines along and across excite where; below, responses to drawn combs.

    Raises:
        CurvesError: the network lacks lines or curves, or one does not read the other.
    """
    subject = setting.subject
    lines, curves = (subject.family(kind, setting.images, setting.progress) for kind in ("line", "curve"))
    found = Relative(family_weights(subject.net, lines, curves), zero=90)
    chosen = replace(curves, members=tuple(curves.members[i] for i in evenly(len(curves), MOST)))
    test = Combing()
    card = evals.harness.run(subject.net, chosen, [test], images=setting.images, draws=0, progress=setting.progress)
    below = 0.9 + 3 * (PICTURE + 0.12) + 0.35
    sheet = Sheet(LEFT + COLUMN * SHOWN + 0.2, below + 0.4 + PICTURE + DOTS + 0.85, "Combing: lines across a curve")
    told = f"{lines.layer} {lines.name}s → {curves.layer} {curves.name}s"
    sheet.text(0.35, 0, told, fontsize=9, fontweight="bold")
    _kernels(sheet, found)
    sheet.text(0.35, below, f"responses of {len(chosen)} curves to drawings", fontsize=9, fontweight="bold")
    _responses(sheet, below + 0.2, setting, chosen, test, card)
    sheet.caption(
        setting.subjects,
        f"along, across: lines within {NEAR:.0f}° of the tangent in the arc's middle, or of its perpendicular; "
        "pictures: at each place the line with the largest positive weight, darkest where it is largest for that curve",
        f"{KEY}: sum over all lines across, full at each curve's largest; layers between multiplied out",
        "drawings: each curve's own direction; shares are averaged over polarities, lengths and spacings of ticks, and "
        "radii at which the plain curve does at least half as well as at best; bars: means",
    )
    return sheet.figure


def _kernels(sheet: Sheet, found: Relative) -> None:
    board = Board(sheet)
    weights: FamilyWeights = found.weights
    every = kernels(weights)
    places = evenly(len(weights.target), SHOWN)
    away = np.abs(found.turns)
    across = [every[t][away[t] >= 90 - NEAR].sum(axis=0) for t in places]
    for words, row in (("what lines along\nexcite it where", 0), ("what lines across\nexcite it where", 1),
                       ("all lines across", 2)):  # fmt: skip
        sheet.text(0.35, 0.9 + (PICTURE + 0.12) * row + PICTURE / 2, words)
    for column, (t, kernel) in enumerate(zip(places, across, strict=True)):
        left, icon = LEFT + COLUMN * column, 0.46
        board.picture(left, 0.24, icon, feature_icon(weights.target.name, weights.target.directions[t]), frame=INK)
        label(sheet, left + icon + 0.32, 0.24 + icon / 2, weights.target, t)
        strongest = float(every[t].max(initial=0)) or 1.0
        for row, near in enumerate((away[t] <= NEAR, away[t] >= 90 - NEAR)):
            pixels = _composed(every[t], weights.source, near, strongest)
            board.picture(left, 0.9 + (PICTURE + 0.12) * row, PICTURE, pixels)
        board.kernel(left, 0.9 + (PICTURE + 0.12) * 2, PICTURE, kernel, float(np.abs(kernel).max()) or 1.0)


def _composed(own: Array, source: Family, near: Array, strongest: float) -> Array:
    """The picture of some of the lines, white if none excites."""
    kept = np.where(near[:, None, None], own, 0)
    if kept.max(initial=0) <= 0:
        return np.ones((1, 1, 3))
    numbered = replace(source, members=tuple(
        replace(member, unit=replace(member.unit, channel=number)) for number, member in enumerate(source)
    ))  # fmt: skip
    drawn = composition(kept, [numbered])
    faded: Array = 1 - (1 - drawn) * float(kept.max()) / strongest
    return faded


def _responses(sheet: Sheet, top: float, setting: Setting, family: Family, test: Combing, card: Scorecard) -> None:
    field = setting.subject.net.receptive_field(family.layer).size
    radius = test.radii[len(test.radii) // 2]
    plain = replace(test.base, size=field, direction=90.0, radius=radius)
    length, spacing = test.tick_lengths[-1], test.spacings[-1]
    drawn: dict[str, Curve | Comb] = {
        "curve": plain,
        "ticks": Comb(plain, length, spacing),
        "combed": Comb(plain, length, spacing, with_curve=True),
        "dashes": Comb(plain, length, spacing, tick_angle=0.0),
    }
    axes = sheet.axes(LEFT, top + PICTURE + 0.4, COLUMN * len(KINDS), DOTS)
    for number, (kind, words) in enumerate(KINDS.items()):
        left = LEFT + COLUMN * (number + 0.5) - PICTURE / 2
        sheet.picture(left, top, PICTURE, PICTURE, drawn[kind].render().permute(1, 2, 0).numpy())
        sheet.text(left + PICTURE / 2, top + PICTURE + 0.14, words, ha="center")
        known = "1" if kind == "curve" else f"{kind}_over_curve"
        shares = [1.0 if known == "1" else card.scores[f"combing.{unit}.{known}"] for unit in family.units]
        _dots(axes, number, shares, family)
    axes.axhline(1, color=RULE, linewidth=0.6)
    axes.set(xlim=(-0.5, len(KINDS) - 0.5), xticks=[], ylim=(-0.04, None))
    axes.set_ylabel("over that to the plain curve", labelpad=2)
    axes.spines[["top", "right"]].set_visible(False)
    on_ticks, ink = (card.scores[f"combing.{name}"] for name in ("excitation_on_ticks", "ink_on_ticks"))
    told = "" if on_ticks is None or ink is None else f"of the curve with ticks, {on_ticks:.0%} of the positive "
    told += f"attribution is on ticks, which are {ink:.0%} of the drawing" if told else ""
    sheet.text(LEFT, top + PICTURE + 0.4 + DOTS + 0.2, told, color=MUTED)


def _dots(axes: Axes, place: int, shares: Sequence[float | None], family: Family) -> None:
    known = [(share, angle) for share, angle in zip(shares, family.directions, strict=True) if share is not None]
    for number, (share, direction) in enumerate(known):
        shift = (number + 0.5) / len(known) - 0.5
        axes.plot(place + 0.6 * shift, share, "o", color=direction_colours(direction), markersize=4)
    if known:
        mean = float(np.mean([share for share, _ in known]))
        axes.plot([place - 0.36, place + 0.36], [mean, mean], color=INK, linewidth=1.2)
