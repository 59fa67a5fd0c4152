"""What a survey says: scores with definitions, and the distributions behind them."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evals.dataset.definitions import DEFINITIONS, LEVEL, over_units
from evals.dataset.draws import company_scores, phi, redrawn
from evals.dataset.histogram import Histogram
from evals.dataset.survey import Survey
from evals.dataset.tails import LAWS, Tail, fit_tail
from evals.testing import TestResult
from evals.undefined import over

__all__ = ["Bins", "bins", "co_firing", "result", "tail"]

Array = NDArray[np.float64]

WIDTH = 0.5
"""Standard deviations: width of a bin of the distributions."""


class Bins:
    """A unit's distribution in bins of about equal width.

    Attributes:
        edges: pre-activations in standard deviations, (B + 1,); moved to the nearest border at which counts are exact.
        share: of all positions, (B,).
        contribution: of the expected value (the sum of activations), (B,); 0 where the unit does not fire.
    """

    def __init__(self, survey: Survey, unit: int, wanted: Array) -> None:
        histogram = survey.histogram
        scale = histogram.moments(unit)[1] or 1.0
        numbers = [Histogram.bin_of(edge * scale) for edge in wanted]
        self.edges = np.array([Histogram.lower_edge(number) for number in numbers]) / scale
        pairs = list(itertools.pairwise(numbers))
        counted = np.array([histogram.counts[unit, first:end].sum() for first, end in pairs])
        self.share = counted / histogram.total
        zero = Histogram.bin_of(0.0)
        sums = [histogram.sum_above(unit, max(first, zero), end) if end > zero else 0.0 for first, end in pairs]
        whole = histogram.sum_above(unit, zero)
        self.contribution = np.array(sums) / whole if whole > 0 else np.zeros(len(sums))


def bins(survey: Survey) -> list[Bins]:
    """The distribution of each unit, over one range of standard deviations."""
    lows, highs = [], []
    for unit in range(len(survey.family)):
        _, deviation = survey.histogram.moments(unit)
        lows.append(survey.histogram.quantile(unit, 0) / (deviation or 1))
        highs.append(_highest(survey)[unit] / (deviation or 1))
    first, last = np.floor(min(lows) / WIDTH) - 1, np.ceil(max(highs) / WIDTH) + 1
    wanted = np.arange(first, last + 1) * WIDTH
    return [Bins(survey, unit, wanted) for unit in range(len(survey.family))]


def tail(survey: Survey, unit: int) -> Tail | None:
    """The larger half of a unit's activations, as far as they are in the sample; None if there are too few."""
    zero = Histogram.bin_of(0.0)
    if not survey.together[unit, unit]:
        return None
    threshold = Histogram.lower_edge(survey.histogram.quantile_bin(unit, 0.5, zero))
    rows = survey.sample.rows
    mean, _ = survey.histogram.moments(unit)
    return fit_tail(rows["value"][:, unit].astype(np.float64), rows["image"], threshold, mean)


def co_firing(survey: Survey) -> tuple[Array, Array]:
    """How the units of a family fire together, each F x F.

    Returns:
        The share of the row's positions at which the column fires too; and the correlation of their firing over all
        positions (phi). NaN for units that never, or always, fire.
    """
    both = survey.together / survey.positions
    rate = np.diag(both)
    with np.errstate(invalid="ignore"):
        shares = both / rate[:, None]
    return shares, phi(both, rate[:, None], rate)


