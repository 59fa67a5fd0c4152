"""How natural and hand-built families answer to drawn curves, by direction and radius."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import evals.harness
from circuits import CurvesError, Family
from evals.figures import NEAR, Maps
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, STRENGTH, Sheet
from evals.gallery.subject import Subject
from evals.gallery.tuning_plots import aligned, around
from evals.scorecard import Scorecard
from evals.tuning import Array

__all__ = ["artificial_synthetic"]

SHOWN = (45.0, 135.0, 225.0, 315.0)
"""Degrees for which the unit that points most nearly there is shown by direction and radius."""

ROW = 2.3
SCORES = {"first_harmonic": "first harmonic {:.2f}", "width": "width {:.0f}°", "echo": "echo {:.3f}",
          "coverage": "coverage {:.2f}"}  # fmt: skip


@plate(
    "artificial-synthetic",
    "responses of natural and hand-built curve families to synthetic curves, by direction and radius",
    "Curve Circuits, the artificial artificial neural network",
    compares=True,
)
def artificial_synthetic(setting: Setting) -> Figure:
    """A row for each family: radial tuning around the circle, all aligned, and four units by direction and radius.

    Raises:
        CurvesError: a network has no curve family, or the whole family is silent.
    """
    rows = [
        (subject, family)
        for subject in setting.subjects
        for family in subject.bands("curve", setting.images, setting.progress)
    ]
    cards = [
        evals.harness.run(subject.net, family, images=setting.images, draws=0, progress=setting.progress)
        for subject, family in rows
    ]
    sheet = Sheet(11.2, ROW * len(rows) + 0.05, "Responses to synthetic curves")
    for number, ((subject, family), card) in enumerate(zip(rows, cards, strict=True)):
        _row(sheet, ROW * number, subject, family, card, last=number == len(rows) - 1)
    sheet.caption(
        setting.subjects,
        f"SD: standard deviations of a unit's pre-activation over {setting.images.name}",
        "tuning curves: mean over radii, line and filled area; direction: from the arc's middle to its centre",
        "around the circle: up to the family's largest; colour: the unit's direction; each row of maps has its scale",
    )
    return sheet.figure


def _row(sheet: Sheet, top: float, subject: Subject, family: Family, card: Scorecard, last: bool) -> None:
    maps = Maps.of(card)
    assert maps is not None
    if all(maps.silent):
        raise CurvesError(
            f"no unit of {family.layer} {family.name} of {subject.name} answers to any curve; show another"
        )
    told = {text: card.scores[f"synthetic.{name}"] for name, text in SCORES.items()}
    about = f"{subject.name}, {family.layer}: {len(family)} units{_band(family)}"
    sheet.text(0.35, top, about, fontsize=9, fontweight="bold")
    scores = " · ".join(text.format(value) for text, value in told.items() if value is not None)
    sheet.text(sheet.width - 0.75, top, scores, color=MUTED, ha="right")
    preferred = [member.direction for member in maps.members]
    around(sheet.axes(0.62, top + 0.38, 1.42, 1.42, projection="polar"), maps.directions, maps.tuning, preferred)
    turned = sheet.axes(2.78, top + 0.36, 1.6, 1.46)
    aligned(turned, maps.directions, maps.tuning, preferred)
    turned.set_title("units aligned; black: mean")
    if last:
        turned.set_xlabel("from preferred direction", labelpad=1)
    shown = [unit for direction in SHOWN if (unit := maps.nearest(direction)) is not None]
    largest = float(maps.responses[shown].max()) if shown else 1.0
    for column, direction in enumerate(SHOWN):
        axes = sheet.axes(5.1 + 1.36 * column, top + 0.36, 1.2, 1.46)
        _map(axes, maps, direction, largest, first=column == 0, last=last)
    bar = sheet.axes(10.62, top + 0.36, 0.09, 1.46)
    bar.imshow(np.linspace(1, 0, 128)[:, None], cmap=STRENGTH, aspect="auto", extent=(0, 1, 0, largest), vmin=0, vmax=1)
    bar.set(xticks=[])
    bar.yaxis.tick_right()
    bar.yaxis.set_major_locator(MaxNLocator(4))
    bar.set_title("SD", loc="center")


def _map(axes: Axes, maps: Maps, direction: float, largest: float, first: bool, last: bool) -> None:
    """Rows are radii from below, evenly spaced as they are geometric, and apart from them the straight line."""
    unit = maps.nearest(direction)
    radii = [float(radius) for radius in maps.radii[:-1]]
    count, step = len(radii), 360 / len(maps.directions)
    if unit is None:
        axes.text(180, count / 2 + 0.5, f"none within\n{NEAR:.0f}° of {direction:.0f}°", ha="center", va="center")
    else:
        _cells(axes, maps.responses[unit], largest, step)
        member = maps.members[unit]
        axes.set_title(f"{member.unit} · {round(member.direction) % 360}°", fontsize=7.5)
    axes.set(xlim=(-step / 2, 360 - step / 2), ylim=(-0.5, count + 1.2), xticks=[90, 180, 270])
    axes.set_xticklabels(["90°", "180°", "270°"] if last else [])
    shown = sorted({0, count // 2, count - 1})
    axes.set_yticks([*shown, count + 0.7], [*(f"{radii[i]:.0f}" for i in shown), "line"] if first else [])
    if first:
        axes.set_ylabel("radius, px", labelpad=1)
    if last:
        axes.set_xlabel("direction", labelpad=1)


def _cells(axes: Axes, responses: Array, largest: float, step: float) -> None:
    count = responses.shape[1] - 1
    edges = np.arange(len(responses) + 1) * step - step / 2
    for first, last, low, high in ((0, count, -0.5, count - 0.5), (count, count + 1, count + 0.2, count + 1.2)):
        rows = np.linspace(low, high, last - first + 1)
        axes.pcolormesh(
            edges, rows, responses[:, first:last].T, cmap=STRENGTH, vmin=0, vmax=largest, rasterized=True, linewidth=0
        )


def _band(family: Family) -> str:
    """The radii that a family was built for, where it says so."""
    radii = [family.members[0].evidence.get(f"{end}_radius") for end in ("smallest", "largest")]
    return "" if None in radii else f" for radii of {radii[0]:g} to {radii[1]:g} px"
