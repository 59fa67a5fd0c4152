"""Rows of a semantic dictionary: something said in units of a layer, each shown by what it likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuits import Visualization
from evals.gallery.contact import picture
from evals.gallery.style import INK, MUTED, RULE, SIGNED, Sheet
from evals.tuning import Array

__all__ = ["ROW", "WIDTH", "Word", "draw_row"]

TILE, CELL, GAP, BAR = 1.0, 0.84, 0.16, 0.09
ROW = 1.56
"""Inches from row to row."""
WIDTH = TILE + 0.25 + 5 * (CELL + GAP)
"""Inches of a row of five words."""


@dataclass(frozen=True)
class Word:
    """A unit in a row.

    Attributes:
        channel: of the row's layer.
        number: of its picture among the row's visualisations.
        strength: how much of it there is; the bar is as long as its size.
        told: the same in words.
    """

    channel: int
    number: int
    strength: float
    told: str


def draw_row(
    sheet: Sheet,
    left: float,
    top: float,
    label: str,
    tile: NDArray[np.float32],
    words: Sequence[Word],
    found: Visualization,
    largest: float,
    frames: Mapping[int, Array],
) -> None:
    """Draw what is said, then the words for it with bars: dark, or by sign where any is below 0.

    Args:
        sheet: to draw on.
        left: inches.
        top: inches.
        label: at the left of the row.
        tile: h x w x 3, what is said.
        words: most at first.
        found: the visualisations.
        largest: strength of a full bar.
        frames: colours of frames by channel.
    """
    said = sheet.axes(left, top, TILE, TILE)
    said.imshow(tile, interpolation="bilinear")
    said.set(xticks=[], yticks=[])
    sheet.text(left - 0.08, top + TILE / 2, label, ha="right", fontsize=9, fontweight="bold", color=INK)
    signed = any(word.strength < 0 for word in words)
    for column, word in enumerate(words):
        x = left + TILE + 0.25 + column * (CELL + GAP)
        framed = picture(sheet, x, top, CELL, found, word.number)
        if word.channel in frames:
            framed.spines[:].set(color=tuple(frames[word.channel]), linewidth=2)
        axes = sheet.axes(x, top + CELL + 0.07, CELL, BAR)
        share = word.strength / largest
        axes.barh([0], [abs(share)], height=1, color=SIGNED(0.5 + 0.5 * np.sign(share)) if signed else INK)
        axes.set(xlim=(0, 1), ylim=(-0.5, 0.5), xticks=[], yticks=[])
        axes.spines[:].set(color=RULE)
        sheet.text(x, top + CELL + 0.27, f"{word.channel}: {word.told}", fontsize=7, color=MUTED)
