"""What labels say of a unit: shares of each label by activation, by probability, and of the expected value.

Crops were drawn evenly from bins, and positions are not spread evenly over bins: a labelled crop stands for its bin's
share of all positions, divided by the labelled crops of the bin (the estimator of Horvitz and Thompson, 1952). So it
does for any network that looks at the same crops, whatever it makes of them. Bins without labels stand for nothing;
`covered` says how much that leaves. Uncertainty is over pictures: crops of one picture are alike.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evals.human.labels import CURVES, LABELS
from evals.human.raters import krippendorff_alpha
from evals.human.reading import Labelled
from evals.testing import Definition, Sample
from evals.undefined import ratio

__all__ = ["DEFINITIONS", "Shares", "intervals", "label_scores", "picture_sample", "plot_data", "shares"]

Array = NDArray[np.float64]

TOP = 0.1
"""Share of the labelled crops that are the strongest."""

_BOTH = "curve or imperfect curve"

DEFINITIONS = {
    "labelled": Definition("count", "crops with a label"),
    "labellers": Definition("count", "people who labelled"),
    "covered": Definition("share", "positions in bins with labels"),
    "agreement": Definition("-1..1", "Krippendorff's alpha of the labellers; undefined for one", better="higher"),
    "expected_curves": Definition(
        "share", f"expected value (mean activation) from crops labelled {_BOTH}", 0.55, "higher"
    ),
    **{
        f"expected_{label.key}": Definition(
            "share", f"expected value (mean activation) from crops labelled {label.name}"
        )
        for label in LABELS
    },
    "firing_curves": Definition("share", f"positions where the unit fires that are labelled {_BOTH}", better="higher"),
    "top_curve": Definition(
        "share",
        "of the tenth of the labelled crops with the highest pre-activation, those labelled curve",
        better="higher",
    ),
    "separation": Definition(
        "share",
        "pairs of a crop labelled curve and one labelled unrelated in which the former is higher; 0.5 by chance",
        better="higher",
    ),
}
"""The published value is what "Curve Detectors" says of 3b:379."""


_OF_THE_UNIT = tuple(name for name in DEFINITIONS if name not in {"labelled", "labellers", "covered", "agreement"})
"""Scores that a silent unit does not have."""


@dataclass(frozen=True)
class Shares:
    """Labels by bin of pre-activation.

    Attributes:
        by_activation: bins x 4, shares of a bin's positions; NaN where there are no labels.
        by_probability: bins x 4, shares of all positions; 0 where there are no labels.
        by_expected: bins x 4, shares of the expected value, of all bins with labels.
        crops: labelled ones of each bin.
    """

    by_activation: Array
    by_probability: Array
    by_expected: Array
    crops: NDArray[np.int64]


class _Tally:
    """The labelled crops as arrays: what weights need."""

    def __init__(self, labelled: Labelled, values: Array | None = None) -> None:
        sample = labelled.sample
        has = labelled.votes.sum(axis=1) > 0
        self.votes, self.counts = labelled.votes[has], labelled.counts[has]
        self.values = (sample.values if values is None else values)[has]
        self.bins = np.array([crop.bin for crop in sample.crops])[has]
        self.share = np.array([each.share for each in sample.bins])
        borders = [each.low for each in sample.bins[1:]]
        self.shown = self.bins if values is None else np.searchsorted(borders, self.values, side="right")
        names = [crop.picture for crop, kept in zip(sample.crops, has, strict=True) if kept]
        self.names, self.pictures = np.unique(names, return_inverse=True)

    @cached_property
    def activations(self) -> Array:
        found: Array = np.maximum(self.values, 0)
        return found

    def weights(self, times: Array) -> Array:
        """The share of all positions that each crop stands for, if it is there so many times."""
        there = np.bincount(self.bins, times, len(self.share))[self.bins]
        found: Array = times * self.share[self.bins] / np.where(there > 0, there, 1)
        return found

    def by_bin(self, amounts: Array) -> Array:
        """Sums of crops' amounts of each label, bins x 4."""
        return np.stack([np.bincount(self.shown, amounts * vote, len(self.share)) for vote in self.votes.T], axis=1)

    def shares(self, times: Array) -> Shares:
        weights = self.weights(times)
        there, expected = self.by_bin(weights), self.by_bin(weights * self.activations)
        with np.errstate(invalid="ignore"):
            by_activation = there / there.sum(axis=1, keepdims=True)
        whole = expected.sum()
        crops = np.bincount(self.shown, minlength=len(self.share))
        return Shares(by_activation, there, expected / (whole if whole > 0 else 1), crops)

    def scores(self, times: Array) -> dict[str, float | None]:
        weights = self.weights(times)
        expected = (weights * self.activations) @ self.votes
        fires = (weights * (self.values > 0)) @ self.votes
        found = {"covered": float(weights.sum()), "agreement": krippendorff_alpha(self.counts, times)}
        if not self.values.any():  # a silent unit
            return found | dict.fromkeys(_OF_THE_UNIT)
        found["expected_curves"] = ratio(float(expected[:CURVES].sum()), float(expected.sum()))
        for label, amount in zip(LABELS, expected, strict=True):
            found[f"expected_{label.key}"] = ratio(float(amount), float(expected.sum()))
        found["firing_curves"] = ratio(float(fires[:CURVES].sum()), float(fires.sum()))
        found["top_curve"] = self._top(times)
        found["separation"] = self._separation(times)
        return found

    def _top(self, times: Array) -> float | None:
        order = np.argsort(-self.values, kind="stable")
        running = np.cumsum(times[order])
        most = max(1.0, round(TOP * running[-1]))
        kept = np.clip(most - (running - times[order]), 0, times[order])
        return ratio(float(kept @ self.votes[order, 0]), float(kept.sum()))

    def _separation(self, times: Array) -> float | None:
        """Mann and Whitney's statistic; equal values count half."""
        curve, unrelated = (times * self.votes[:, number] for number in (0, 2))
        values, place = np.unique(self.values, return_inverse=True)
        high, low = (np.bincount(place, part, len(values)) for part in (curve, unrelated))
        below = np.cumsum(low) - low / 2
        return ratio(float(high @ below), float(high.sum() * low.sum()))


