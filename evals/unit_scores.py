"""Scores of units as a test tells them: by unit, and the family's, which are medians over units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits import Family
from evals.testing import Sample
from evals.undefined import over

__all__ = ["UnitScores", "medians", "of_units", "unit_sample"]

UnitScores = Mapping[str, float | None]
"""Scores of one unit by name; every unit has all of them, undefined ones as None."""


def of_units(family: Family, found: Sequence[UnitScores]) -> dict[str, float | None]:
    """The family's medians, and the scores of each unit under its name."""
    own = {
        f"{unit}.{name}": value for unit, one in zip(family.units, found, strict=True) for name, value in one.items()
    }
    return medians(found) | own


def medians(found: Sequence[UnitScores]) -> dict[str, float | None]:
    """Over the units for which a score is defined."""
    return {name: over(np.median, [one[name] for one in found]) for name in found[0]}


def unit_sample(family: Family, found: Sequence[UnitScores]) -> Sample:
    """The units, for tests whose stimuli are laid out and not chosen: the family might have had others of its kind."""

    def scores(places: NDArray[Any]) -> dict[str, float | None]:
        return medians([found[i] for i in places])

    return Sample("units of the family", len(family), " ".join(map(str, family.units)), scores)
