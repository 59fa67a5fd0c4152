"""Crops from every range of a unit's activation, each beside what in it excites and inhibits the unit."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from circuits import CurvesError, Family, Network, Unit, attribution
from circuits.angles import difference
from evals.attribution_terms import layer_before
from evals.dataset.records import Example
from evals.dataset.strata import crops, cut, pictures_of, place_of, stratified
from evals.dataset.survey import Survey
from evals.dataset.walk import survey_images
from evals.gallery.pixels import at_pixels
from evals.gallery.registry import plate
from evals.gallery.setting import Setting
from evals.gallery.style import INK, MUTED, SIGNED, Sheet
from evals.tuning import Array

__all__ = ["attribution_quilt"]

DIRECTION = 45.0
"""Degrees: of the unit that is shown."""

COLUMNS, ROWS = 8, 3
"""Ranges of activation, at most, and examples of each."""

LEFT, CELL, TILE, GAP, TOP = 0.95, 0.98, 0.92, 0.16, 0.75
PERCENTILE = 99.5  # of the attribution of all crops; beyond it colours are full


@plate(
    "attribution-quilt",
    "crops from every range of a unit's activation, each above what in it excites and inhibits the unit",
    "Curve Detectors, dataset analysis",
)
def attribution_quilt(setting: Setting) -> Figure:
    """Columns from the lowest pre-activations to the highest; below each crop its attribution to the pixels.

    Raises:
        CurvesError: the network has no curve family, or nothing is to be seen of the unit.
    """
    subject = setting.subject
    family = subject.family("curve", setting.images, setting.progress)
    member = min(family, key=lambda each: abs(difference(each.direction, DIRECTION)))
    survey = survey_images(
        subject.net, Family(family.name, family.layer, (member,)), setting.images, progress=setting.progress
    )
    columns = _columns(survey, member.unit)
    examples = [example for _, _, shown in columns for example in shown]
    before = layer_before(subject.net, family.layer)
    due = _attributed(subject.net, member.unit, before, survey, setting, examples)
    largest = float(np.percentile(np.abs(due), PERCENTILE)) or 1.0
    pairs = zip(crops(survey, setting.images, examples), due, strict=True)
    height = TOP + 2 * ROWS * CELL + (ROWS - 1) * GAP
    sheet = Sheet(
        LEFT + len(columns) * CELL + 0.35, height, f"What in a picture excites {member.unit} ({subject.name})"
    )
    for number, (low, share, shown) in enumerate(columns):
        left = LEFT + number * CELL
        sheet.text(left + TILE / 2, 0.28, low, ha="center", color=INK)
        sheet.text(left + TILE / 2, 0.48, share, ha="center", color=MUTED, fontsize=7)
        for row, _ in enumerate(shown):
            top = TOP + row * (2 * CELL + GAP)
            crop, own = next(pairs)
            sheet.picture(left, top, TILE, TILE, crop)
            sheet.picture(left, top + CELL, TILE, TILE, _over(crop, own, largest))
    for row in range(ROWS):
        top = TOP + row * (2 * CELL + GAP)
        sheet.text(LEFT - 0.12, top + TILE / 2, "seen", ha="right", color=MUTED)
        sheet.text(LEFT - 0.12, top + CELL + TILE / 2, "attribution", ha="right", color=MUTED)
    sheet.caption(
        (subject,),
        f"a curve detector of {round(member.direction) % 360}° on {setting.images.name}",
        "columns: pre-activation in standard deviations and share of all positions, crops of the receptive field by "
        "lot; at the right the pictures in which it is highest",
        f"attribution: activation times weight of all units of {before} at a place, laid over what they see; vermilion "
        "excites, blue inhibits, one scale for all crops; with the bias it adds up to the pre-activation",
    )
    return sheet.figure


def _columns(survey: Survey, unit: Unit) -> list[tuple[str, str, list[Example]]]:
    """Heading, share and examples of each range; then of the pictures in which the unit is highest."""
    columns = [
        (f"{each.low:.1f} to {each.high:.1f}".replace("-", "−"), _percent(each.share), list(each.examples[:ROWS]))
        for each in stratified(survey, unit, COLUMNS)
    ]
    if not columns:
        raise CurvesError(
            f"{survey.pieces[0].images} has no place at which {unit} could be looked at; give more images"
        )
    top = survey.top.rows
    highest = survey.examples(top[top["group"] == place_of(survey, unit)][:ROWS])
    return [*columns, ("highest", "by picture", highest)]


def _attributed(
    net: Network, unit: Unit, before: str, survey: Survey, setting: Setting, examples: list[Example]
) -> list[Array]:
    """Of each example what the places of the layer before contribute, brought to the crop's pixels, size x size."""
    found: dict[int, Array] = {}
    field = net.receptive_field(before)
    for number, pixels, corner in pictures_of(survey, setting.images, examples):
        picture = pixels[None].to(net.device, net.dtype)
        place = (examples[number].row, examples[number].column)
        due = attribution(net, unit, before, images=picture, place=place).tensor[0].sum(0, keepdim=True).cpu().double()
        spread = at_pixels(due, field, (pixels.shape[1], pixels.shape[2]))
        found[number] = cut(spread, corner, survey.field["size"], 0.0)[0].numpy()
        if setting.progress:
            setting.progress(f"attribution of {unit}", len(found), len(examples))
    return [found[number] for number in range(len(examples))]


def _over(crop: Array, due: Array, largest: float) -> Array:
    """The attribution in colour over the crop in faint grey."""
    strength = np.clip(np.abs(due) / largest, 0, 1)[..., None]
    colour = np.asarray(SIGNED(0.5 + 0.5 * np.sign(due)))[..., :3]
    grey = 0.45 + 0.55 * crop.mean(axis=2, keepdims=True)
    mixed: Array = grey * (1 - 0.85 * strength) + 0.85 * strength * colour
    return mixed


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.1 else f"{100 * share:.0f}%"