def shares(labelled: Labelled, values: Array | None = None) -> Shares:
    """Labels by bin of pre-activation.

    Args:
        labelled: a sample with labels.
        values: pre-activations at the crops, in standard deviations, if not those that the crops were drawn by.
    """
    tally = _Tally(labelled, values)
    return tally.shares(np.ones(len(tally.values)))


def intervals(labelled: Labelled, values: Array | None = None, seed: int = 0, times: int = 500) -> tuple[Array, Array]:
    """Intervals of 95% of `by_activation`, summed from the first label up to each, by bootstrap over pictures.

    Args:
        labelled: a sample with labels.
        values: as for `shares`.
        seed: of the draws.
        times: how many there are.

    Returns:
        Low and high, each bins x 4; NaN where a bin has no labels.
    """
    tally, random = _Tally(labelled, values), np.random.default_rng(seed)
    count = len(tally.names)
    drawn = (np.bincount(random.integers(0, count, count), minlength=count)[tally.pictures] for _ in range(times))
    found = np.stack([tally.shares(weights.astype(np.float64)).by_activation for weights in drawn])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of bins that have no labels in any draw
        low, high = np.nanpercentile(found.cumsum(axis=2), (2.5, 97.5), axis=0)
    return low, high


def plot_data(labelled: Labelled, values: Array | None = None) -> dict[str, Array]:
    """What the three plots are drawn from, see `evals.human.plots.stack_figures`; `values` as for `shares`."""
    found, (low, high) = shares(labelled, values), intervals(labelled, values)
    return {
        "low": np.array([each.low for each in labelled.sample.bins]),
        "high": np.array([each.high for each in labelled.sample.bins]),
        "activation": found.by_activation,
        "probability": found.by_probability,
        "expected": found.by_expected,
        "interval_low": low,
        "interval_high": high,
    }


def label_scores(labelled: Labelled, values: Array | None = None) -> dict[str, float | None]:
    """All scores by name.

    Args:
        labelled: a sample with labels.
        values: pre-activations at the crops, in standard deviations, if not those of the sample's own network.
    """
    tally = _Tally(labelled, values)
    counts = {"labelled": float(len(tally.values)), "labellers": float(len(labelled.labellers))}
    return counts | tally.scores(np.ones(len(tally.values)))


def picture_sample(labelled: Labelled, values: Array | None = None) -> Sample:
    """How the scores follow from a draw of the pictures that have labelled crops."""
    tally = _Tally(labelled, values)
    count = len(tally.names)

    def scores(places: NDArray[np.intp]) -> Mapping[str, float | None]:
        return tally.scores(np.bincount(places, minlength=count)[tally.pictures].astype(np.float64))

    return Sample("pictures with labelled crops", count, f"{labelled.sample.identity}/{labelled.labellers}", scores)
