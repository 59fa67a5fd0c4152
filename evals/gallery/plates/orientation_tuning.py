"""Tuning to orientation, on photographs: a unit's strongest example turned, and what the unit says of it."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from circuits.rotation import rotate_kernels
from evals.battery.rotation import Rotation
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.shown import card_of, spread_out, unit_label
from evals.gallery.style import MUTED, Sheet, direction_colours
from evals.tuning import first_harmonic

__all__ = ["orientation_tuning"]

UNITS = 4
TURNS = tuple(float(turn) for turn in np.arange(-90, 91, 22.5))
LEFT, WIDTH, CROP, HEIGHT = 1.35, 8.1, 0.82, 0.62
ROW = CROP + HEIGHT + 0.5


@plate(
    "orientation-tuning",
    "responses of curve detectors to their own natural example as it is turned",
    "Curve Detectors, a simplified story of curve neurons",
)
def orientation_tuning(setting: Setting) -> Figure:
    """A row for each of four units: its strongest example at several angles, and its response at all.

    Raises:
        CurvesError: the network has no curve family, or its receptive field fits into no picture.
    """
    test = Rotation(step=6, examples=1)
    family, card = card_of(setting, test)
    aligned = card.data["rotation.aligned"][:, 0].astype(float)
    joint, angles = card.data["rotation.joint"][:, 0], card.data["rotation.angles"]
    shown = spread_out(family, UNITS, [i for i, own in enumerate(aligned) if not np.isnan(own).any()])
    sheet = Sheet(LEFT + WIDTH + 0.4, ROW * len(shown) + 0.35, "Curve detectors are tuned to orientation")
    for row, unit in enumerate(shown):
        top = 0.05 + ROW * row
        # The turn in the middle of the aligned curve, by which the example had to be turned to excite the unit most.
        best = first_harmonic(joint[unit, :, unit].astype(float), angles)[0]
        sheet.text(0.35, top + CROP / 2, unit_label(family, unit).replace(" · ", "\n"), fontweight="bold")
        step = WIDTH / len(TURNS)
        crop = torch.from_numpy(card.data["rotation.crops"][unit]).float() / 255
        grey = crop[:, :1, :1]  # what the window fades to
        for place, turn in enumerate(TURNS):
            shown_crop = (rotate_kernels(crop - grey, best + turn) + grey).clamp(0, 1)
            left = LEFT + place * step + (step - CROP) / 2
            sheet.picture(left, top, CROP, CROP, shown_crop.permute(1, 2, 0).numpy())
        axes = sheet.axes(LEFT, top + CROP + 0.06, WIDTH, HEIGHT)
        colour = direction_colours(family.directions[unit])
        turns = angles - 180
        axes.fill_between(turns, aligned[unit], color=colour, alpha=0.35, linewidth=0)
        axes.plot(turns, aligned[unit], color=colour, linewidth=1.3)
        half = step * len(TURNS) / (TURNS[-1] - TURNS[0] + TURNS[1] - TURNS[0])
        edge = WIDTH / 2 / half
        axes.set(xlim=(-edge, edge), ylim=(0, None), xticks=TURNS)
        axes.set_xticklabels([f"{turn:+g}°".replace("-", "−") if turn else "0°" for turn in TURNS])
        axes.set_ylabel("SD")
        axes.spines[["top", "right"]].set_visible(False)
    sheet.text(
        LEFT, ROW * len(shown) + 0.1, "turn, counter-clockwise, from where the example excites most", color=MUTED
    )
    sheet.caption(
        setting.subjects,
        f"units of {family.layer}, each with the crop of {setting.images.name} that excites it most, behind a round "
        f"window that fades to its mean colour; steps of {test.step}°, bicubic",
        "SD: activation in standard deviations of the unit's pre-activation over the same pictures",
    )
    return sheet.figure
