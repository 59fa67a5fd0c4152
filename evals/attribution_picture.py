"""A picture beside its attribution, laid over it in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circuits import Attribution, CurvesError
from circuits.regions import INPUT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_attribution"]

WIDTH, GAP = 3.6, 0.15  # inches
PERCENTILE = 99.5  # of the attribution; beyond it colours are full

Array = NDArray[np.float64]


def draw_attribution(found: Attribution, picture: Tensor, name: str, place: tuple[int, int] | None = None) -> Figure:
    """The picture, and where in it the attribution lies.

    Of a layer, what all of its units at a place contribute is laid over the middles of their receptive fields:
    vermilion excites, blue inhibits. Of the pixels, the size over the three colours is shown, from white to black.

    Args:
        found: of this one picture.
        picture: 3 x H x W in [0, 1].
        name: what to call the picture.
        place: row and column of the units' layer at which it was looked; None for all.

    Raises:
        CurvesError: units of the source see the whole picture.
    """
    from matplotlib import rc_context
    from matplotlib.patches import Rectangle

    from evals.gallery.style import INK, MUTED, RC, Sheet
    from evals.gallery.subject import Subject

    if found.field is None:
        raise CurvesError(f"units of {found.source} see the whole picture; attribute it to an earlier layer")
    pixels = picture.permute(1, 2, 0).cpu().double().numpy()
    height = WIDTH * pixels.shape[0] / pixels.shape[1]
    units = ", ".join(map(str, found.units[:3])) + (f" and {len(found.units) - 3} more" if len(found.units) > 3 else "")
    with rc_context(RC):
        sheet = Sheet(0.7 + 2 * WIDTH + GAP, height + 0.3, f"What excites {units}")
        axes = sheet.picture(0.35, 0.2, WIDTH, height, pixels)
        if place is not None:
            seen = found.net.receptive_field(found.units[0].layer)
            top, left = (seen.offset + seen.stride * at - 0.5 for at in place)
            axes.add_patch(Rectangle((left, top), seen.size, seen.size, fill=False, edgecolor="white", linewidth=2.4))
            axes.add_patch(Rectangle((left, top), seen.size, seen.size, fill=False, edgecolor=INK, linewidth=1))
        sheet.picture(0.35 + WIDTH + GAP, 0.2, WIDTH, height, _painted(found, pixels))
        source = "the pixels" if found.source == INPUT else found.source
        sheet.text(0.35, 0.05, name, color=MUTED)
        sheet.text(0.35 + WIDTH + GAP, 0.05, f"{found.method}, to {source}", color=MUTED)
        sheet.caption(
            (Subject(found.net.provenance.name, found.net),),
            "frame: what the unit sees" if place is not None else "all places of the layer",
            _sum(found),
            "size over the three colours" if found.source == INPUT else "vermilion excites, blue inhibits",
            f"full at the {PERCENTILE:g}th percentile",
        )
        return sheet.figure


def _sum(found: Attribution) -> str:
    """What was attributed, and to which parts it was split if it was."""
    what = "squared activations" if found.objective == "squares" else "pre-activation"
    if found.constants is None or found.remainders is None:
        return f"{what} {float(found.values[0]):.4g}"
    parts = f"{float(found.sums[0]):.4g} attributed, {float(found.constants[0]):.2g} constant"
    return f"{what} {float(found.values[0]):.4g}: {parts}, {float(found.remainders[0]):.2g} left"


def _painted(found: Attribution, pixels: Array) -> Array:
    from evals.gallery.pixels import at_pixels
    from evals.gallery.style import SIGNED

    maps = found.tensor[0].cpu().double()
    if found.source == INPUT:
        size = maps.abs().sum(0).numpy()
        shade: Array = np.repeat((1 - np.clip(size / _high(size), 0, 1))[..., None], 3, axis=2)
        return shade
    assert found.field is not None
    due = at_pixels(maps.sum(0, keepdim=True), found.field, (pixels.shape[0], pixels.shape[1]))[0].numpy()
    strength = 0.85 * np.clip(np.abs(due) / _high(due), 0, 1)[..., None]
    colour = np.asarray(SIGNED(0.5 + 0.5 * np.sign(due)))[..., :3]
    grey = 0.45 + 0.55 * pixels.mean(axis=2, keepdims=True)
    painted: Array = grey * (1 - strength) + strength * colour
    return painted


def _high(values: Array) -> float:
    return float(np.percentile(np.abs(values), PERCENTILE)) or 1.0
