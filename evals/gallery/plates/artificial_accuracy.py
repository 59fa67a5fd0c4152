"""What a network loses without its curve detectors, and what hand-built ones in their place bring back."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits import CurvesError
from evals.agreement import mean_over_units
from evals.damage_result import Damage, Variant
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, RULE, Sheet

__all__ = ["artificial_accuracy", "draw_damage"]

SHOWN = {"top5": "top-5 accuracy", "top1": "top-1 accuracy", "kl": "KL damage, nats", "unexplained": "changed variance"}
"""Measures by name, with their axis; the first two where there are labels, else the last two."""

COLOURS = {"unedited": "#59636e", "ablated": "#d55e00", "mean-ablated": "#e69f00", "grafted": "#0072b2"}
"""Okabe and Ito's; all controls are grey."""

CONTROL = "#b6bec7"
PANEL, GAP, BAR, NAMES = 2.3, 0.8, 0.3, 1.75
SEED = 0


@plate(
    "artificial-accuracy",
    "accuracy, or damage, of a network unedited, without its curve detectors, and with hand-built ones",
    "Curve Circuits, the artificial artificial neural network",
    compares=True,
)
def artificial_accuracy(setting: Setting) -> Figure:
    """Run the experiment and draw it.

    Raises:
        CurvesError: there is nothing that runs the experiment, or the network gives no class probabilities.
    """
    if setting.measure_damage is None:
        raise CurvesError("artificial-accuracy shows an experiment; give measure_damage, such as curves.recovery runs")
    return draw_damage(setting, setting.measure_damage())


def draw_damage(setting: Setting, damage: Damage, ablated: str = "ablated") -> Figure:
    """Bars of what each network does, with intervals of 95% by bootstrap over pictures; and the share recovered.

    Args:
        setting: whose networks are named below.
        damage: what was measured.
        ablated: the network with the whole damage.
    """
    labelled = damage.reference.top1 is not None
    measures = [name for name in SHOWN if (name in {"top5", "top1"}) == labelled]
    put_right = [v for v in damage.variants if v.name not in {ablated, "random units ablated"}]
    shares = [name for name in measures if name in damage.measures(ablated)]
    every = [damage.reference, *damage.variants] if labelled else list(damage.variants)
    height = BAR * len(every) + 0.62
    lower = BAR * len(put_right) + 0.62 if shares else 0.0
    sheet = Sheet(
        NAMES + (PANEL + GAP) * len(measures) + 0.2, height + lower, "Without curve detectors, and with others"
    )
    for column, measure in enumerate(measures):
        axes = sheet.axes(NAMES + (PANEL + GAP) * column, 0.12, PANEL, BAR * len(every))
        values = [_interval(damage, variant, measure) for variant in every]
        labels = [_named(damage, v) for v in every] if column == 0 else None
        _bars(axes, values, [_colour(damage, v) for v in every], labels, "{:.3g}", 1.0 if labelled else None)
        axes.set_title(SHOWN[measure])
    for column, measure in enumerate(measures):
        if measure not in shares:
            continue
        axes = sheet.axes(NAMES + (PANEL + GAP) * column, height + 0.12, PANEL, BAR * len(put_right))
        found = [damage.recovered(v.name, ablated, measure=measure, seed=SEED) for v in put_right]
        values = [(each.value, each.low, each.high) for each in found]
        labels = [v.name for v in put_right] if measure == shares[0] else None
        _bars(axes, values, [_colour(damage, v) for v in put_right], labels, "{:.0%}", 1.0)
        axes.set_title(f"recovered of {SHOWN[measure].split(',')[0]}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}".replace("-", "−"))
    what = "recovered: share of the ablation's damage that is undone"
    if not labelled:
        what = f"KL: from the unedited network's class probabilities; changed variance: of {damage.layer}; {what}"
    sheet.caption(
        setting.subjects,
        f"{len(damage.files)} pictures: {damage.images}",
        what,
        "lines: intervals of 95%, bootstrap over pictures, cut at −100%",
    )
    return sheet.figure


def _named(damage: Damage, variant: Variant) -> str:
    return "unedited" if variant is damage.reference else variant.name


def _colour(damage: Damage, variant: Variant) -> str:
    return COLOURS.get(_named(damage, variant), CONTROL)


def _bars(
    axes: Axes,
    values: list[tuple[float, float, float]],
    colours: list[str],
    labels: list[str] | None,
    form: str,
    most: float | None,
) -> None:
    """Horizontal bars from above, each with its interval and, to the right of all, its number.

    The axis ends at `most` if that is given, and at -1 at the latest: what was made much worse shows its number alone.
    """
    places = np.arange(len(values))
    middles, lows, highs = (np.array(column) for column in zip(*values, strict=True))
    axes.barh(places, middles, height=0.62, color=colours, zorder=2)
    axes.hlines(places, lows, highs, color=INK, linewidth=1, zorder=3)
    axes.axvline(0, color=RULE, linewidth=0.8, zorder=1)
    least, largest = max(-1.0, min(0.0, float(lows.min()))), most or float(highs.max())
    room = (largest - least) or 1.0
    axes.set(xlim=(least - (0.03 * room if least < 0 else 0), largest + 0.02 * room), ylim=(len(values) - 0.5, -0.5))
    axes.set_yticks(places, labels or [""] * len(places))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.locator_params(axis="x", nbins=3)
    axes.spines[["top", "right", "left"]].set_visible(False)
    for place, value in zip(places, middles, strict=True):
        told = form.format(value).replace("-", "−")
        axes.annotate(
            told, (1, place), (3, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=7.5, color=MUTED
        )


def _interval(damage: Damage, variant: Variant, measure: str) -> tuple[float, float, float]:
    """A measure and its interval of 95% by bootstrap over pictures."""
    value = damage.scores(variant)[measure]
    if value is None:
        raise CurvesError(f"{damage.layer} never varies on {damage.images}, so no share of it changes; give others")
    numbers = np.asarray(variant.error if measure == "unexplained" else getattr(variant, measure), dtype=np.float64)
    scale = len(numbers) / damage.variance if measure == "unexplained" else 1.0
    mean = mean_over_units(numbers, SEED)
    return float(value), scale * mean.low, scale * mean.high
