"""The article's stack plots of human labels: those of the network's unit, or else the published ones of 3b:379.

Where nobody has labelled what the network's unit sees, the published labels stand alone, and below them is what is
known of the unit without people. Labels of one unit are never put on another's activations.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from circuits import Family
from evals.dataset import Survey, stratified
from evals.dataset.quilt import FILL
from evals.dataset.strata import crops
from evals.dataset.summary import bins
from evals.gallery.natural import curves_at, own_labels, surveyed
from evals.gallery.setting import Setting
from evals.gallery.style import MUTED, Sheet
from evals.human.plots import VIEWS, borders, key, stack
from evals.human.published import PublishedLabels, published_labels
from evals.human.reading import Labelled
from evals.human.shares import plot_data

__all__ = ["draw_labels"]

LEFT, WIDTH, HEIGHT, SIDE = 0.85, 5.2, 2.0, 1.55
"""Inches: where the plots begin, their width and height, and what is beside them."""

TITLES = {
    "activation": "what people see, by activation",
    "probability": "what people see, by probability",
    "expected": "what people see, by expected value",
}

ROWS = 3
"""Crops of a column of what is not labelled yet."""

COLUMNS = 9


def draw_labels(setting: Setting, view: str) -> Figure:
    """A stack plot of the labels that the setting has, or the published one.

    Args:
        setting: of one network.
        view: one of `evals.human.plots.VIEWS`.

    Raises:
        CurvesError: the labels are of another network, or there are none and the network has no curve detectors.
    """
    labelled = own_labels(setting)
    return _published(setting, view) if labelled is None else _own(setting, view, labelled)


def _own(setting: Setting, view: str, labelled: Labelled) -> Figure:
    sample, data = labelled.sample, plot_data(labelled)
    sheet = Sheet(LEFT + WIDTH + SIDE, HEIGHT + 0.45, f"{sample.unit}: {TITLES[view]}")
    axes = sheet.axes(LEFT, 0.1, WIDTH, HEIGHT)
    stack(axes, view, data["low"], data["high"], data[view])
    if view == "activation":
        borders(axes, data["low"], data["high"], (data["interval_low"], data["interval_high"]))
    axes.set_xlim(0 if view == "expected" else data["low"].min(), data["high"].max())
    key(axes, labelled.counts.sum(axis=0).tolist())
    given = labelled.counts.sum(axis=1) > 0
    sheet.caption(
        (setting.subject,),
        f"{given.sum()} crops of {sample.images['name']}, labelled by {', '.join(labelled.labellers)} without seeing "
        "activations; drawn by lot from bins of the pre-activation, sample " + sample.identity[:8],
        *(("black: intervals of 95%, bootstrap over pictures",) if view == "activation" else ()),
    )
    return sheet.figure


def _published(setting: Setting, view: str) -> Figure:
    published = published_labels()
    family = curves_at(setting)
    unit, survey = family.units[0], surveyed(setting, family)
    sheet = Sheet(LEFT + WIDTH + SIDE, 2 * HEIGHT + 1.5, f"3b:379 of InceptionV1: {TITLES[view]}")
    axes = sheet.axes(LEFT, 0.25, WIDTH, HEIGHT)
    axes.set_title("published human labels of InceptionV1’s 3b:379 on ImageNet")
    amounts = {
        "activation": published.shares,
        "probability": np.nan_to_num(published.shares) * np.asarray(published.positions)[:, None],
        "expected": np.asarray(published.expected),
    }
    stack(axes, view, published.edges[:-1], published.edges[1:], amounts[view])
    key(axes, published.counts)
    own, top = bins(survey)[0], HEIGHT + 1.0
    title = f"{unit} of {setting.subject.name}: nobody has labelled what it sees"
    if view == "activation":
        _draw_crops(sheet, setting, survey, family, top, title)
        limits = (published.edges[0], published.edges[-1])
    else:
        heights = {"probability": own.share, "expected": own.contribution}[view]
        lower = sheet.axes(LEFT, top, WIDTH, HEIGHT)
        lower.set_title(title)
        limits = _draw_own(lower, own.edges, heights, published)
        lower.set(xlim=limits, ylabel=VIEWS[view], xlabel="pre-activation, standard deviations")
    axes.set_xlim((0.0, limits[1]) if view == "expected" else limits)
    if view == "expected":
        lower.set_xlim(0.0, limits[1])
    sheet.caption(
        (setting.subject,),
        f"above: {published.source}, whose numbers are not of this network; below: {setting.images.name}",
        "standard deviations: of each unit’s own pre-activation",
        "labels of this network: curves label",
    )
    return sheet.figure


def _draw_own(axes: Axes, edges: np.ndarray, heights: np.ndarray, published: PublishedLabels) -> tuple[float, float]:
    """The unit's own distribution, without labels; gives limits that hold both."""
    axes.bar(edges[:-1], heights / np.diff(edges), np.diff(edges), align="edge", color=FILL)
    axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=":")
    axes.set_ylim(0, None)
    axes.spines[["top", "right"]].set_visible(False)
    used = np.flatnonzero(heights)
    own = (edges[used.min()], edges[used.max() + 1]) if used.size else (0.0, 0.0)
    return min(own[0], published.edges[0]), max(own[1], published.edges[-1])


def _draw_crops(sheet: Sheet, setting: Setting, survey: Survey, family: Family, top: float, title: str) -> None:
    """Crops by lot of every bin of the unit's pre-activation: what people would be asked about."""
    columns = stratified(survey, family.units[0], COLUMNS)
    shown = [column.examples[:ROWS] for column in columns]
    seen = iter(crops(survey, setting.images, [example for examples in shown for example in examples]))
    cell = min(HEIGHT / ROWS, WIDTH / len(columns))
    sheet.text(LEFT, top - 0.13, title, fontsize=8)
    for number, (column, examples) in enumerate(zip(columns, shown, strict=True)):
        left = LEFT + number * cell
        for row, _ in enumerate(examples):
            sheet.picture(left, top + 0.05 + row * cell, cell - 0.05, cell - 0.05, next(seen))
        told = f"{column.low:.1f} to\n{column.high:.1f}".replace("-", "−")
        sheet.text(left + cell / 2, top + 0.15 + ROWS * cell, told, ha="center", va="top", fontsize=6.5, color=MUTED)
