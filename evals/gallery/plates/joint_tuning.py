"""Joint tuning curves: what all units say of natural examples of one of them that are turned."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.battery.rotation import Rotation
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import card_of, spread_out, unit_label
from evals.gallery.style import INK, MUTED, Sheet, direction_colours
from evals.scorecard import Scorecard
from evals.tuning import Array
from evals.turned import turned

__all__ = ["joint_tuning"]

MOST = 12
"""Rows."""

LEFT, WIDTH, ROW, CROP = 1.95, 5.0, 0.5, 0.44
RIGHT, SIDE = 7.75, 2.7
"""Inches: where the plots to the right begin, and how wide they are."""


@plate(
    "joint-tuning",
    "responses of curve detectors to natural examples that are turned through the circle",
    "Curve Detectors, joint tuning curves",
)
def joint_tuning(setting: Setting) -> Figure:
    """A row for each of some units, to the other units' examples; to the right the curves aligned, and examples turned.

    Raises:
        CurvesError: the network has no curve family, or its receptive field fits into no picture.
    """
    test = Rotation().quick()
    family, card = card_of(setting, test)
    natural, aligned = (card.data[f"rotation.{name}"].astype(float) for name in ("natural", "aligned"))
    angles = card.data["rotation.angles"]
    shown = spread_out(family, MOST, [i for i, own in enumerate(natural) if own.max() > 0])
    sheet = Sheet(
        RIGHT + SIDE + 0.4, max(0.45 + ROW * len(shown), 4.6) + 0.35, "Joint tuning curves on natural examples"
    )
    sheet.text(
        LEFT, 0.05, "responses to the other units' examples, by the direction that these show", fontweight="bold"
    )
    sheet.text(0.45, 0.05, "its own example", fontweight="bold")
    for row, unit in enumerate(shown):
        top = 0.3 + ROW * row
        sheet.text(0.45 + CROP + 0.06, top + CROP / 2, unit_label(family, unit).replace(" · ", "\n"), fontsize=7)
        sheet.picture(0.45, top, CROP, CROP, card.data["rotation.crops"][unit].transpose(1, 2, 0))
        axes = sheet.axes(LEFT, top, WIDTH, ROW)
        colour = direction_colours(family.directions[unit])
        around, heard = np.append(angles, 360), np.append(natural[unit], natural[unit, 0]) / natural[unit].max()
        axes.fill_between(around, heard, color=colour, alpha=0.5, linewidth=0)
        axes.plot(around, heard, color=colour, linewidth=1.2)
        axes.plot([family.directions[unit] % 360] * 2, [0, 1.02], color=INK, linewidth=0.8, linestyle=":")
        axes.set(xlim=(0, 360), ylim=(0, 1.15), yticks=[], xticks=range(0, 361, 45))
        last = row == len(shown) - 1
        axes.set_xticklabels([f"{tick}°" for tick in range(0, 361, 45)] if last else [])
        axes.spines[["top", "right", "left"]].set_visible(False)
    _aligned(sheet.axes(RIGHT, 0.3, SIDE, 1.75), aligned, angles, card)
    sheet.text(RIGHT, 0.05, "each unit and its own examples, aligned", fontweight="bold")
    _strip(sheet, 2.85, card, shown[0], test.fade)
    exact = _told(card, {"direction_offset": "from the synthetic direction {:.1f}°", "coverage": "coverage {:.2f}",
                         "synthetic_correlation": "correlation with synthetic tuning {:.3f}",
                         "control": "turned there and back: {:.1%} of the response"})  # fmt: skip
    for number, line in enumerate(exact):
        sheet.text(RIGHT, 3.95 + 0.17 * number, line, color=MUTED, fontsize=7.5)
    sheet.caption(
        setting.subjects,
        f"{len(family)} units of {family.layer}; the {aligned.shape[1]} crops of {setting.images.name} that excite "
        f"each most, turned counter-clockwise in steps of {test.step}°, bicubic, behind a round window",
        "each curve over its largest; dotted: the unit's direction by drawn curves",
    )
    return sheet.figure


def _aligned(axes: Axes, aligned: Array, angles: Array, card: Scorecard) -> None:
    """Each example's curve over its largest, their mean, and one standard deviation to either side."""
    turns = angles - 180
    assert card.family is not None
    curves = []
    for direction, own in zip(card.family.directions, aligned, strict=True):
        for curve in own[~np.isnan(own[:, 0])]:
            curves.append(curve / curve.max())
            axes.plot(turns, curves[-1], color=direction_colours(direction), linewidth=0.5, alpha=0.6)
    mean, spread = np.mean(curves, axis=0), np.std(curves, axis=0)
    axes.fill_between(turns, mean - spread, mean + spread, color=INK, alpha=0.15, linewidth=0)
    axes.plot(turns, mean, color=INK, linewidth=1.8)
    axes.set(xlim=(-180, 180), ylim=(0, 1.05), xticks=[-180, -90, 0, 90, 180], yticks=[0, 0.5, 1])
    axes.set_xticklabels(["−180°", "−90°", "0°", "90°", "180°"])
    axes.set_xlabel("turn from where it excites most", labelpad=1)
    axes.spines[["top", "right"]].set_visible(False)
    if (width := card.scores["rotation.width"]) is not None:
        axes.text(175, 0.93, f"mean ± 1 s.d.\nwidth {width:.0f}°", ha="right", va="top", fontsize=7.5)


def _strip(sheet: Sheet, top: float, card: Scorecard, unit: int, fade: float) -> None:
    """One example as it is turned."""
    sheet.text(RIGHT, top - 0.12, "an example, turned counter-clockwise", fontweight="bold")
    degrees = torch.arange(0, 181, 45)
    crop = torch.from_numpy(card.data["rotation.crops"][unit]).float() / 255
    size = SIDE / len(degrees) - 0.05
    for number, picture in enumerate(turned(crop, degrees.float(), fade)):
        left = RIGHT + number * SIDE / len(degrees)
        sheet.picture(left, top, size, size, picture.permute(1, 2, 0).numpy())
        sheet.text(left + size / 2, top + size + 0.1, f"{degrees[number]}°", ha="center", fontsize=7)


def _told(card: Scorecard, texts: dict[str, str]) -> list[str]:
    values = {text: card.scores[f"rotation.{name}"] for name, text in texts.items()}
    return [text.format(value) for text, value in values.items() if value is not None]
