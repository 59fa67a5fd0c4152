"""How a survey's scores would be with other pictures: pictures, or groups of them, are drawn again.

Standard deviations, in which pre-activations are told, and where tails begin are taken as given. The comparison of
laws is not drawn again: its p already is over pictures, and each fit takes a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.dataset.definitions import over_units
from evals.dataset.groups import COMPANY
from evals.dataset.survey import Survey
from evals.dataset.tails import Tail
from evals.testing import Sample
from evals.undefined import over

__all__ = ["company_scores", "phi", "redrawn"]

Array = NDArray[np.float64]


def redrawn(survey: Survey, tails: Sequence[Tail | None]) -> Sample:
    """What the survey's scores are in a draw of its pictures, or of the groups that they are kept in.

    Args:
        survey: of at least one picture.
        tails: of each unit, as found.
    """
    count, family, company = len(survey.groups), survey.family, survey.companions
    positions, fired = survey.groups.counts()
    sums = survey.groups.sums()
    scales = np.array([survey.histogram.moments(unit)[1] or 1.0 for unit in range(len(family))])
    excess = np.stack([_excess(survey, unit, found) for unit, found in enumerate(tails)], axis=1)
    top = [_best(survey, unit) for unit in range(len(family))]

    def scores(places: NDArray[Any]) -> dict[str, float | None]:
        weights = np.bincount(places, minlength=count).astype(np.float64)
        seen = float(weights @ positions)
        share, mean = (np.tensordot(weights, part, 1) / seen for part in (fired, sums))
        beyond, inside = np.tensordot(weights, excess, 1).T
        found = []
        for unit, scale in enumerate(scales):
            value, of = top[unit]
            drawn = np.flatnonzero(weights[of])
            one: dict[str, float | None] = {
                "firing": float(share[0, unit]),
                "mean": float(mean[0, unit] / scale),
                "pre_activation": float(mean[0, unit]),
                "highest": float(value[drawn[0]] / scale) if len(drawn) else None,
                "expected": float(mean[1, unit] / scale),
                "tail_scale": float(beyond[unit] / inside[unit] / scale) if inside[unit] else None,
            }
            found.append(one)
        others = np.stack([phi(share[1 + which], share[0], share[0][own]) for which, own in enumerate(company)])
        told = over_units(found) | company_scores(others)
        for name, one in zip(family.units, found, strict=True):
            told |= {f"{name}.{key}": value for key, value in one.items()}
        return told

    what = "pictures" if count == survey.images else "groups of pictures"
    return Sample(what, count, f"{survey.content:064x}", scores)


def phi(both: Array, own: Array, other: Array) -> Array:
    """Correlation of firing, from shares of positions: of both, the one, and the other. NaN where one never varies."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = (both - own * other) / np.sqrt(own * (1 - own) * other * (1 - other))
    return found


def company_scores(found: Array) -> dict[str, float | None]:
    """The mean correlation of firing with each of the company, given the units', 2 x F; undefined for a single unit."""
    alone = found.shape[1] < 2
    values = {who: [] if alone else row[~np.isnan(row)].tolist() for who, row in zip(COMPANY, found, strict=True)}
    return {f"firing_with_{who}": over(np.mean, row) for who, row in values.items()}


def _excess(survey: Survey, unit: int, found: Tail | None) -> Array:
    """By group, the sum of what a unit's sampled tail exceeds its threshold by, and its number of values, G x 2."""
    if found is None:
        return np.zeros((len(survey.groups), 2))
    rows = survey.sample.rows
    beyond = rows["value"][:, unit].astype(np.float64) - found.threshold
    inside = beyond >= 0
    places = survey.groups.places(rows["image"][inside])
    count = len(survey.groups)
    return np.stack([np.bincount(places, beyond[inside], count), np.bincount(places, minlength=count)], axis=1)


def _best(survey: Survey, unit: int) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """A unit's highest values, from the highest on, and the groups that their pictures are in."""
    rows = survey.top.rows
    rows = rows[rows["group"] == unit]
    return rows["value"][:, 0], survey.groups.places(rows["image"])
