"""How far people agree on labels, beyond chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evals.undefined import ratio

__all__ = ["cohen_kappa", "krippendorff_alpha"]


def cohen_kappa(first: NDArray[np.int64], second: NDArray[np.int64]) -> float | None:
    """Cohen's kappa of two labellers (Educational and Psychological Measurement, 1960): 1 agree, 0 as by chance.

    Args:
        first: the number of each thing's label; below 0 where there is none.
        second: the same of the other; only what both labelled counts.

    Returns:
        None where both gave one and the same label alone, or share nothing.
    """
    both = (first >= 0) & (second >= 0)
    labels = np.unique(np.concatenate([first[both], second[both]]))
    shares = (
        [np.array([(who[both] == label).mean() for label in labels]) for who in (first, second)] if both.any() else []
    )
    if not shares:
        return None
    chance = float(shares[0] @ shares[1])
    return ratio(float((first[both] == second[both]).mean()) - chance, 1 - chance)


def krippendorff_alpha(counts: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> float | None:
    """Krippendorff's alpha of nominal labels: 1 agree, 0 as by chance; things may lack labels of some.

    Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, part C.

    Args:
        counts: things x labels: how many gave each label.
        weights: how often each thing counts; 1 by default.

    Returns:
        None where no thing has two labels, or all have the same.
    """
    paired = counts.sum(axis=1) >= 2
    seen = counts[paired].astype(np.float64)
    times = np.ones(len(seen)) if weights is None else weights[paired]
    # Each thing with m labels adds m: its pairs, each divided by m - 1.
    factor = times / (seen.sum(axis=1) - 1)
    agree = float(factor @ (seen * (seen - 1)).sum(axis=1))
    totals = times @ seen
    whole = float(totals.sum())
    expected = whole * whole - float(totals @ totals)
    disagreement = ratio((whole - 1) * (whole - agree), expected)
    return None if disagreement is None else 1 - disagreement
