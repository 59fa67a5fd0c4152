"""How a curve detector's pre-activations are distributed on natural images, and whether they fall off exponentially."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits import CurvesError
from evals.dataset import Survey
from evals.dataset.quilt import FILL, draw_contribution, draw_distribution
from evals.dataset.summary import bins
from evals.gallery.natural import SHOWN, surveyed
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, Sheet, direction_colours, wheel

__all__ = ["activation_distribution"]

LEFT, WIDTH, HEIGHT, GAP, WHEEL = 0.85, 3.0, 1.9, 0.85, 0.95
FIRES = "#0072b2"


@plate(
    "activation-distribution",
    "a curve detector's pre-activations on natural images, with laws fitted to the tail, and the whole family's",
    "Curve Detectors, dataset analysis",
)
def activation_distribution(setting: Setting) -> Figure:
    """Survey the family and draw one unit's distribution, its tail on a logarithmic scale, and all units'.

    Raises:
        CurvesError: the network has no curve detectors, or none of them ever fires.
    """
    family = setting.subject.family("curve", setting.images, setting.progress)
    survey = surveyed(setting, family)
    fires = np.diag(survey.together) > 0
    if not fires.any():
        raise CurvesError(
            f"no curve detector of {setting.subject.name} fires on {setting.images.name}; give other images"
        )
    unit = family.nearest(SHOWN).unit
    place = family.units.index(unit)
    sheet = Sheet(
        2 * (LEFT + WIDTH) + WHEEL + 0.45, 2 * HEIGHT + GAP + 0.35, f"Pre-activations of {unit} and its family"
    )
    second, below = LEFT + WIDTH + LEFT, HEIGHT + GAP
    axes = sheet.axes(LEFT, 0.1, WIDTH, HEIGHT)
    _draw_linear(axes, survey, place)
    axes.set_title(f"{unit}")
    axes = sheet.axes(second, 0.1, WIDTH, HEIGHT)
    draw_distribution(axes, survey, place)
    axes.set_title("the same, logarithmic: an exponential is a straight line")
    axes = sheet.axes(LEFT, below, WIDTH, HEIGHT)
    draw_contribution(axes, survey, place)
    axes.set_title("what its expected value is made of")
    axes = sheet.axes(second, below, WIDTH, HEIGHT)
    _draw_family(axes, survey)
    axes.set_title(f"all {len(family)} units of the family")
    side = 2 * (LEFT + WIDTH) + 0.15
    wheel(sheet, side, below + 0.1, WHEEL)
    told = "direction:\nto the centre"
    sheet.text(side + WHEEL / 2, below + WHEEL + 0.22, told, color=MUTED, ha="center", va="top")
    sheet.caption(
        (setting.subject,),
        f"{setting.images.name}: {survey.positions:,} positions of {family.layer}, edges too",
        "laws are fitted to the larger half of the activations, from the threshold on where the lines begin",
        "standard deviations: of each unit's pre-activation over all positions",
    )
    return sheet.figure


def _draw_linear(axes: Axes, survey: Survey, place: int) -> None:
    own = bins(survey)[place]
    density = own.share / np.diff(own.edges)
    fires = own.edges[:-1] >= 0
    for part, colour in ((~fires, FILL), (fires, FIRES)):
        axes.bar(own.edges[:-1][part], density[part], np.diff(own.edges)[part], align="edge", color=colour)
    mean, deviation = survey.histogram.moments(place)
    share = survey.together[place, place] / survey.positions
    told = f"mean {mean / (deviation or 1):.1f}\nfires at {share:.1%}".replace("-", "−")
    axes.text(0.98, 0.95, told, transform=axes.transAxes, ha="right", va="top", color=MUTED, fontsize=7.5)
    used = np.flatnonzero(own.share)
    axes.set(xlim=(own.edges[used.min()], own.edges[used.max() + 1]), ylim=(0, None))
    axes.set(xlabel="pre-activation, standard deviations", ylabel="positions, share per SD")
    axes.spines[["top", "right"]].set_visible(False)


def _draw_family(axes: Axes, survey: Survey) -> None:
    colours = direction_colours(survey.family.directions, survey.family.period)
    for own, colour in zip(bins(survey), colours, strict=True):
        used = np.flatnonzero(own.share)
        first, end = used[0], used[-1] + 1
        density = own.share[first:end] / np.diff(own.edges[first : end + 1])
        axes.stairs(density, own.edges[first : end + 1], color=colour, baseline=None, linewidth=0.9)
    axes.set(yscale="log", xlabel="pre-activation, standard deviations", ylabel="positions, share per SD")
    axes.spines[["top", "right"]].set_visible(False)