def result(survey: Survey) -> TestResult:
    """Scores, distributions and examples of a survey with at least one picture."""
    family, units = survey.family, range(len(survey.family))
    shares, correlation = co_firing(survey)
    tails = [tail(survey, unit) for unit in units]
    found = [_scores(survey, unit, tails[unit]) for unit in units]
    scores: dict[str, float | None] = {
        "units": float(len(family)),
        "pictures": float(survey.images),
        "positions": float(survey.positions),
    }
    scores |= over_units(found)
    for law in LAWS:
        better = [_better(one, law) for one, had in zip(found, tails, strict=True) if had]
        scores[f"exponential_over_{law}"] = over(np.mean, [float(sign > 0) for sign in better])
        scores[f"{law}_over_exponential"] = over(np.mean, [float(sign < 0) for sign in better])
    scores |= company_scores(np.take_along_axis(correlation.T, survey.companions, axis=0))
    for unit, one in zip(family.units, found, strict=True):
        scores |= {f"{unit}.{name}": value for name, value in one.items()}
    distributions = bins(survey)
    examples = survey.examples(survey.top.rows)
    data = {
        "edges": np.stack([one.edges for one in distributions]),
        "share": np.stack([one.share for one in distributions]),
        "contribution": np.stack([one.contribution for one in distributions]),
        "fires_too": shares,
        "firing_correlation": correlation,
        "top_unit": np.array([example.unit.channel for example in examples]),
        "top_picture": np.array([example.picture for example in examples]),
        "top_place": np.array([(example.row, example.column) for example in examples]),
        "top_value": np.array([example.value for example in examples], np.float32),
    }
    return TestResult(scores, DEFINITIONS, data, _details(survey), redrawn(survey, tails))


def _details(survey: Survey) -> dict[str, Any]:
    """What the survey was of."""
    names = " and ".join(dict.fromkeys(piece.images for piece in survey.pieces))
    return {
        "images": {"name": names, "hash": f"{survey.content:064x}", "count": survey.images},
        "short_side": survey.short_side,
        "receptive_field": dict(survey.field),
        "settings": asdict(survey.settings),
        "sampled": len(survey.sample.rows),
        "complete": survey.complete,
    }


def _scores(survey: Survey, unit: int, found: Tail | None) -> dict[str, float | None]:
    histogram = survey.histogram
    mean, deviation = histogram.moments(unit)
    scale = deviation or 1.0  # a unit that never varies is 0 standard deviations from anything
    whole = histogram.sum_above(unit, Histogram.bin_of(0.0))
    scores: dict[str, float | None] = {
        "firing": float(survey.together[unit, unit] / survey.positions),
        "mean": mean / scale,
        "pre_activation": mean,
        "deviation": deviation,
        "highest": _highest(survey)[unit] / scale,
        "expected": whole / survey.positions / scale,
        "half_of_expected": _half_of_expected(survey, unit) / scale if whole > 0 else None,
        "tail_scale": found.scale / scale if found else None,
        "tail_distance": found.distance if found else None,
        "tail_values": float(found.count) if found else None,
    }
    for law in LAWS:
        scores[f"{law}_ratio"] = found.against[law].ratio if found else None
        scores[f"{law}_p"] = found.against[law].p if found else None
    return scores


def _highest(survey: Survey) -> dict[int, float]:
    """The largest pre-activation of each unit."""
    rows = survey.top.rows
    return {int(unit): float(rows["value"][rows["group"] == unit].max()) for unit in np.unique(rows["group"])}


def _half_of_expected(survey: Survey, unit: int) -> float:
    """The activation above which half of the sum of all activations lies, to a bin of the histogram."""
    zero = Histogram.bin_of(0.0)
    used = [zero + int(place) for place in np.flatnonzero(survey.histogram.counts[unit, zero:])]
    sums = np.array([survey.histogram.sum_above(unit, place, place + 1) for place in used])
    running = np.cumsum(sums)
    return Histogram.lower_edge(used[int(np.searchsorted(running, running[-1] / 2))])


def _better(scores: dict[str, float | None], law: str) -> int:
    """1 if the exponential is the better one, -1 if the other is, 0 if that cannot be told."""
    ratio, p = scores[f"{law}_ratio"], scores[f"{law}_p"]
    return 0 if ratio is None or p is None or p >= LEVEL else int(np.sign(ratio))
