"""Positions of every range of a unit's pre-activation, drawn by lot, and what the unit saw there."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Unit
from circuits.pictures import Images
from evals.dataset.floats import BINS, codes, floats
from evals.dataset.records import Example
from evals.dataset.survey import STRATA, Survey

__all__ = ["MOST_COLUMNS", "Seen", "Stratum", "crops", "cut", "pictures_of", "place_of", "stratified"]

Array = NDArray[np.float64]

MOST_COLUMNS = 11
"""Ranges of pre-activation, at most."""

OUTSIDE = 0.85
"""Grey of what lies outside a picture."""

_BINS_EACH = BINS // STRATA
"""Bins of the histogram in a stratum."""


@dataclass(frozen=True)
class Stratum:
    """A range of pre-activations of a unit, and a random sample of positions in it.

    Attributes:
        low: pre-activation from which on, in standard deviations.
        high: up to which.
        share: of all positions.
        examples: all positions in the range are equally likely to be among them.
    """

    low: float
    high: float
    share: float
    examples: tuple[Example, ...]


class Seen(Protocol):
    """How pictures were shown: a survey says it, and whatever was taken from one."""

    @property
    def field(self) -> Mapping[str, int]:
        """Receptive field: size, stride, offset in px."""
        ...

    @property
    def short_side(self) -> int:
        """Px that the pictures' shorter side was scaled to."""
        ...


def stratified(survey: Survey, unit: Unit | str, columns: int = MOST_COLUMNS) -> list[Stratum]:
    """A unit's pre-activations in at most so many ranges of about equal width, from the lowest to the highest.

    Borders are those of the survey's strata that are nearest, so that samples are right; ranges without positions are
    left out.

    Raises:
        CurvesError: the unit is not in the survey.
    """
    place = place_of(survey, unit)
    rows = survey.strata.rows
    rows = rows[rows["group"] // STRATA == place]
    _, deviation = survey.histogram.moments(place)
    own = rows["group"] % STRATA
    lowest, highest = (float(rows["value"].min()), float(rows["value"].max()))
    halves = max(1, math.ceil(2 * (highest - lowest) / (columns - 1) / (deviation or 1)))
    step = halves / 2 * (deviation or 1)
    wanted = step * np.arange(math.floor(lowest / step), math.ceil(highest / step) + 1)
    within = {border for border in map(_nearest_border, wanted) if own.min() < border <= own.max()}
    borders = sorted({int(own.min()), int(own.max()) + 1} | within)
    found = []
    for first, end in itertools.pairwise(borders):
        inside = rows[(own >= first) & (own < end)]
        if len(inside):
            inside = inside[np.lexsort((inside["place"], inside["image"], inside["key"]))]
            kept = inside[: survey.settings.per_stratum]
            count = survey.histogram.counts[place, first * _BINS_EACH : end * _BINS_EACH].sum()
            low, high = (_border(edge) / (deviation or 1) for edge in (first, end))
            share = float(count / survey.positions)
            found.append(Stratum(low, high, share, tuple(survey.examples(kept, strata=True))))
    return found


def crops(seen: Seen, images: Images, examples: Sequence[Example]) -> list[Array]:
    """What the units saw: the receptive field of each example, size x size x 3, in 0..1.

    Only pictures that are needed are read, in one run over the image set.

    Raises:
        CurvesError: the image set lacks a picture.
    """
    size = seen.field["size"]
    found = {
        number: cut(pixels.double(), corner, size) for number, pixels, corner in pictures_of(seen, images, examples)
    }
    return [found[number].permute(1, 2, 0).numpy() for number in range(len(examples))]


def pictures_of(
    seen: Seen, images: Images, examples: Sequence[Example]
) -> Iterator[tuple[int, Tensor, tuple[int, int]]]:
    """The picture of each example, as it was surveyed, in the order of the image set.

    Yields:
        Number of the example; its picture, 3 x H x W; top and left of what the unit saw, in px, maybe beyond the edges.

    Raises:
        CurvesError: the image set lacks a picture.
    """
    stride, offset = seen.field["stride"], seen.field["offset"]
    wanted: dict[str, list[int]] = {}
    for number, example in enumerate(examples):
        wanted.setdefault(example.picture, []).append(number)
    for picture in images.pictures():
        if not (numbers := wanted.pop(picture.name, [])):
            continue
        pixels = picture.scaled(seen.short_side)
        for number in numbers:
            yield number, pixels, (offset + stride * examples[number].row, offset + stride * examples[number].column)
        if not wanted:
            break
    if wanted:
        raise CurvesError(f"{images.name} lacks {next(iter(wanted))}; give the images that were surveyed")


def place_of(survey: Survey, unit: Unit | str) -> int:
    """Where a unit stands in the family."""
    wanted = Unit.parse(unit)
    if wanted not in survey.family.units:
        raise CurvesError(f"{wanted} was not surveyed; choose of {', '.join(map(str, survey.family.units))}")
    return survey.family.units.index(wanted)


def _border(stratum: int) -> float:
    """The lowest value of a stratum."""
    return float(floats(np.array([int(stratum) * (2**32 // STRATA)], np.uint32))[0])


def _nearest_border(value: float) -> int:
    """The stratum whose lowest value is nearest."""
    number = int(codes(np.array([value], np.float32))[0]) // (2**32 // STRATA)
    return min((number, number + 1), key=lambda n: abs(_border(n) - value))


def cut(pixels: Tensor, corner: tuple[int, int], size: int, outside: float = OUTSIDE) -> Tensor:
    """A square of maps, C x H x W, that may reach beyond them: C x size x size."""
    top, left = corner
    made = pixels.new_full((len(pixels), size, size), outside)
    height, width = pixels.shape[1:]
    rows, columns = (slice(max(at, 0), min(at + size, most)) for at, most in ((top, height), (left, width)))
    made[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = pixels[:, rows, columns]
    return made
