"""The pictures in which each curve detector is highest."""

from __future__ import annotations

from matplotlib.figure import Figure

from evals.dataset import Settings
from evals.dataset.strata import crops
from evals.gallery.icons import feature_icon
from evals.gallery.natural import curves_at, surveyed
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, Sheet

__all__ = ["dataset_examples"]

STEP = 30
"""Degrees from one unit to the next."""

COLUMNS = 8
NAMES, LETTER, CELL, TILE, ICON = 0.85, 0.075, 0.8, 0.7, 0.42
"""Inches: where names begin, a letter of them, row to row, a crop, the drawn curve."""


@plate(
    "dataset-examples",
    "the pictures in which each curve detector is highest, and what it sees there",
    "Curve Detectors, a simplified story of curve neurons",
)
def dataset_examples(setting: Setting) -> Figure:
    """Survey the units and draw the best crop of each of their best pictures."""
    family = curves_at(setting, range(0, 360, STEP))
    survey = surveyed(setting, family, Settings(top=COLUMNS))
    rows = [survey.examples(survey.top.rows[survey.top.rows["group"] == place]) for place in range(len(family))]
    seen = iter(crops(survey, setting.images, [example for row in rows for example in row]))
    begin = NAMES + LETTER * max(len(str(unit)) for unit in family.units) + 0.1
    sheet = Sheet(
        begin + COLUMNS * CELL + 0.25, len(rows) * (CELL + 0.13), "Pictures in which curve detectors are highest"
    )
    for number, (member, row) in enumerate(zip(family, rows, strict=True)):
        top = number * (CELL + 0.13)
        middle = top + TILE / 2
        sheet.picture(0.35, middle - ICON / 2, ICON, ICON, feature_icon(family.name, member.direction))
        sheet.text(NAMES, middle - 0.08, str(member.unit), fontsize=7.5, fontweight="bold", color=INK)
        sheet.text(NAMES, middle + 0.08, f"{round(member.direction) % 360}°", fontsize=7, color=MUTED)
        _, deviation = survey.histogram.moments(number)
        for column, example in enumerate(row):
            left = begin + column * CELL
            sheet.picture(left, top, TILE, TILE, next(seen))
            told = f"{example.value / deviation:.1f}" if deviation else "–"
            sheet.text(
                left + TILE / 2, top + TILE + 0.08, told.replace("-", "−"), ha="center", fontsize=6.5, color=MUTED
            )
    field = survey.field["size"]
    sheet.caption(
        (setting.subject,),
        f"{setting.images.name}, one crop of each picture: the unit's receptive field, {field} px; grey lies outside",
        "numbers: pre-activation in standard deviations over all positions",
        f"units: those that point most nearly to every {STEP}th degree; the drawn curve is in the unit's direction",
    )
    return sheet.figure
