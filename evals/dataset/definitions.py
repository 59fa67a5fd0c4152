"""What the scores of the dataset test mean, and how a family's follow from its units'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from evals.dataset.tails import LAWS
from evals.testing import Definition
from evals.undefined import over

__all__ = ["DEFINITIONS", "LEVEL", "over_units"]

LEVEL = 0.05
"""Probability of error at which one law is said to fit better than another."""

_ALPHA = f"p < {LEVEL}, Vuong's test with its variance taken over pictures"

_SD = "standard deviations"
_PHI = "correlation, over positions, between the firing of a unit and of"

DEFINITIONS = {
    "units": Definition("count", "units of the family"),
    "pictures": Definition("count", "pictures run"),
    "positions": Definition("count", "positions of the layer in all pictures, those at the edges too"),
    "firing": Definition("share", "positions where the pre-activation is above 0; mean over units", 0.11, "target"),
    "mean": Definition(_SD, "mean pre-activation over positions; mean over units", better="target"),
    "pre_activation": Definition(
        "pre-activation", "mean over positions, in the network's own numbers; mean over units", -200.0, "target"
    ),
    "deviation": Definition("pre-activation", "standard deviation of the pre-activation over positions; only of units"),
    "highest": Definition(_SD, "largest pre-activation; median over units", better="higher"),
    "expected": Definition(_SD, "mean activation (after the ReLU) over positions; mean over units", better="target"),
    "half_of_expected": Definition(
        _SD, "activation above which half of the sum of activations lies; median over units", better="target"
    ),
    "tail_scale": Definition(
        _SD, "mean excess of activations over the median of those that fire; median over units", better="target"
    ),
    "tail_distance": Definition(
        "share",
        "Kolmogorov's distance between that half of the activations and an exponential; median over units",
        better="lower",
    ),
    "tail_values": Definition("count", "activations that the tail was fitted to; median over units"),
    "firing_with_neighbour": Definition("-1..1", f"{_PHI} the next in direction; mean", better="target"),
    "firing_with_opposite": Definition("-1..1", f"{_PHI} that most opposite to it; mean", better="lower"),
}
for _law, _text in LAWS.items():
    DEFINITIONS |= {
        f"exponential_over_{_law}": Definition(
            "share",
            f"units with tails that an exponential fits better than this: {_text}; {_ALPHA}",
            1.0 if _law == "gaussian" else None,
            "higher",
        ),
        f"{_law}_over_exponential": Definition(
            "share",
            f"units with tails that this fits better than an exponential: {_text}; {_ALPHA}",
            0.0 if _law == "gaussian" else None,
            "lower",
        ),
        f"{_law}_ratio": Definition(
            "nats",
            f"mean log-likelihood ratio of a value in the tail, exponential over: {_text}; only of units",
            better="higher",
        ),
        f"{_law}_p": Definition("probability", "two-sided p of that ratio; only of units"),
    }
"""Published values are what "Curve Detectors" says of 3b:379 on ImageNet."""

_MEANS = ("firing", "mean", "pre_activation", "expected")
_MEDIANS = ("highest", "half_of_expected", "tail_scale", "tail_distance", "tail_values")


def over_units(found: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """The family's means and medians of such scores of its units as there are."""
    known = found[0]
    return {name: over(np.mean, [one[name] for one in found]) for name in _MEANS if name in known} | {
        name: over(np.median, [one[name] for one in found]) for name in _MEDIANS if name in known
    }
